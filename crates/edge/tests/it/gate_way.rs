//! That every way to a gated upstream leads through its gate. What the gate itself decides is tested beside it.

use base64::Engine as _;
use http::header;

use crate::support::{GATED, House, PASSWORD, SITE, USER, get};

fn authorization() -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}")))
}

fn inside(method: &str, target: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nhost: {GATED}\r\n{}: {}\r\ncontent-length: 0\r\n\r\n",
        header::AUTHORIZATION,
        authorization()
    )
}

#[tokio::test]
async fn gate_12_each_request_of_a_connection_is_judged_for_itself_whatever_the_handshake_named() {
    let house = House::start().await;
    // The handshake names the site.
    let mut client = house.client().await;
    assert_eq!(client.ask(get(SITE, "/x")).await.status, 200);
    assert_eq!(client.ask(get(GATED, "/admin/")).await.status, 401);
    assert_eq!(client.ask(inside("GET", "/admin/")).await.status, 200);
    assert_eq!(client.ask(get(GATED, "/admin/")).await.status, 401, "credentials are not remembered for the connection");
    assert_eq!(house.gated.targets(), ["/admin/"]);
}

#[tokio::test]
async fn gate_13_no_method_is_exempt() {
    let house = House::start().await;
    for method in ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"] {
        let request = format!(
            "{method} /admin/ HTTP/1.1\r\nhost: {GATED}\r\norigin: https://{GATED}\r\naccess-control-request-method: GET\r\n\r\n"
        );
        assert_eq!(house.ask(request).await.status, 401, "{method}");
    }
    for method in ["PUT", "TRACE", "CONNECT", "FOO", "get"] {
        let status = house.ask(format!("{method} /admin/ HTTP/1.1\r\nhost: {GATED}\r\n\r\n")).await.status;
        assert!(matches!(status, 405 | 501), "{method} {status}");
    }
    assert_eq!(house.ask(format!("OPTIONS * HTTP/1.1\r\nhost: {GATED}\r\n\r\n")).await.status, 401);
    assert!(house.gated.requests().is_empty());
}

#[tokio::test]
async fn gate_20_behind_the_gate_only_the_listed_paths_exist_and_before_it_none() {
    let house = House::start().await;
    for target in ["/foo", "/internal/api/users/login", "/api/auth/login", "/account/sign-in", "/adminx", "/"] {
        assert_eq!(house.ask(get(GATED, target)).await.status, 401, "{target}");
        assert_eq!(house.ask(inside("GET", target)).await.status, 404, "{target}");
    }
    assert!(house.gated.requests().is_empty() && house.app.lock().expect("lock").is_empty());
    assert_eq!(house.ask(inside("GET", "/admin/static/x.css")).await.status, 200);
}

#[tokio::test]
async fn the_gate_speaks_before_a_body_is_read() {
    let house = House::start().await;
    let reply = house.ask(format!("POST /admin/ HTTP/1.1\r\nhost: {GATED}\r\ncontent-length: 99999999999\r\n\r\n")).await;
    assert_eq!((reply.status, reply.header("connection")), (401, Some("close")));
}

#[tokio::test]
async fn gate_16_a_throttled_caller_is_refused_in_the_shape_of_every_other_limit() {
    let house = House::start().await;
    let wrong = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:wrong"));
    for _ in 0..10 {
        let request = format!("GET /admin/ HTTP/1.1\r\nhost: {GATED}\r\nauthorization: Basic {wrong}\r\n\r\n");
        assert_eq!(house.ask(request).await.status, 401);
    }
    let reply = house.ask(inside("GET", "/admin/")).await;
    assert_eq!((reply.status, reply.detail().as_str()), (429, "Rate limited"), "the right password waits as well");
    let wait: u64 = reply.header("retry-after").and_then(|value| value.parse().ok()).expect("whole seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(reply.header("www-authenticate"), None);
    let audience = doorward_policy::Audience::Gate(doorward_config::Profile::DjangoAdmin);
    for rule in house.edge.policy().headers.rules(audience) {
        assert_eq!(reply.header(rule.name.as_str()), rule.value.to_str().ok(), "{}", rule.name);
    }
    assert!(house.gated.requests().is_empty());
}
