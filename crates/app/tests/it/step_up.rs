//! A fresh proof before sensitive acts (ASVS 7.5.3).

use std::time::Duration;

use doorward_domain::Store as _;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, Client, PASSWORD, SESSION};
use crate::enrolment::{change, enrol_passkey, member_with_app, signed};
use crate::house::House;
use crate::page::hidden_token;

const ADA: &str = "ada@example.com";
const STEP_UP: &str = "/api/auth/step-up";

async fn prove(client: &mut Client<'_>, body: &Value) -> Answer {
    client.post_json(STEP_UP, body).await
}

fn grow_stale(house: &House) {
    house.clock.advance(Duration::from_secs(601));
}

#[tokio::test]
async fn without_a_second_factor_the_password_is_the_proof() {
    let house = House::new().await;
    let mut member = house.member(ADA).await;
    grow_stale(&house);
    assert_eq!(member.post_empty("/api/auth/factors/totp").await.detail(), "Step-up required");
    for wrong in [json!({}), json!({"code": "000000"}), json!({"current_password": "not it at all"}), json!({"challenge": "x"})] {
        let answer = prove(&mut member, &wrong).await;
        assert_eq!((answer.status, answer.detail().as_str()), (StatusCode::UNAUTHORIZED, "Invalid credentials"), "{wrong}");
        assert!(answer.set_cookies().is_empty());
    }
    assert_eq!(prove(&mut member, &json!({"current_password": 7})).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let before = member.cookie(SESSION).to_owned();
    let answer = prove(&mut member, &json!({"current_password": PASSWORD})).await;
    assert_eq!((answer.status, answer.detail().as_str()), (StatusCode::OK, "Identity proved"));
    assert_ne!(member.cookie(SESSION), before, "a new credential (ASVS 7.2.4)");
    assert_eq!(member.post_empty("/api/auth/factors/totp").await.status, StatusCode::OK);
}

#[tokio::test]
async fn with_a_second_factor_nothing_less_is_proof() {
    let house = House::new().await;
    let (mut member, phone, codes) = member_with_app(&house, ADA).await;
    let (mut key, _) = enrol_passkey(&mut member, "Laptop").await;
    grow_stale(&house);
    let acts = [
        (
            Method::POST,
            "/api/auth/password",
            json!({"current_password": PASSWORD, "new_password": "eleven calm otters under Bergen"}),
        ),
        (Method::POST, "/api/auth/email", json!({"current_password": PASSWORD, "email": "new@example.com"})),
        (Method::DELETE, "/api/auth/me", json!({"current_password": PASSWORD})),
        (Method::POST, "/api/auth/me/export", json!({})),
        (Method::POST, "/api/auth/factors/recovery-codes", json!({})),
    ];
    for (method, path, body) in &acts {
        let answer = change(&mut member, method.clone(), path, body).await;
        assert_eq!((answer.status, answer.detail().as_str()), (StatusCode::FORBIDDEN, "Step-up required"), "{path}");
    }
    assert_eq!(prove(&mut member, &json!({"current_password": PASSWORD})).await.status, StatusCode::UNAUTHORIZED);
    for kind in ["app", "recovery code", "passkey"] {
        let proof = match kind {
            "app" => json!({"code": phone.code(&house)}),
            "recovery code" => json!({"code": codes[0]}),
            _ => {
                let offer = member.post_empty("/api/auth/step-up/options").await;
                signed(&mut key, &offer)
            }
        };
        assert_eq!(prove(&mut member, &proof).await.status, StatusCode::OK, "{kind}");
        assert_eq!(change(&mut member, Method::POST, "/api/auth/me/export", &json!({})).await.status, StatusCode::OK);
        assert_eq!(prove(&mut member, &proof).await.status, StatusCode::UNAUTHORIZED, "{kind}, once more");
        grow_stale(&house);
        assert_eq!(change(&mut member, Method::POST, "/api/auth/me/export", &json!({})).await.status, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn a_passkeys_answer_is_good_in_its_own_session_alone() {
    let house = House::new().await;
    let mut member = house.member(ADA).await;
    let (mut key, _) = enrol_passkey(&mut member, "Laptop").await;
    let mut eve = house.member("eve@example.com").await;
    assert_eq!(eve.post_empty("/api/auth/step-up/options").await.status, StatusCode::UNAUTHORIZED, "she has none");
    let offer = member.post_empty("/api/auth/step-up/options").await;
    let answer = signed(&mut key, &offer);
    assert_eq!(prove(&mut eve, &answer).await.status, StatusCode::UNAUTHORIZED);
    let alone = Client::new(&house).post_json("/api/auth/passkey/login", &answer).await;
    assert_eq!(alone.status, StatusCode::UNAUTHORIZED, "a proof in a session is no sign-in");
}

#[tokio::test]
async fn pages_lead_to_the_proof_and_back() {
    let house = House::new().await;
    let (mut browser, phone, _) = member_with_app(&house, ADA).await;
    grow_stale(&house);
    for path in ["/account/password", "/account/email", "/account/delete"] {
        let led = browser.get(path).await;
        let target = format!("/account/step-up?next={}", path.replace('/', "%2F"));
        assert_eq!((led.status, led.field("location")), (StatusCode::SEE_OTHER, target.as_str()));
    }
    let token = hidden_token(&browser.get("/account").await);
    let led = browser.post_form("/account/export", &[("csrf_token", &token)]).await;
    assert_eq!((led.status, led.field("location")), (StatusCode::SEE_OTHER, "/account/step-up?next=%2Faccount"));
    let page = browser.get("/account/step-up?next=%2Faccount%2Fpassword").await;
    assert!(page.text().contains("one-time-code") && !page.text().contains("type=\"password\""), "{}", page.text());
    let token = hidden_token(&page);
    let send = async |browser: &mut Client<'_>, code: &str, next: &str| {
        browser.post_form("/account/step-up", &[("csrf_token", &token), ("code", code), ("next", next)]).await
    };
    let wrong = send(&mut browser, &phone.wrong_code(&house), "/account/password").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.text().contains("role=\"alert\"") && wrong.text().contains(r#"name="next" value="/account/password""#));
    let done = send(&mut browser, &phone.code(&house), "/account/password").await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account/password"));
    assert_eq!(browser.get("/account/password").await.status, StatusCode::OK);
    for evil in ["//evil.test", "https://evil.test", "/\\evil.test", ""] {
        let page = browser.get(&format!("/account/step-up?next={}", evil.replace('/', "%2F").replace('\\', "%5C"))).await;
        assert!(page.text().contains(r#"name="next" value="/account""#), "{evil}");
    }
}

#[tokio::test]
async fn without_a_second_factor_pages_ask_for_the_password_and_nothing_else() {
    let house = House::new().await;
    let mut browser = house.member(ADA).await;
    grow_stale(&house);
    for path in ["/account/password", "/account/email", "/account/delete"] {
        assert_eq!(browser.get(path).await.status, StatusCode::OK, "{path}");
    }
    let page = browser.get("/account/step-up").await;
    assert!(page.text().contains("type=\"password\"") && !page.text().contains("one-time-code"));
    let fields = [("csrf_token", &*hidden_token(&page)), ("current_password", PASSWORD), ("next", "/account/factors/totp")];
    let done = browser.post_form("/account/step-up", &fields).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account/factors/totp"));
    assert_eq!(browser.get("/account/factors/totp").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_account_without_a_password_is_asked_for_none_and_chooses_one_while_its_proof_is_fresh() {
    let house = House::new().await;
    let mut browser = house.member(ADA).await;
    let user = house.store.find_user_by_email(ADA).await.expect("a store").expect("an account");
    let mut tx = house.store.begin().await.expect("a transaction");
    assert!(tx.users().set_password_hash(user.id, None).await.is_ok());
    tx.commit().await.expect("committed");
    house.clock.advance(Duration::from_secs(5));
    let page = browser.get("/account/password").await;
    assert!(
        !page.text().contains("name=\"current_password\"") && page.text().contains("name=\"new_password\""),
        "{}",
        page.text()
    );
    grow_stale(&house);
    for path in ["/account/password", "/account/email", "/account/delete"] {
        assert!(browser.get(path).await.field("location").starts_with("/account/step-up?next="), "{path}");
    }
    let page = browser.get("/account/step-up").await;
    assert!(!page.text().contains("type=\"password\"") && !page.text().contains("name=\"code\""), "{}", page.text());
    let none = prove(&mut browser, &json!({"current_password": ""})).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED, "no password is not the empty one");
}
