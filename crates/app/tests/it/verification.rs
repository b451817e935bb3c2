//! Proof of an address.

use http::StatusCode;
use serde_json::json;

use crate::client::{CSRF, Client, PASSWORD, SESSION};
use crate::house::House;

#[tokio::test]
async fn email_03_verification_signs_nobody_in_and_names_nobody() {
    let house = House::new().await;
    house.sign_up("ada@example.com").await;
    let token = house.token_for("ada@example.com").await;
    let mut client = Client::new(&house);
    let answer = client.post_json("/api/auth/verify-email", &json!({"token": token})).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::OK, r#"{"detail":"Email verified"}"#));
    assert!(answer.set_cookies().is_empty() && client.jar.is_empty());
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    house.sign_up("bea@example.com").await;
    let token = house.token_for("bea@example.com").await;
    let mut browser = Client::new(&house);
    browser.get("/account/verify").await;
    let csrf = browser.cookie(CSRF).to_owned();
    let page = browser.post_form("/account/verify", &[("csrf_token", &csrf), ("token", &token)]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text().contains("bea") && page.set_cookies().is_empty() && browser.cookie(SESSION).is_empty());
}

#[tokio::test]
async fn every_wrong_token_gets_one_answer() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    house.sign_up("late@example.com").await;
    let late = house.token_for("late@example.com").await;
    house.sign_up("used@example.com").await;
    let used = house.token_for("used@example.com").await;
    let mut client = Client::new(&house);
    assert_eq!(client.post_json("/api/auth/verify-email", &json!({"token": used})).await.status, StatusCode::OK);
    house.clock.advance(std::time::Duration::from_secs(25 * 3600));
    let unknown = "A".repeat(43);
    let spaced = format!("{late} ");
    let mut seen = Vec::new();
    for token in [
        json!({"token": used}),
        json!({"token": late}),
        json!({"token": unknown}),
        json!({"token": spaced}),
        json!({"token": ""}),
        json!({"token": "\u{0}"}),
        json!({"token": null}),
        json!({"token": 1}),
        json!({"token": [late]}),
        json!({}),
    ] {
        seen.push(Client::new(&house).post_json("/api/auth/verify-email", &token).await.fingerprint());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert!(seen[0].starts_with("400") && seen[0].ends_with(r#"{"detail":"Invalid or expired token"}"#), "{}", seen[0]);
}

#[tokio::test]
async fn looking_at_the_link_consumes_nothing_and_the_code_may_be_pasted_in_any_form() {
    let house = House::new().await;
    for (email, wrap) in [
        ("a@example.com", "{}"),
        ("b@example.com", "  {}\r\n"),
        ("c@example.com", "#token={}"),
        ("d@example.com", "https://app.example.com/account/verify#token={}"),
    ] {
        house.sign_up(email).await;
        let token = house.token_for(email).await;
        let mut client = Client::new(&house);
        for _ in 0..3 {
            client.get(&format!("/account/verify?token={token}")).await;
        }
        let csrf = client.cookie(CSRF).to_owned();
        let pasted = wrap.replace("{}", &token);
        let answer = client.post_form("/account/verify", &[("csrf_token", &csrf), ("token", &pasted)]).await;
        assert_eq!(answer.status, StatusCode::OK, "{wrap}");
        assert_eq!(client.sign_in(email, PASSWORD).await.status, StatusCode::OK);
    }
}
