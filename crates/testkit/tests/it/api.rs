//! The API's description, where it is shown and where it is not; and the page that a reset link opens.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use doorward_testkit::{EchoUpstream, House};
use serde_json::Value;

/// One request to the internal listener, which speaks plain HTTP.
fn ask_internal(house: &House, path: &str) -> String {
    let mut socket = TcpStream::connect(house.internal()).expect("the internal listener");
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: internal\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut text = String::new();
    socket.read_to_string(&mut text).expect("an answer");
    text
}

#[test]
fn expo_04_what_is_for_operators_is_on_the_internal_listener_alone() {
    let web = EchoUpstream::start("web");
    let house = House::builder().echo(&web).route("/app/", "web", "public").start();
    let mut client = house.client();
    let inner = [
        "/metrics",
        "/api/metrics",
        "/openapi.json",
        "/api/openapi.json",
        "/api/auth/openapi.json",
        "/docs",
        "/api/docs",
        "/redoc",
        "/swagger",
        "/health/live",
        "/health/ready",
        "/forward-auth",
        "/api/celery/ping",
        "/api/tasks",
        "/api/test/reset",
        "/api/debug",
        "/debug/pprof/",
        "/server-status",
        "/actuator/env",
    ];
    for path in inner {
        assert_eq!(client.get(path).status, 404, "{path}");
        let plain = house.raw_plain().ask(format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", house.host()));
        assert!(matches!(plain.status, 308 | 403 | 404), "{path} over plain HTTP: {}", plain.status);
    }
    assert!(web.requests().is_empty());
    let told = ask_internal(&house, "/openapi.json");
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.to_lowercase().contains("content-type: application/json"), "{head}");
    let document: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"]["/api/auth/login"]["post"]["operationId"], "login");
    let printed = house.command(&["openapi"]);
    assert!(printed.status.success());
    assert_eq!(String::from_utf8_lossy(&printed.stdout), body, "and the command prints the same");
    for path in ["/health/live", "/health/ready"] {
        assert!(ask_internal(&house, path).starts_with("HTTP/1.1 200"), "{path}");
    }
    for path in ["/", "/openapi", "/openapi.json/", "/api/auth/me", "/account/sign-in"] {
        assert!(ask_internal(&house, path).starts_with("HTTP/1.1 404"), "{path}");
    }
}

#[test]
fn reset_11_the_page_of_a_reset_link_tells_nobody_where_it_was_opened() {
    let house = House::builder().start();
    let mut client = house.client();
    for path in [
        "/account/reset",
        "/account/reset?x=1",
        "/account/verify",
        "/account/email/confirm",
        "/account/email/undo",
        "/account/end-sessions",
    ] {
        let reply = client.get(path);
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("referrer-policy"), Some("no-referrer"), "{path}");
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
        let policy = reply.header("content-security-policy").expect("a policy");
        assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
        assert!(!policy.contains("http:") && !policy.contains("https:") && !policy.contains('*'), "{policy}");
        let text = reply.text();
        assert!(text.contains("data-from-fragment"), "{path}");
        for foreign in ["http://", "https://", "src=\"//", "href=\"//", "@import", "url("] {
            assert!(!text.contains(foreign), "{foreign} on {path}");
        }
    }
}
