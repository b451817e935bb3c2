//! One shape for every error under `/api`.

use doorward_testkit::{Act, Reply, Request, detail};
use serde_json::json;

use crate::site::Site;

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
