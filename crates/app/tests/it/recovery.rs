//! Forgotten passwords over HTTP: what is asked for, and what the links open.

use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Client, PASSWORD};
use crate::house::House;

const FORGOT: &str = "/api/auth/forgot-password";

#[tokio::test]
async fn forgot_02_whatever_the_body_is_the_answer_is_the_same() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mails = house.delivered().await;
    let mut bodies: Vec<Vec<u8>> = [
        "{}",
        "[]",
        "null",
        "true",
        "1",
        "\"ada@example.com\"",
        "",
        " ",
        "{",
        "{\"email\":",
        r#"{"email":""}"#,
        r#"{"email":null}"#,
        r#"{"email":[]}"#,
        r#"{"email":["ada@example.com"]}"#,
        r#"{"email":{"$ne":1}}"#,
        r#"{"email":1}"#,
        r#"{"email":"no address"}"#,
        r#"{"email":"ada@example.com","email":"ada@example.com"}"#,
        r#"{"mail":"ada@example.com"}"#,
        r#"{"email":"ada@example.com,eve@example.com"}"#,
        r#"{"email":"ada@example.com\r\nBcc: eve@example.com"}"#,
        r#"{"email":"ada@example.com\u0000"}"#,
        r#"{"email":"\ud800"}"#,
        "email=ada@example.com",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    bodies.push(json!({"email": "x".repeat(10 * 1024)}).to_string().into_bytes());
    bodies.push(json!({"email": format!("{}@example.com", "x".repeat(10 * 1024))}).to_string().into_bytes());
    bodies.push(b"{\"email\":\"\xff\xfe@example.com\"}".to_vec());
    bodies.push(b"\xef\xbb\xbf{\"email\":\"ada@example.com\"}".to_vec());
    bodies.push(vec![0xff; 300]);
    bodies.push("[".repeat(60_000).into_bytes());
    let mut seen = Vec::new();
    for body in bodies {
        let mut client = Client::new(&house);
        let answer = client.ask(Method::POST, FORGOT).own().body("application/json", body.clone()).send().await;
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(answer.status, StatusCode::OK, "{shown}: {}", answer.text());
        assert_eq!(answer.text(), r#"{"detail":"If the account exists, a password reset email has been sent"}"#, "{shown}");
        seen.push(answer.fingerprint());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(house.delivered().await, mails, "nobody was written to");
    let mut client = Client::new(&house);
    let known = client.post_json(FORGOT, &json!({"email": "ada@example.com"})).await;
    assert_eq!(known.fingerprint(), seen[0], "and a known address looks the same");
    assert_eq!(house.delivered().await, mails + 1, "but has mail");
    let plain = client.ask(Method::POST, FORGOT).own().body("text/plain", "{}").send().await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "after the limits of type");
    let large = client.ask(Method::POST, FORGOT).own().body("application/json", vec![b'['; 64 * 1024 + 1]).send().await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE, "and size");
}

/// The code of the newest mail to an address, behind a link to `page`.
async fn code(house: &House, page: &str, email: &str) -> String {
    house.deliver().await;
    let link = format!("{page}#token=");
    let mails = house.mails();
    let to = format!("To: {email}");
    let mail = mails.iter().rev().find(|mail| mail.contains(&to) && mail.contains(&link)).unwrap_or_else(|| panic!("no {link}"));
    mail.split(&link).nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a code").to_owned()
}

#[tokio::test]
async fn reset_12_looking_at_the_link_consumes_nothing() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut client = Client::new(&house);
    assert_eq!(client.post_json(FORGOT, &json!({"email": "ada@example.com"})).await.status, StatusCode::OK);
    let token = code(&house, "/account/reset", "ada@example.com").await;
    let before = house.snapshot().await;
    // A scanner fetches the link with and without its fragment, and some put the fragment into the query.
    for path in ["/account/reset".to_owned(), format!("/account/reset?token={token}"), format!("/account/reset?{token}")] {
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let answer = Client::new(&house).ask(method.clone(), &path).send().await;
            assert!(method == Method::OPTIONS || answer.status == StatusCode::OK);
            assert!(!answer.text().contains(&token));
        }
    }
    assert!(house.snapshot().await == before, "nothing was written");
    let body = json!({"token": token, "password": "eleven calm otters under Bergen"});
    let answer = client.post_json("/api/auth/reset-password", &body).await;
    assert_eq!((answer.status, answer.detail()), (StatusCode::OK, "Password reset".into()));
    assert_eq!(client.sign_in("ada@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.sign_in("ada@example.com", "eleven calm otters under Bergen").await.status, StatusCode::OK);
}

#[tokio::test]
async fn reset_01_an_expired_token_is_refused_like_a_used_and_an_unknown_one() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut client = Client::new(&house);
    let mut tokens = Vec::new();
    for _ in 0..2 {
        assert_eq!(client.post_json(FORGOT, &json!({"email": "ada@example.com"})).await.status, StatusCode::OK);
        tokens.push(code(&house, "/account/reset", "ada@example.com").await);
        if tokens.len() == 1 {
            let body = json!({"token": tokens[0], "password": "eleven calm otters under Bergen"});
            assert_eq!(client.post_json("/api/auth/reset-password", &body).await.status, StatusCode::OK);
        }
    }
    house.clock.advance(std::time::Duration::from_secs(30 * 60));
    tokens.push("A".repeat(43));
    let mut seen = Vec::new();
    for token in tokens {
        let body = json!({"token": token, "password": "nine calm otters under Bergen"});
        let answer = client.post_json("/api/auth/reset-password", &body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.text(), r#"{"detail":"Invalid or expired token"}"#);
        seen.push(answer.fingerprint());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(client.sign_in("ada@example.com", "eleven calm otters under Bergen").await.status, StatusCode::OK);
}
