//! The plain listeners, and the internal one.

use crate::support::{Client, GATED, House, SITE, get};

#[tokio::test]
async fn tls_16_plain_http_only_points_people_at_tls() {
    let house = House::start().await;
    for (host, target, location) in [
        (SITE, "/x?y=1", format!("https://{SITE}/x?y=1")),
        ("APP.example.test.:80", "/", format!("https://{SITE}/")),
        (GATED, "/admin/", format!("https://{GATED}/admin/")),
        (SITE, "/%61", format!("https://{SITE}/a")),
    ] {
        for method in ["GET", "HEAD"] {
            let mut client = Client::plain(house.http).await;
            let reply = client.ask(format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
            assert_eq!((reply.status, reply.header("location")), (308, Some(location.as_str())), "{method} {host} {target}");
            assert_eq!(reply.header("strict-transport-security"), None);
        }
    }
    let cases = [
        ("POST", SITE, "/api/auth/login", 403),
        ("GET", SITE, "/api/auth/me", 403),
        ("GET", SITE, "/api", 403),
        ("GET", SITE, "/%61pi/x", 403),
        ("GET", SITE, "/API/x", 403),
        ("POST", SITE, "/x", 403),
        ("OPTIONS", SITE, "/x", 403),
        ("GET", "evil.example", "/x", 421),
        ("GET", "evil.example", "/api/x", 421),
        ("GET", SITE, "/a/../b", 400),
        ("GET", SITE, "//evil.example/", 400),
    ];
    for (method, host, target, status) in cases {
        let reply = Client::plain(house.http).await.ask(format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!(reply.status, status, "{method} {host} {target}");
        assert_eq!(reply.header("location"), None);
        let body = reply.detail();
        assert!(!body.contains("evil"));
    }
    assert!(house.web.requests().is_empty() && house.gated.requests().is_empty() && house.app.lock().expect("lock").is_empty());
}

#[tokio::test]
async fn tls_16_a_redirect_keeps_the_port_of_the_site() {
    let house = House::start().await;
    let reply =
        Client::plain(house.http).await.ask("GET https://app.example.test/ HTTP/1.1\r\nhost: app.example.test\r\n\r\n").await;
    assert_eq!(reply.status, 400, "an absolute target of another scheme is no request for here");
    let reply =
        Client::plain(house.http).await.ask("GET http://app.example.test/z HTTP/1.1\r\nhost: app.example.test\r\n\r\n").await;
    assert_eq!(reply.header("location"), Some("https://app.example.test/z"));
}

#[tokio::test]
async fn hdr_02_no_hsts_on_any_plain_answer() {
    let house = House::start().await;
    let requests = [
        get(SITE, "/"),
        get(SITE, "/api/x"),
        get("evil.example", "/"),
        get(SITE, "/a/../b"),
        "GET / HTTP/1.1\r\nbad\r\n\r\n".to_owned(),
        format!("TRACE / HTTP/1.1\r\nhost: {SITE}\r\n\r\n"),
        format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(9000)),
    ];
    for request in requests {
        let reply = Client::plain(house.http).await.ask(&request).await;
        assert_eq!(reply.header("strict-transport-security"), None, "{request}");
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{request}");
    }
}

#[tokio::test]
async fn the_internal_listener_tells_alive_and_ready_and_nothing_else() {
    let house = House::start().await;
    for (target, status) in
        [("/health/live", 200), ("/health/ready", 200), ("/", 404), ("/health", 404), ("/api/auth/login", 404)]
    {
        let reply = Client::plain(house.internal).await.ask(get("127.0.0.1", target)).await;
        assert_eq!(reply.status, status, "{target}");
        for rule in house.edge.policy().headers.rules(doorward_policy::Audience::PlainHttp) {
            assert_eq!(reply.header(rule.name.as_str()), rule.value.to_str().ok(), "{target} {}", rule.name);
        }
    }
}
