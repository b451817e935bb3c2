//! Reports of blocked content.

use http::{Method, StatusCode};

use crate::client::Client;
use crate::house::House;

const PATH: &str = "/api/csp-report";

#[tokio::test]
async fn reports_are_taken_in_both_shapes_from_anybody() {
    let house = House::new().await;
    for (content_type, body) in [
        (
            "application/csp-report",
            r#"{"csp-report":{"document-uri":"https://app.example.com/?token=x","blocked-uri":"inline"}}"#,
        ),
        ("application/reports+json", r#"[{"type":"csp-violation","body":{"effectiveDirective":"script-src"}},{"type":"x"}]"#),
        ("application/json", "{}"),
    ] {
        let mut client = Client::new(&house);
        let answer = client.ask(Method::POST, PATH).field("sec-fetch-site", "cross-site").body(content_type, body).send().await;
        assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""), "{content_type}");
    }
}

#[tokio::test]
async fn reports_are_limited_in_size_type_and_number() {
    let house = House::with("csp_report = \"3/min\"").await;
    let mut client = Client::new(&house);
    let plain = client.ask(Method::POST, PATH).body("text/plain", "{}").send().await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = client.ask(Method::POST, PATH).body("application/csp-report", "x".repeat(64 * 1024 + 1)).send().await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    let broken = client.ask(Method::POST, PATH).body("application/csp-report", "{").send().await;
    assert_eq!(broken.status, StatusCode::BAD_REQUEST);
    for expected in [204, 204, 429] {
        let answer = client.ask(Method::POST, PATH).body("application/csp-report", "{}").send().await;
        assert_eq!(answer.status.as_u16(), expected);
    }
}
