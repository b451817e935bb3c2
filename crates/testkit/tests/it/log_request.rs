//! What a request leaves in the log: the closed list of fields that LOG-02 … LOG-08 leave of it, at the most talkative level.

use std::collections::BTreeSet;

use doorward_testkit::canary::{Canary, Hit};
use doorward_testkit::h2::H2Frames;
use doorward_testkit::{Act, House, INSIDE, RawClient, Request};
use serde_json::{Value, json};

use crate::site::Site;

/// Of the shape of no token: what nobody can know by its looks has to go by its place.
const CODE: &str = "canary-code-7kq";
const STRAY: &str = "canary-stray-Kx7mPz2Qw9";
const PASSWORD: &str = "canary password tulip & \"ferns\"";

/// Every name that a line of the access log may have. A new one is a decision: add it here when nothing foreign can be in it.
const FIELDS: &[&str] = &[
    "timestamp",
    "level",
    "target",
    "message",
    "request_id",
    // A UUID or nothing (HDR-20).
    "client_request_id",
    "client",
    "peer",
    "method",
    "host",
    "path",
    "status",
    "duration_ms",
    "bytes_out",
    "scope",
    "count",
];

fn site() -> Site {
    Site::with(|builder| builder.log("trace"))
}

fn lines(house: &House) -> Vec<Value> {
    house.stderr().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The access lines that are there once everything so far has been answered and told.
fn access(house: &House) -> Vec<Value> {
    lines(house).into_iter().filter(|line| line["target"] == "access").collect()
}

/// The paths of the access lines, in order.
fn paths(house: &House) -> Vec<String> {
    access(house).iter().filter_map(|line| Some(line["path"].as_str()?.to_owned())).collect()
}

#[track_caller]
fn assert_silent(house: &House, secrets: &[Canary]) {
    let sinks = [("stderr", house.stderr()), ("stdout", house.stdout()), ("trail", trail(house))];
    let hits: Vec<Hit> =
        secrets.iter().flat_map(|secret| sinks.iter().flat_map(|(name, text)| secret.search(name, text.as_bytes()))).collect();
    assert!(hits.is_empty(), "{hits:#?}");
}

/// The audit trail as lines of JSON.
fn trail(house: &House) -> String {
    let output = house.command(&["audit", "export", "--format", "jsonl"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A token of ours, fresh from a mail.
fn token(house: &House) -> String {
    house.sign_up("ada@app.test", house.password());
    house.mailbox().wait_for("ada@app.test").token()
}

/// Percent-encodes every octet.
fn encoded(text: &str) -> String {
    text.bytes().map(|octet| format!("%{octet:02X}")).collect()
}

#[test]
fn log_02_the_path_is_logged_without_query_and_without_tokens() {
    let site = site();
    let token = token(&site.house);
    let (once, twice) = (encoded(&token), encoded(&encoded(&token)));
    let targets = [
        (format!("/?token={token}"), "/"),
        (format!("/cb?code={CODE}&state={CODE}"), "/cb"),
        (format!("/api/x?next=%2Fcb%3Fcode%3D{CODE}"), "/api/x"),
        (format!("/x;token={CODE}"), "/x"),
        (format!("/x;jsessionid={token}/y"), "/x"),
        (format!("/cb%3Fcode={CODE}"), "/cb…"),
        (format!("/cb%253fcode%253d{CODE}"), "/cb…"),
        (format!("/cb%2523access_token={CODE}"), "/cb…"),
        (format!("/cb%3Bcode={CODE}"), "/cb…"),
        (format!("/reset-password/{token}"), "/reset-password/[redacted]"),
        (format!("/reset-password/t={token}.html"), "/reset-password/[redacted]"),
        (format!("/reset-password/{once}"), "/reset-password/[redacted]"),
        (format!("/reset-password/{twice}"), "/reset-password/[redacted]"),
        (format!("/reset-password%2F{token}"), "/[redacted]"),
        (format!("/reset-password%252F{token}"), "/[redacted]"),
        (format!("/account/verify/{token}"), "/account/verify/[redacted]"),
        (format!("/account/verify?token={token}"), "/account/verify"),
        (format!("/api/auth/sessions/{token}"), "/api/auth/sessions/[redacted]"),
    ];
    for (target, logged) in &targets {
        site.house.client().get(target);
        assert_eq!(paths(&site.house).last().unwrap(), logged, "{target}");
    }
    let own = site.house.authority();
    // A fragment is no part of a request target (RFC 9112 §3.2): nothing of what is refused unread is logged.
    let before = access(&site.house).len();
    for target in [format!("/x#token={token}"), format!("/#{CODE}"), format!("https://{own}/x#{CODE}"), format!("*?{CODE}")] {
        site.house.raw().ask(format!("GET {target} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        assert_eq!(paths(&site.house).last().unwrap(), "/", "{target}");
    }
    assert_eq!(access(&site.house).len(), before + 4);
    // The other ways in: plain HTTP, whose answer repeats the target; a gate; HTTP/2; the absolute form.
    for target in [format!("/x?token={token}"), format!("/{token}?code={CODE}"), format!("/;{CODE}")] {
        let mut plain: RawClient = site.house.raw_plain();
        plain.send(format!("GET {target} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        let _ = plain.read_reply().unwrap();
        site.insider("adm").get(&target);
        site.outsider("adm").get(&target);
        site.house.raw().ask(format!("GET https://{own}{target} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
        let fields = [(":method", "GET"), (":scheme", "https"), (":authority", own.as_str()), (":path", target.as_str())];
        let _ = frames.ask(&fields);
    }
    assert!(access(&site.house).len() >= targets.len() + 4 + 12, "every way in has its line");
    assert_silent(&site.house, &[Canary::new("token", token), Canary::new("code", CODE)]);
}

#[test]
fn log_03_neither_referer_nor_location_is_logged() {
    let site = site();
    let token = token(&site.house);
    let own = site.house.authority();
    for (number, location) in [
        format!("https://{own}/reset-password?token={token}"),
        format!("/cb?code={CODE}&state={CODE}"),
        format!("//elsewhere.test/#access_token={CODE}"),
        format!("https://user:{CODE}@{own}/"),
        format!("http://{}/internal?code={CODE}", site.web.address()),
    ]
    .iter()
    .enumerate()
    {
        let path = format!("/sends-{number}");
        site.web
            .act(&path, Act::answer(302, &[("Location", location), ("Content-Location", location), ("Refresh", location)], ""));
        for referer in [
            format!("https://{own}/reset-password?token={token}"),
            format!("https://{own}/reset-password/{token}"),
            format!("https://{own}/#code={CODE}"),
            format!("https://elsewhere.test/?q={CODE}"),
        ] {
            let status = site.house.client().send(&Request::get(&path).header("Referer", &referer)).status;
            assert!(matches!(status, 302 | 502), "{status}");
        }
    }
    // Redirects of our own repeat what was asked for.
    for target in
        [format!("/x?token={token}"), format!("/members/x?code={CODE}"), format!("/account/sign-in?next=/cb%3Fcode%3D{CODE}")]
    {
        let mut plain = site.house.raw_plain();
        plain.send(format!("GET {target} HTTP/1.1\r\nHost: {own}\r\nReferer: https://{own}{target}\r\n\r\n"));
        let reply = plain.read_reply().unwrap();
        assert!(reply.header("location").is_some(), "{reply:?}");
        let page = Request::get(&target).header("Referer", &format!("https://{own}{target}")).header("Accept", "text/html");
        site.house.client().send(&page);
    }
    assert!(access(&site.house).len() >= 5 * 4 + 6);
    assert_silent(&site.house, &[Canary::new("token", token), Canary::new("code", CODE)]);
}

/// Bodies that break at different places, each with a password in it.
fn broken_bodies() -> Vec<(&'static str, String)> {
    let json = "application/json";
    let quoted = serde_json::to_string(PASSWORD).unwrap();
    vec![
        (json, format!("{{\"email\":\"ada@app.test\",\"password\":{quoted}")),
        (json, format!("{{\"email\":\"ada@app.test\",\"password\":{quoted},}}")),
        (json, format!("{{\"password\":\"{PASSWORD}\"}}")),
        (json, format!("{{{quoted}:1}}")),
        (json, format!("{{\"password\":{quoted},\"password\":{quoted}}}")),
        (json, format!("{{\"email\":{quoted},\"password\":{{\"a\":{quoted}}}}}")),
        (json, format!("{{\"email\":[{quoted}],\"password\":[{quoted}]}}")),
        (json, format!("{{\"token\":{{\"x\":{quoted}}},\"password\":1{PASSWORD}}}")),
        (json, quoted.clone()),
        (json, format!("{{\"password\":\"{PASSWORD}\\uD800\"}}")),
        (json, PASSWORD.to_owned()),
        ("text/plain", PASSWORD.to_owned()),
        ("application/x-www-form-urlencoded", format!("password={PASSWORD}&password={PASSWORD}")),
        ("application/x-www-form-urlencoded", format!("password=%zz{PASSWORD}")),
        (
            "multipart/form-data; boundary=x",
            format!("--x\r\nContent-Disposition: form-data; name=password\r\n\r\n{PASSWORD}\r\n--x--"),
        ),
        (
            "application/csp-report",
            format!(
                "{{\"csp-report\":{{\"blocked-uri\":{quoted},\"effective-directive\":{quoted},\"script-sample\":{quoted}}}}}"
            ),
        ),
    ]
}

/// Method and path of everything that the description of the API lists with a body, and the forms of the pages.
fn doors_for_bodies(house: &House) -> Vec<(String, String)> {
    let description: Value = serde_json::from_slice(&house.command(&["openapi"]).stdout).unwrap();
    let paths = description["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, operations)| {
        let with_body = operations.as_object().unwrap().iter().filter(|(_, operation)| !operation["requestBody"].is_null());
        with_body.map(|(method, _)| (method.to_ascii_uppercase(), path.clone()))
    });
    let pages = ["sign-up", "sign-in", "verify", "resend", "forgot", "reset", "profile", "password", "email", "delete"];
    operations.chain(pages.map(|page| ("POST".to_owned(), format!("/account/{page}")))).collect()
}

#[test]
fn log_04_no_body_is_logged_and_no_fault_of_one_repeats_it() {
    let site = Site::with(|builder| builder.log("trace").limit("edge_auth", "12000/min"));
    let mut member = site.house.member("ada@app.test");
    let (doors, bodies) = (doors_for_bodies(&site.house), broken_bodies());
    assert!(doors.len() >= 20, "{doors:?}");
    let secret = Canary::new("password", PASSWORD);
    for (method, path) in &doors {
        for (content_type, body) in &bodies {
            let request = Request::new(method, path).csrf().body(content_type, body.clone());
            let reply = member.send(&request);
            assert!(reply.status < 500, "{method} {path}: {reply:?}");
            assert_eq!(secret.search(path, &reply.body), [], "{method} {path} answers with what it was sent");
        }
    }
    // What goes to and comes from an application behind us is its own affair, and not the log's.
    site.api.act("/api/tells", Act::answer(500, &[("Content-Type", "text/plain")], PASSWORD));
    for path in ["/api/echo", "/api/tells"] {
        member.send(&Request::post(path).csrf().body("text/plain", PASSWORD));
    }
    let told = access(&site.house).len();
    assert!(told >= doors.len() * bodies.len(), "{told}");
    assert_silent(&site.house, &[secret]);
    assert!(!site.house.stderr().contains("expected"), "no parser's own words");
}

#[test]
fn log_08_no_header_field_is_logged_whatever_its_name() {
    let site = site();
    let names = [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "X-CSRF-Token",
        "X-Api-Key",
        "X-Auth-Token",
        "X-Amz-Security-Token",
        "X-Forwarded-For",
        "X-Real-Ip",
        "Forwarded",
        "X-Request-Id",
        "Referer",
        "Origin",
        "Accept",
        "Accept-Language",
        "From",
        "If-None-Match",
        "Last-Event-Id",
        "Traceparent",
        "Tracestate",
        "Baggage",
        "X-B3-TraceId",
        "X-Doorward-Assertion",
        "X-Nobody-Heard-Of-This",
    ];
    let answered =
        ["Set-Cookie", "X-Api-Key", "Location", "WWW-Authenticate", "Server", "Etag", "X-Debug", "Traceresponse", "Warning"];
    let fields: Vec<_> = answered.iter().map(|name| (*name, STRAY)).collect();
    site.api.act("/api/tells", Act::answer(200, &fields, "x"));
    site.api.act(
        "/api/broken",
        Act::RawThenClose(format!("HTTP/1.1 200 OK\r\nX-Api-Key: {STRAY}\r\nBad\u{1} {STRAY}: x\r\n\r\n").into()),
    );
    let mut requests = 0;
    for path in ["/", "/api/x", "/api/tells", "/api/broken", "/members/x", "/account/sign-in", "/api/auth/me", "/nowhere"] {
        for name in names {
            site.house.client().send(&Request::get(path).header(name, STRAY));
            requests += 1;
        }
    }
    for name in names {
        site.insider("adm").send(&Request::get("/").header(name, STRAY));
        site.house.client().send(&Request::post("/api/auth/login").header(name, STRAY).json(&json!({})));
        requests += 2;
    }
    let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
    let own = site.house.authority();
    let lower: Vec<_> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    for name in &lower {
        let pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", own.as_str()), (":path", "/api/x")];
        let _ = frames.ask(&[&pseudo[..], &[(name.as_str(), STRAY)]].concat());
        requests += 1;
    }
    let told = access(&site.house);
    assert!(told.len() >= requests, "{} lines of {requests} requests", told.len());
    let seen: BTreeSet<&str> = told.iter().flat_map(|line| line.as_object().unwrap().keys().map(String::as_str)).collect();
    let unknown: Vec<_> = seen.iter().filter(|name| !FIELDS.contains(name)).collect();
    assert!(unknown.is_empty(), "nobody decided that these may be logged: {unknown:?}");
    // The trail has the user agent, escaped and cut, and no other field.
    assert_silent(&site.house, &[Canary::new("stray", STRAY)]);
}

/// What the internal listener tells of itself: name and labels of every series.
fn series(house: &House) -> (BTreeSet<String>, String) {
    let text = RawClient::plain(house.internal(), INSIDE)
        .expect("the internal door opens")
        .ask(format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", house.internal()))
        .expect(200)
        .text();
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    (samples.map(|line| line.rsplit_once(' ').unwrap().0.to_owned()).collect(), text)
}

#[test]
fn log_07_spans_and_metrics_hold_nothing_that_a_client_chose() {
    let site = site();
    let token = token(&site.house);
    let (before, _) = series(&site.house);
    assert!(before.len() > 50, "{before:?}");
    let long = "x".repeat(6000);
    for number in 0..40 {
        let stray = format!("{STRAY}-{number}");
        let trace = format!("00-{number:032x}-{number:016x}-01");
        for (method, path) in [
            ("GET", format!("/{stray}/a{number}?token={token}")),
            ("GET", format!("/{stray}/{token}/{long}")),
            ("GET", format!("/api/auth/{stray}")),
            ("DELETE", format!("/api/auth/sessions/{stray}")),
            ("POST", "/api/auth/login".to_owned()),
            (&format!("CANARY{number}"), "/".to_owned()),
        ] {
            let request = Request::new(method, &path)
                .header("Traceparent", &trace)
                .header("Tracestate", &format!("vendor={stray}"))
                .header("Baggage", &format!("userId={stray},token={token}"))
                .header("X-B3-TraceId", &stray)
                .header("User-Agent", &stray);
            site.house.client().send(&request);
        }
        for host in [format!("{stray}.app.test"), format!("{token}.app.test:1"), stray.clone()] {
            site.house.raw().ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let mut plain = site.house.raw_plain();
            plain.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let _ = plain.read_reply();
        }
    }
    let (after, text) = series(&site.house);
    assert_eq!(after, before, "no request makes a series");
    let canaries = [Canary::new("token", token), Canary::new("stray", STRAY)];
    let hits: Vec<Hit> = canaries.iter().flat_map(|canary| canary.search("metrics", text.as_bytes())).collect();
    assert!(hits.is_empty(), "{hits:#?}");
    let lines = lines(&site.house);
    let hosts = BTreeSet::from([String::new(), site.house.host().to_owned()]);
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE", "-", "unknown"];
    for line in &lines {
        assert!(line.get("span").is_none() && line.get("spans").is_none(), "a span has attributes to look at: {line}");
        assert!(line.to_string().len() < 2048, "a line is bounded: {line}");
        if line["target"] == "access" {
            assert!(hosts.contains(line["host"].as_str().unwrap()), "{line}");
            assert!(methods.contains(&line["method"].as_str().unwrap()), "{line}");
        }
    }
    // The path is what a client chose, bounded; no other field repeats it, nor anything else of the request.
    let told: String = lines.iter().map(|line| without_path(line) + "\n").collect();
    let hits: Vec<Hit> = canaries.iter().flat_map(|canary| canary.search("log", told.as_bytes())).collect();
    assert!(hits.is_empty(), "{hits:#?}");
    assert_silent(&site.house, &canaries[..1]);
    // Spans leave the process by nothing. Whatever exports them one day has to be captured here.
    let reference = include_str!("../../../../docs/reference/configuration.md").to_ascii_lowercase();
    for word in ["otlp", "otel", "jaeger", "zipkin", "statsd"] {
        assert!(!reference.contains(word), "{word}: another sink");
    }
}

fn without_path(line: &Value) -> String {
    let mut line = line.clone();
    line.as_object_mut().unwrap().remove("path");
    line.to_string()
}
