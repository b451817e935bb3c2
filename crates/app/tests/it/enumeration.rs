//! Nobody learns which addresses have an account.

use http::StatusCode;
use serde_json::json;

use crate::client::{Client, PASSWORD};
use crate::house::House;

const OTHER_PASSWORD: &str = "seven slow barges below Basel";

#[tokio::test]
async fn enum_01_every_refused_sign_in_is_the_same_octets() {
    let house = House::new().await;
    house.member("known@example.com").await;
    house.sign_up("unverified@example.com").await;
    house.member("disabled@example.com").await;
    house.disable("disabled@example.com").await;
    house.add_without_password("provider@example.com").await;
    house.member("locked@example.com").await;
    for email in ["locked@example.com", "stranger@example.com"] {
        house.lock(email).await;
    }
    let cases = [
        ("locked@example.com", PASSWORD),
        ("locked@example.com", OTHER_PASSWORD),
        ("stranger@example.com", PASSWORD),
        ("unknown@example.com", PASSWORD),
        ("known@example.com", OTHER_PASSWORD),
        ("unverified@example.com", PASSWORD),
        ("disabled@example.com", PASSWORD),
        ("provider@example.com", PASSWORD),
        ("provider@example.com", ""),
        ("known@example.com", ""),
        ("not an address", PASSWORD),
        ("", ""),
    ];
    let mut seen = Vec::new();
    for (email, password) in cases {
        seen.push(Client::new(&house).sign_in(email, password).await.fingerprint());
    }
    for body in [
        json!({"email": "known@example.com"}),
        json!({"password": PASSWORD}),
        json!({}),
        json!({"email": 1, "password": true}),
        json!({"email": {"$ne": null}, "password": {"$gt": ""}}),
        json!({"email": ["known@example.com"], "password": [PASSWORD]}),
        json!({"email": null, "password": null}),
        json!({"username": "known@example.com", "password": OTHER_PASSWORD}),
    ] {
        seen.push(Client::new(&house).post_json("/api/auth/login", &body).await.fingerprint());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert!(seen[0].starts_with("401") && seen[0].ends_with(r#"{"detail":"Invalid credentials"}"#), "{}", seen[0]);
    assert!(!seen[0].contains("set-cookie"));
}

#[tokio::test]
async fn enum_01_the_sign_in_page_says_one_sentence() {
    let house = House::new().await;
    house.member("known000@example.com").await;
    house.sign_up("waiting0@example.com").await;
    house.member("disabled@example.com").await;
    house.disable("disabled@example.com").await;
    // Addresses of one length, since the page repeats what was typed in its field.
    let mut seen = Vec::new();
    for (email, password) in [
        ("unknown0@example.com", PASSWORD),
        ("known000@example.com", OTHER_PASSWORD),
        ("waiting0@example.com", PASSWORD),
        ("disabled@example.com", PASSWORD),
    ] {
        let mut client = Client::new(&house);
        client.get("/account/sign-in").await;
        let token = client.cookie(crate::client::CSRF).to_owned();
        let answer =
            client.post_form("/account/sign-in", &[("csrf_token", &token), ("email", email), ("password", password)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(!answer.text().contains(PASSWORD) && !answer.text().contains(OTHER_PASSWORD), "a password is never shown again");
        seen.push(answer.fingerprint().replace(&token, "TOKEN").replace(email, "ADDRESS"));
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test]
async fn enum_02_sign_up_is_one_outcome_whether_or_not_the_address_is_known() {
    let house = House::new().await;
    house.member("known@example.com").await;
    house.sign_up("unverified@example.com").await;
    house.member("disabled@example.com").await;
    house.disable("disabled@example.com").await;
    let (mut api, mut page) = (Vec::new(), Vec::new());
    for email in ["known@example.com", "KNOWN@example.com", "unverified@example.com", "disabled@example.com", "fresh@example.com"]
    {
        let body = json!({"email": email, "password": OTHER_PASSWORD, "username": "Somebody"});
        api.push(Client::new(&house).post_json("/api/auth/register", &body).await.fingerprint());
        let mut client = Client::new(&house);
        client.get("/account/sign-up").await;
        let token = client.cookie(crate::client::CSRF).to_owned();
        let fields = [("csrf_token", token.as_str()), ("email", email), ("password", OTHER_PASSWORD), ("name", "")];
        page.push(client.post_form("/account/sign-up", &fields).await.fingerprint());
    }
    for seen in [&mut api, &mut page] {
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
        assert!(!seen[0].contains("set-cookie"));
    }
    assert!(api[0].starts_with("202"), "{}", api[0]);
    assert!(page[0].starts_with("303") && page[0].contains("location: /account/check-mail"), "{}", page[0]);
}

#[tokio::test]
async fn enum_04_rules_are_checked_before_anybody_is_looked_for() {
    let house = House::new().await;
    house.member("known@example.com").await;
    house.sign_up("unverified@example.com").await;
    for password in ["short", "", "password12345678", &"x".repeat(129)] {
        let mut seen = Vec::new();
        for email in ["known@example.com", "unverified@example.com", "fresh@example.com"] {
            let body = json!({"email": email, "password": password});
            let answer = Client::new(&house).post_json("/api/auth/register", &body).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{email} {password:?}");
            assert_eq!(answer.json()["errors"][0]["field"], "password");
            seen.push(answer.fingerprint());
        }
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
    }
}

#[tokio::test]
async fn email_04_resend_is_one_answer_for_every_address() {
    let house = House::new().await;
    house.member("known@example.com").await;
    house.sign_up("unverified@example.com").await;
    house.member("disabled@example.com").await;
    house.disable("disabled@example.com").await;
    let before = house.delivered().await;
    let (mut api, mut page) = (Vec::new(), Vec::new());
    for email in ["known@example.com", "unverified@example.com", "disabled@example.com", "unknown@example.com", "no address", ""]
    {
        let answer = Client::new(&house).post_json("/api/auth/verify-email/resend", &json!({"email": email})).await;
        assert_eq!(answer.status, StatusCode::OK, "{email}");
        api.push(answer.fingerprint());
        let mut client = Client::new(&house);
        client.get("/account/resend").await;
        let token = client.cookie(crate::client::CSRF).to_owned();
        page.push(client.post_form("/account/resend", &[("csrf_token", &token), ("email", email)]).await.fingerprint());
    }
    for body in [json!({}), json!({"email": 1}), json!({"email": null}), json!({"email": ["unverified@example.com"]})] {
        api.push(Client::new(&house).post_json("/api/auth/verify-email/resend", &body).await.fingerprint());
    }
    for seen in [&mut api, &mut page] {
        seen.dedup();
        assert_eq!(seen.len(), 1, "{seen:#?}");
    }
    house.deliver().await;
    let mails = house.mails();
    assert!(mails.len() > before, "whoever waits gets a mail");
    assert!(mails[before..].iter().all(|mail| mail.contains("unverified@example.com")), "and nobody else");
}

/// The rest of EMAIL-04: five mails an address and quarter of an hour, ten requests a caller.
#[tokio::test]
async fn email_04_mails_to_one_address_stop_silently_and_one_caller_is_told_to_wait() {
    let house = House::with("verify_email_resend = \"10/15min\"\nverify_email_resend_address = \"5/15min\"").await;
    house.sign_up("unverified@example.com").await;
    let before = house.delivered().await;
    let body = json!({"email": "unverified@example.com"});
    let mut answers = Vec::new();
    for caller in 0..8 {
        let mut client = Client::new(&house).at([198, 51, 100, caller]);
        answers.push(client.post_json("/api/auth/verify-email/resend", &body).await.fingerprint());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "the sixth is answered like the first");
    assert_eq!(house.delivered().await - before, 4, "with the one of the sign-up there are five");
    let mut client = Client::new(&house).at([198, 51, 100, 200]);
    for attempt in 0..12 {
        let answer = client.post_json("/api/auth/verify-email/resend", &json!({"email": "nobody@example.com"})).await;
        let expected = if attempt < 10 { StatusCode::OK } else { StatusCode::TOO_MANY_REQUESTS };
        assert_eq!(answer.status, expected, "attempt {attempt}");
    }
}
