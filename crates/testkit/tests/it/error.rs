//! One shape for every error under `/api`.

use std::time::Duration;

use doorward_testkit::h2::H2Frames;
use doorward_testkit::{Act, House, INSIDE, Reply, Request, detail};
use serde_json::json;

use crate::site::Site;

/// Longer than the door waits for an upstream.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn err_01_every_error_of_the_api_is_one_detail_whoever_makes_it() {
    let site = Site::start();
    let member = site.house.member("ada@app.test");
    let mut cases: Vec<(u16, Reply)> = Vec::new();
    let mut add = |status: u16, reply: Reply| cases.push((status, reply));
    let send = |request: &Request| site.house.client().send(request);
    let own = site.house.authority();
    let raw = |text: String| site.house.raw().ask(text);

    // The application.
    add(400, send(&Request::post("/api/auth/login").body("application/json", "{\"email\":")));
    add(400, send(&Request::post("/api/auth/verify-email").json(&json!({"token": "x"}))));
    add(401, send(&Request::get("/api/auth/me")));
    add(401, send(&Request::post("/api/auth/login").json(&json!({"email": "a@app.test", "password": "b"}))));
    add(401, send(&Request::post("/api/auth/login").json(&json!({}))));
    add(403, send(&Request::post("/api/auth/login").header("Sec-Fetch-Site", "cross-site").json(&json!({}))));
    add(404, send(&Request::get("/api/auth/nope")));
    add(405, send(&Request::get("/api/auth/login")));
    add(413, send(&Request::post("/api/auth/login").json(&json!({"email": "x".repeat(10_000)}))));
    add(415, send(&Request::post("/api/auth/login").body("text/plain", "{}")));
    add(422, send(&Request::post("/api/auth/register").json(&json!({"email": "a@app.test", "password": "b"}))));
    // The door.
    add(403, member.twin().send(&Request::post("/api/notes")));
    add(400, raw(format!("GET /api/../x HTTP/1.1\r\nHost: {own}\r\n\r\n")));
    add(400, raw(format!("GET /api/x HTTP/1.1\r\nHost: {own}\r\nHost: {own}\r\n\r\n")));
    add(400, raw(format!("POST /api/x HTTP/1.1\r\nHost: {own}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")));
    add(405, raw(format!("PUT /api/x HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n")));
    add(413, raw(format!("POST /api/x HTTP/1.1\r\nHost: {own}\r\nContent-Length: 99999999999\r\n\r\n")));
    add(414, raw(format!("GET /api/{} HTTP/1.1\r\nHost: {own}\r\n\r\n", "x".repeat(9_000))));
    add(421, raw("GET /api/x HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned()));
    add(431, raw(format!("GET /api/x HTTP/1.1\r\nHost: {own}\r\nX: {}\r\n\r\n", "x".repeat(17_000))));
    // A broken upstream, as the door tells it.
    site.api.act("/api/dies", Act::Close);
    site.api.act("/api/lies", Act::RawThenClose(b"<html>Traceback</html>\r\n\r\n".to_vec()));
    add(502, send(&Request::get("/api/dies")));
    add(502, send(&Request::get("/api/lies")));
    site.api.stop();
    add(502, send(&Request::get("/api/x")));
    let limited = Site::with(|builder| builder.limit("auth_me", "1/min"));
    let mut client = limited.house.client();
    client.get("/api/auth/me");
    add(429, client.get("/api/auth/me"));
    let limited = Site::with(|builder| builder.limit("edge", "1/min"));
    let mut client = limited.house.client();
    client.get("/api/x");
    add(429, client.get("/api/x"));

    for (status, reply) in &cases {
        assert_eq!(reply.status, *status, "{reply:?}");
        let text = detail(reply);
        assert!(!text.is_empty() && !text.contains("Traceback"), "{reply:?}");
        if *status == 429 {
            let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&seconds), "{reply:?}");
            assert_eq!(text, "Rate limited");
        }
        if *status == 502 {
            assert_eq!(text, "upstream_bad_response");
        }
    }
}

#[test]
fn err_01_a_silent_upstream_is_told_in_the_same_shape() {
    let site = Site::start();
    site.api.act("/api/hangs", Act::Silence);
    let mut raw = site.house.raw();
    raw.set_patience(std::time::Duration::from_secs(40));
    raw.send(format!("GET /api/hangs HTTP/1.1\r\nHost: {}\r\n\r\n", site.house.authority()));
    let reply = raw.reply().expect(504);
    assert_eq!(detail(&reply), "upstream_timeout");
}

/// What no client is ever to see of an upstream that failed.
const INSIDE_OF_UPSTREAM: &str = "Traceback (most recent call last) at db-7.internal";

/// Answers that are none, each with words of the upstream in it.
fn broken_answers() -> Vec<(&'static str, Act)> {
    let then_close = |text: String| Act::RawThenClose(text.into_bytes());
    let inside = INSIDE_OF_UPSTREAM;
    vec![
        ("hangs-up", Act::Close),
        ("no-http", then_close(format!("<html>{inside}</html>\r\n\r\n"))),
        ("old-http", then_close(format!("HTTP/0.9 200 {inside}\r\n\r\n{inside}"))),
        ("no-status", then_close(format!("HTTP/1.1 abc {inside}\r\n\r\n"))),
        ("status-of-nothing", then_close(format!("HTTP/1.1 99 {inside}\r\nContent-Length: 0\r\n\r\n"))),
        ("torn-head", then_close(format!("HTTP/1.1 500 Internal\r\nX-Trace: {inside}\r\nContent-Le"))),
        ("no-colon", then_close(format!("HTTP/1.1 500 Internal\r\n{inside}\r\n\r\n{inside}"))),
        ("two-lengths", then_close(format!("HTTP/1.1 500 X\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\n{inside}"))),
        ("odd-length", then_close(format!("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{inside}"))),
        ("endless-head", then_close(format!("HTTP/1.1 500 X\r\nX-Trace: {}\r\n\r\n", inside.repeat(20_000)))),
        ("switches", then_close(format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: {inside}\r\n\r\n{inside}"))),
    ]
}

#[test]
fn err_04_a_broken_answer_is_a_502_and_a_late_one_a_504_without_a_word_of_the_upstream() {
    let site = Site::start();
    let silent = ["silent", "half-a-head"].map(|name| format!("/api/{name}"));
    site.api.act(&silent[0], Act::Silence);
    site.api.act(&silent[1], Act::Raw(format!("HTTP/1.1 500 X\r\nX-Trace: {INSIDE_OF_UPSTREAM}\r\n").into_bytes()));
    for (name, act) in broken_answers() {
        site.api.act(&format!("/api/{name}"), act);
    }
    // All at once: a late answer takes as long as the door waits for it.
    std::thread::scope(|scope| {
        for path in &silent {
            let site = &site;
            scope.spawn(move || assert_is_told(&site.house, path, 504, "upstream_timeout"));
        }
        for (name, _) in broken_answers() {
            assert_is_told(&site.house, &format!("/api/{name}"), 502, "upstream_bad_response");
        }
    });
    // Another door: this one has seen enough late answers to ask for nothing more for a moment (HTTP-16).
    let gone = Site::start();
    gone.api.stop();
    assert_is_told(&gone.house, "/api/gone", 502, "upstream_bad_response");
}

/// Over both protocols, for programs and browsers, with an effect and without.
#[track_caller]
fn assert_is_told(house: &House, path: &str, status: u16, text: &str) {
    let authority = house.authority();
    let check = |reply: &Reply| {
        assert_eq!((reply.status, detail(reply).as_str()), (status, text), "{path}: {reply:?}");
        let whole = format!("{reply:?}{}", reply.text());
        assert!(["Traceback", "db-7", "X-Trace", "x-trace"].iter().all(|word| !whole.contains(word)), "{path}: {whole}");
        assert!(
            reply.header("strict-transport-security").is_some() && reply.header("cache-control") == Some("no-store"),
            "{reply:?}"
        );
    };
    let h2 = || {
        let mut h2 = H2Frames::connect(house.https(), INSIDE, house.host()).expect("the door opens");
        h2.set_patience(PATIENCE);
        check(&h2.get(&authority, path).answer());
    };
    let h1 = |head: &str| {
        let mut raw = house.raw();
        raw.set_patience(PATIENCE);
        raw.send(format!("{head}Host: {authority}\r\nAccept: text/html\r\n\r\n"));
        check(&raw.reply());
    };
    std::thread::scope(|scope| {
        scope.spawn(h2);
        scope.spawn(|| h1(&format!("GET {path} HTTP/1.1\r\n")));
        scope.spawn(|| h1(&format!("POST {path} HTTP/1.1\r\nContent-Length: 0\r\nSec-Fetch-Site: same-origin\r\n")));
    });
}
