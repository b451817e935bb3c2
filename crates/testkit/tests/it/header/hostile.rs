//! An upstream that wants weaker headers than the door's.

use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, Act, Client, EchoUpstream, Reply, Request, basic_auth};

use crate::site::{Site, UIS};

const HOSTILE: &[(&str, &str)] = &[
    ("Content-Security-Policy", "default-src *"),
    ("content-security-policy", "script-src 'unsafe-inline' *"),
    ("CONTENT-SECURITY-POLICY-REPORT-ONLY", "default-src *"),
    ("X-Frame-Options", "ALLOWALL"),
    ("x-frame-options", "ALLOW-FROM https://evil.test"),
    ("Strict-Transport-Security", "max-age=0"),
    ("strict-transport-security", "max-age=1"),
    ("X-Content-Type-Options", "sniff"),
    ("Referrer-Policy", "unsafe-url"),
    ("Permissions-Policy", "geolocation=*"),
    ("Feature-Policy", "geolocation *"),
    ("Cross-Origin-Opener-Policy", "unsafe-none"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("Cross-Origin-Embedder-Policy", "unsafe-none"),
    ("Origin-Agent-Cluster", "?0"),
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Allow-Credentials", "true"),
    ("Link", "<https://evil.test/x.css>; rel=stylesheet"),
    ("SourceMap", "/x.map"),
    ("X-SourceMap", "/x.map"),
    ("X-XSS-Protection", "1; mode=block"),
    ("Expect-CT", "max-age=1"),
    ("Public-Key-Pins", "pin-sha256=\"x\"; max-age=1"),
    ("Server", "Evil/1.2.3"),
    ("X-Powered-By", "Evil/1.2.3"),
    ("Via", "1.1 evil"),
    ("X-Request-Id", "mine"),
    ("Report-To", "{}"),
    ("NEL", "{}"),
    ("X-Doorward-Assertion", "forged"),
    ("X-Harmless", "kept"),
];

/// Values that only the hostile upstream would send.
const MARKS: &[&str] = &[
    "*",
    "unsafe-",
    "ALLOW",
    "max-age=0",
    "max-age=1;",
    "sniff ",
    "evil",
    "Evil",
    "cross-origin",
    "?0",
    "mode=block",
    "x.map",
    "mine",
    "forged",
];

fn ask_all(site: &Site, member: &mut Client, act: &Act) -> Vec<(&'static str, Reply)> {
    let keeper = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    let set = |upstream: &EchoUpstream, path: &str| upstream.act(path, act.clone());
    set(&site.web, "/hostile");
    set(&site.api, "/api/hostile");
    set(&site.members, "/members/hostile");
    let mut replies = vec![
        ("public", member.get("/hostile")),
        ("identified", member.get("/api/hostile")),
        ("signed-in", member.get("/members/hostile")),
    ];
    for ((label, profile), ui) in UIS.iter().zip(&site.uis) {
        // The one exception: pgAdmin keeps its own policy, which carries a nonce.
        if *profile != "pgadmin" {
            set(ui, "/hostile");
            replies.push((profile, site.insider(label).send(&Request::get("/hostile").header("Authorization", &keeper))));
        }
    }
    replies
}

#[test]
fn hdr_09_the_client_sees_only_the_doors_values() {
    let site = Site::start();
    let mut member = site.house.member("ada@app.test");
    for status in [200, 404, 500] {
        let act = Act::answer(status, HOSTILE, "body");
        for (class, reply) in ask_all(&site, &mut member, &act) {
            assert_eq!(reply.status, status, "{class}: {reply:?}");
            assert_only_ours(class, &reply);
            assert_eq!(reply.all("x-harmless"), ["kept"], "{class}: {reply:?}");
        }
    }
}

#[track_caller]
fn assert_only_ours(class: &str, reply: &Reply) {
    for (name, value) in HOSTILE.iter().filter(|(name, _)| *name != "X-Harmless") {
        let seen = reply.all(name);
        assert!(seen.len() < 2, "{class}: {name} twice: {reply:?}");
        assert!(!seen.contains(value), "{class}: {name}: {value} came through: {reply:?}");
    }
    let inline_is_known = matches!(class, "flower" | "traefik");
    for (name, value) in &reply.headers {
        let is_known = inline_is_known && name.eq_ignore_ascii_case("content-security-policy");
        for mark in MARKS.iter().filter(|mark| !(is_known && **mark == "unsafe-")) {
            assert!(!value.contains(mark), "{class}: {name}: {value}");
        }
    }
    for name in ["access-control-allow-origin", "link", "sourcemap", "feature-policy", "content-security-policy-report-only"] {
        assert!(reply.all(name).is_empty(), "{class}: {name}: {reply:?}");
    }
}

#[test]
fn hdr_09_trailers_bring_no_headers_in() {
    let site = Site::start();
    let mut member = site.house.member("ada@app.test");
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Content-Security-Policy, X-Frame-Options\r\n\r\n\
        4\r\nbody\r\n0\r\nContent-Security-Policy: default-src *\r\nX-Frame-Options: ALLOWALL\r\nStrict-Transport-Security: max-age=0\r\n\
        Access-Control-Allow-Origin: *\r\nSet-Cookie: evil=1\r\n\r\n";
    for (class, reply) in ask_all(&site, &mut member, &Act::Raw(answer.as_bytes().to_vec())) {
        assert_eq!(reply.text(), "body", "{class}");
        assert_only_ours(class, &reply);
        let bad = [
            "content-security-policy",
            "x-frame-options",
            "strict-transport-security",
            "access-control-allow-origin",
            "set-cookie",
        ];
        assert!(
            reply.trailers.iter().all(|(name, _)| !bad.contains(&name.to_ascii_lowercase().as_str())),
            "{class}: {:?}",
            reply.trailers
        );
    }
}

#[test]
fn hdr_09_a_name_with_a_blank_is_no_way_in() {
    let site = Site::start();
    let mut member = site.house.member("ada@app.test");
    for line in
        ["Content-Security-Policy : default-src *", " Content-Security-Policy: default-src *", "X-Frame-Options\t: ALLOWALL"]
    {
        let act = Act::RawThenClose(format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n{line}\r\n\r\nbody").into_bytes());
        for (class, reply) in ask_all(&site, &mut member, &act) {
            assert!(matches!(reply.status, 200 | 502), "{class}: {reply:?}");
            assert_only_ours(class, &reply);
        }
    }
}

#[test]
fn hdr_13_an_upstreams_harmful_fields_do_not_come_through() {
    let site = Site::start();
    let mut member = site.house.member("ada@app.test");
    for (class, reply) in ask_all(&site, &mut member, &Act::answer(200, HOSTILE, "body")) {
        for name in ["x-xss-protection", "expect-ct", "public-key-pins", "feature-policy", "x-powered-by", "via"] {
            assert!(reply.all(name).iter().all(|value| *value == "0"), "{class}: {name}: {reply:?}");
        }
        assert!(reply.all("server").iter().all(|value| !value.contains("Evil")), "{class}: {reply:?}");
    }
}
