//! HDR-16, HDR-19, HDR-20 through the whole product: what browsers report, what would run an answer, and what a request is called.

use doorward_testkit::canary::Canary;
use doorward_testkit::{House, Reply, Request};
use serde_json::{Value, json};

use crate::site::Site;

const PATH: &str = "/api/csp-report";
const TYPES: [&str; 3] = ["application/csp-report", "application/reports+json", "application/json"];
const SECRET: &str = "canary-code-7kq";

fn report(content_type: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post(PATH).body(content_type, body).header("Sec-Fetch-Site", "cross-site").header("Sec-Fetch-Dest", "report")
}

/// A report of exactly so many octets.
fn of_size(octets: usize) -> String {
    let empty = json!({"csp-report": {"effective-directive": "script-src", "sample": ""}}).to_string();
    let (head, tail) = empty.split_at(empty.len() - 3);
    format!("{head}{}{tail}", "x".repeat(octets - empty.len()))
}

fn lines(house: &House) -> Vec<Value> {
    house.stderr().lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn logged(house: &House) -> Vec<Value> {
    lines(house).into_iter().filter(|line| line["message"] == "a browser reports blocked content").collect()
}

/// No cookie is set, none is asked for, and the answer hangs on none.
#[track_caller]
fn assert_cookieless(reply: &Reply) {
    assert!(reply.all("set-cookie").is_empty() && !reply.all("vary").iter().any(|name| name.contains("ookie")), "{reply:?}");
}

#[test]
fn hdr_16_reports_are_taken_up_to_a_size_in_three_types_and_so_many_a_minute() {
    let site = Site::start();
    let mut client = site.house.client();
    for kind in TYPES {
        for (status, octets) in [(204, 1024), (204, 64 * 1024), (413, 64 * 1024 + 1), (413, 1024 * 1024)] {
            let reply = site.house.client().send(&report(kind, of_size(octets)));
            assert_eq!(reply.status, status, "{kind} of {octets} octets");
            assert_cookieless(&reply);
        }
    }
    for kind in
        ["text/plain", "text/html", "application/x-www-form-urlencoded", "multipart/form-data", "application/csp-reports", "*/*"]
    {
        let reply = client.send(&report(kind, of_size(1024)));
        assert_eq!(reply.status, 415, "{kind}");
        assert_cookieless(&reply);
    }
    client.send(&Request::post(PATH).bare_body(of_size(1024))).expect(415);
    client.send(&report(TYPES[0], of_size(1024)).header("Content-Encoding", "gzip")).expect(415);
    // A length that nobody announced is counted.
    let own = site.house.authority();
    let mut raw = site.house.raw();
    raw.send_what_it_takes(format!(
        "POST {PATH} HTTP/1.1\r\nHost: {own}\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n{}\r\n0\r\n\r\n",
        TYPES[0],
        of_size(1024 * 1024)
    ));
    assert_eq!(raw.reply().status, 413);
    for method in ["GET", "PATCH", "DELETE"] {
        client.send(&Request::new(method, PATH)).expect(405);
    }
    // Whoever is signed in sends no more than a stranger and gets no new cookie.
    let ada = site.house.member("ada@app.test");
    for cookies in [ada.cookie_line(), "__Host-session=a; __Host-session=b".to_owned(), "x".repeat(200)] {
        let reply = client.send(&report(TYPES[0], of_size(1024)).cookies(&cookies));
        assert_eq!(reply.status, 204, "{cookies}");
        assert_cookieless(&reply);
    }
    let house = House::builder().limit("csp_report", "3/min").start();
    let mut client = house.client();
    let answers: Vec<u16> = (0..5).map(|_| client.send(&report(TYPES[0], of_size(1024))).status).collect();
    assert_eq!(answers, [204, 204, 204, 429, 429]);
    assert_eq!(client.get("/api/auth/me").status, 401, "nothing else is held to this quota");
}

#[test]
fn hdr_16_a_report_is_logged_escaped_and_without_query() {
    let site = Site::start();
    let own = site.house.authority();
    let token = "q3K0b1Zr8hN5tYw2Xc7Vd4Ls6Jm9Pf1Ga0Re3Ui5Oo8";
    let evil = "\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\u{1b}[31m\u{202e}\u{2028}";
    let old = json!({"csp-report": {
        "document-uri": format!("https://{own}/reset/{token}{evil}?token={SECRET}#{SECRET}"),
        "blocked-uri": format!("https://evil.test/x{evil};{SECRET}?code={SECRET}"),
        "referrer": format!("https://{own}/{SECRET}"),
        "effective-directive": "script-src",
        "violated-directive": SECRET,
        "original-policy": SECRET,
        "source-file": SECRET,
        "script-sample": SECRET,
    }});
    site.house.client().send(&report(TYPES[0], old.to_string())).expect(204);
    let lines = logged(&site.house);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = lines[0].as_object().unwrap();
    let text = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("{name}: {line:?}"));
    assert_eq!(text("directive"), "script-src");
    assert!(text("document").starts_with(&format!("https://{own}/reset/[redacted]")), "{line:?}");
    let escaped = r#"https://evil.test/x\u{d}\u{a}{"level":"ERROR","message":"forged"}\u{1b}[31m\u{202e}\u{2028}"#;
    assert_eq!(text("blocked"), escaped);
    let names = ["timestamp", "level", "target", "message", "request_id", "directive", "blocked", "document"];
    assert!(line.keys().all(|name| names.contains(&name.as_str())), "{line:?}");
    // The other shape; and what is none of the things that it should be is not worth its text.
    let new = json!([
        {"type": "csp-violation", "body": {"documentURL": format!("https://{own}/x?{SECRET}"), "blockedURL": "inline", "effectiveDirective": "style-src-attr"}},
        {"type": "csp-violation", "body": {"documentURL": SECRET, "blockedURL": SECRET, "effectiveDirective": format!("A {SECRET}")}},
        {"type": "csp-violation", "body": {"documentURL": [SECRET], "blockedURL": {SECRET: SECRET}, "effectiveDirective": 7}},
        {"type": "csp-violation", "body": SECRET},
        {"type": SECRET, "body": null},
        {"type": "csp-violation", "body": {"documentURL": "https://a/6"}},
    ]);
    site.house.client().send(&report(TYPES[1], new.to_string())).expect(204);
    let lines = logged(&site.house);
    let told: Vec<_> = lines[1..].iter().map(|line| [&line["directive"], &line["blocked"], &line["document"]]).collect();
    assert_eq!(told[0], [&json!("style-src-attr"), &json!("inline"), &json!(format!("https://{own}/x"))]);
    assert_eq!(told[1], [&json!("other"), &json!("other"), &json!("other")]);
    assert!(told.len() <= 5, "one request has so many lines and no more: {told:?}");
    assert!(!site.house.stderr().contains(token));
    assert_eq!(Canary::new("secret", SECRET).search("stderr", site.house.stderr().as_bytes()), []);
    assert_eq!(Canary::new("token", token).search("stderr", site.house.stderr().as_bytes()), []);
    // Long text is cut.
    let long = json!({"csp-report": {"document-uri": format!("https://{own}/{}", "a b".repeat(9_000)), "effective-directive": "a".repeat(9_000)}});
    site.house.client().send(&report(TYPES[0], long.to_string())).expect(204);
    let last = logged(&site.house).pop().unwrap();
    assert!(last.to_string().len() < 2_000, "{last}");
}

#[test]
fn hdr_19_who_is_signed_in_is_told_to_no_script_of_any_page() {
    let site = Site::start();
    let mut ada = site.house.member("ada@app.test");
    for path in ["/api/auth/me", "/api/auth/csrf", "/api/auth/sessions", "/api/notes"] {
        for name in ["script", "style", "object", "embed"] {
            for from in ["same-origin", "cross-site"] {
                let request = Request::get(path).header("Sec-Fetch-Dest", name).header("Sec-Fetch-Site", from);
                let reply = ada.send(&request);
                assert_eq!(reply.status, 403, "{path} as {name}");
                assert_eq!(reply.json(), json!({"detail": "Forbidden"}));
                assert!(reply.all("set-cookie").is_empty());
            }
        }
        assert_eq!(ada.send(&Request::get(path).header("Sec-Fetch-Dest", "empty")).status, 200, "{path}");
    }
    assert_eq!(site.api.count(), 1, "only the one that may");
    // Opened as a page it is JSON that nothing can make act.
    let navigation = Request::get("/api/auth/me").header("Sec-Fetch-Dest", "document").header("Accept", "text/html");
    let reply = ada.send(&navigation);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let policy = reply.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && policy.ends_with("; sandbox"), "{policy}");
    assert!(reply.all("content-disposition").is_empty());
}

#[test]
fn hdr_20_the_log_keeps_a_clients_id_beside_ours_only_when_it_is_a_uuid() {
    const UUID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    let site = Site::start();
    let plain = UUID.replace('-', "");
    let cases: [(&str, Option<&str>); 9] = [
        (UUID, Some(UUID)),
        ("6BA7B810-9DAD-41D1-80B4-00C04FD430C8", Some(UUID)),
        (&plain, None),
        ("{6ba7b810-9dad-41d1-80b4-00c04fd430c8}", None),
        ("urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8", None),
        ("6ba7b810-9dad-41d1-80b4-00c04fd430cg", None),
        ("\u{1b}[31m6ba7b810-9dad-41d1-80b4-0000000", None),
        ("canary-code-7kq-canary-code-7kq-cana", None),
        (&"a".repeat(1024), None),
    ];
    for (sent, kept) in cases {
        for path in ["/", "/api/auth/me", "/nowhere/../x"] {
            let reply = site.house.client().send(&Request::get(path).header("X-Request-Id", sent));
            let id = reply.header("x-request-id").unwrap().to_owned();
            assert!(!id.eq_ignore_ascii_case(sent), "{sent}");
            let line =
                lines(&site.house).into_iter().rfind(|line| line["target"] == "access" && line["request_id"] == id.as_str());
            let line = line.unwrap_or_else(|| panic!("no line of {id}"));
            // A head that is refused unread is not believed in this either.
            let believed = if reply.status == 400 && sent.contains('\u{1b}') { None } else { kept };
            assert_eq!(line.get("client_request_id").and_then(Value::as_str), believed, "{sent}: {line}");
        }
    }
    let log = site.house.stderr();
    assert!(!log.contains("canary-code-7kq") && !log.contains(&"a".repeat(64)) && !log.contains(&plain));
}
