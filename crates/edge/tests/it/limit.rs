//! The edge's own limit. Its arithmetic is tested beside it.

use std::time::Duration;

use base64::Engine as _;
use doorward_edge::EdgeEventKind;

use crate::support::{Client, GATED, House, SITE, get};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn edge_rl_01_the_limit_counts_by_client_and_more_strictly_under_auth_at_gates_and_for_reports() {
    let limits = [("edge", 13), ("edge_auth", 3), ("edge_gate", 2), ("csp_report", 2)];
    let builder = limits.into_iter().fold(House::builder(), |house, (scope, count)| house.limit(scope, count, HOUR));
    let house = builder.start().await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(house.ask(get(GATED, "/admin/")).await.status);
    }
    assert_eq!(statuses, [401, 401, 429]);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(house.ask(get(SITE, "/api/auth/login")).await.status);
    }
    assert_eq!(statuses, [405, 405, 405, 429], "each on a connection of its own");
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(house.ask(get(SITE, "/api/csp-report")).await.status);
    }
    assert_eq!(statuses, [404, 404, 429]);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(house.ask(get(SITE, "/api/x")).await.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429]);
    let mut other = house.client_from("127.0.0.2").await;
    assert_eq!(other.ask(get(SITE, "/api/x")).await.status, 200, "another client has its own");
}

#[tokio::test]
async fn a_gate_counts_wrong_passwords_more_strictly_than_anything_else() {
    let house = House::start().await;
    let mut statuses = Vec::new();
    for n in 0..12 {
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("user-{n}:wrong"));
        let request = format!("GET /admin/ HTTP/1.1\r\nhost: {GATED}\r\nauthorization: Basic {credentials}\r\n\r\n");
        statuses.push(house.ask(request).await.status);
    }
    assert_eq!(statuses, [[401; 10].as_slice(), &[429; 2]].concat());
    assert_eq!(house.ask(get(SITE, "/api/x")).await.status, 200, "the site goes on");
}

#[tokio::test]
async fn edge_rl_03_forwarding_fields_do_not_change_who_is_counted() {
    let house = House::builder().limit("edge", 2, HOUR).start().await;
    let mut statuses = Vec::new();
    for n in 0..4 {
        let fields: String = ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip"]
            .map(|name| format!("{name}: 203.0.113.{n}\r\n"))
            .concat();
        let request = format!("GET /api/x HTTP/1.1\r\nhost: {SITE}\r\nforwarded: for=203.0.113.{n}\r\n{fields}\r\n");
        statuses.push(house.ask(request).await.status);
    }
    assert_eq!(statuses, [200, 200, 429, 429]);
}

#[tokio::test]
async fn edge_rl_05_no_spelling_of_a_path_escapes_its_bucket() {
    let house = House::builder().limit("edge_auth", 2, HOUR).start().await;
    let spellings = [
        "/api/auth/login",
        "/api/auth/%6cogin",
        "/api/auth/login/",
        "/api/auth/lo%67in",
        "/%61pi/auth/login",
        "/api/auth/login?x=1",
    ];
    let mut statuses = Vec::new();
    for target in spellings {
        statuses.push(house.ask(get(SITE, target)).await.status);
    }
    assert_eq!(statuses, [405, 405, 429, 429, 429, 429]);
    for target in ["/api//auth/login", "/API/auth/login", "/Api/Auth/login", "/api/auth;x/login", "/api/AUTH/login"] {
        assert!(matches!(house.ask(get(SITE, target)).await.status, 400 | 404), "{target}");
    }
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn edge_rl_06_the_refusal_has_the_shape_of_every_other() {
    let house = House::builder().limit("edge", 1, Duration::from_secs(90)).start().await;
    house.ask(get(SITE, "/api/x")).await;
    for _ in 0..3 {
        let reply = house.ask(get(SITE, "/api/x")).await;
        assert_eq!((reply.status, reply.detail().as_str()), (429, "Rate limited"));
        let after: u64 = reply.header("retry-after").expect("Retry-After").parse().expect("whole seconds");
        assert!((1..=90).contains(&after), "{after}");
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        for rule in house.edge.policy().headers.rules(doorward_policy::Audience::Api) {
            assert_eq!(reply.header(rule.name.as_str()), rule.value.to_str().ok(), "{}", rule.name);
        }
    }
    let events = house.audit.0.lock().expect("lock");
    let limited = events.iter().filter(|event| event.kind == EdgeEventKind::RateLimited).count();
    assert_eq!(limited, 1, "one event a window, however many refusals");
}

#[tokio::test]
async fn edge_rl_07_the_limit_waits_for_no_body_and_asks_no_upstream() {
    let house = House::builder().limit("edge", 1, HOUR).start().await;
    assert_eq!(house.ask(get(SITE, "/first")).await.status, 200);
    // Of the body not one octet comes.
    let reply = house.ask(format!("POST /api/x HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 1000\r\n\r\n")).await;
    assert_eq!((reply.status, reply.header("connection")), (429, Some("close")));
    let reply = house.ask(format!("POST /api/x HTTP/1.1\r\nhost: {SITE}\r\ntransfer-encoding: chunked\r\n\r\n")).await;
    assert_eq!(reply.status, 429);
    assert_eq!(house.web.targets(), ["/first"]);
}

#[tokio::test]
async fn edge_rl_01_what_is_refused_for_its_head_counts_as_well() {
    let house = House::builder().limit("edge", 6, HOUR).start().await;
    let heads = [
        get("nobody.example.test", "/"),
        get(SITE, "/a//b"),
        format!("TRACE / HTTP/1.1\r\nhost: {SITE}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"),
        get(SITE, "/api/x"),
        get(SITE, "/%zz"),
    ];
    let mut statuses = Vec::new();
    for head in heads.iter().chain(&heads) {
        statuses.push(house.ask(head.clone()).await.status);
    }
    assert_eq!(statuses[..6], [421, 400, 405, 400, 200, 400]);
    assert_eq!(statuses[6..], [429; 6]);
}

#[tokio::test]
async fn what_comes_over_plain_http_counts_as_well() {
    let house = House::builder().limit("edge", 2, HOUR).start().await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(Client::plain(house.http).await.ask(get(SITE, "/")).await.status);
    }
    assert_eq!(statuses, [308, 308, 429, 429]);
}
