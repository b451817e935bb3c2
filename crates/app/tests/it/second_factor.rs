//! The second step of a sign-in.

use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Answer, Client, PASSWORD, SESSION};
use crate::enrolment::{PENDING, enrol_passkey, member_with_app, signed};
use crate::house::House;
use crate::page::hidden_token;

const STEP: &str = "/api/auth/login/second-factor";
const ADA: &str = "ada@example.com";

async fn first_step<'h>(house: &'h House, email: &str) -> Client<'h> {
    let mut client = Client::new(house);
    let answer = client.sign_in(email, PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(!client.cookie(PENDING).is_empty() && client.cookie(SESSION).is_empty());
    client
}

async fn show(client: &mut Client<'_>, code: &str) -> Answer {
    client.post_json(STEP, &json!({"code": code})).await
}

fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.text()), (StatusCode::UNAUTHORIZED, r#"{"detail":"Invalid credentials"}"#), "{what}");
    assert!(answer.set_cookies().is_empty(), "{what}");
}

#[tokio::test]
async fn a_password_alone_opens_no_session_where_there_is_a_second_factor() {
    let house = House::new().await;
    let (_, phone, _) = member_with_app(&house, ADA).await;
    let mut client = Client::new(&house);
    let answer = client.sign_in(ADA, PASSWORD).await;
    assert_eq!((answer.status, answer.json()), (StatusCode::OK, json!({"second_factor": ["totp", "recovery_code"]})));
    let pending = client.cookie(PENDING).to_owned();
    assert_eq!(
        answer.set_cookies(),
        [format!("{PENDING}={pending}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=600")],
        "and neither session nor device"
    );
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    client.jar.insert(SESSION.into(), pending.clone());
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED, "what waits is no session");
    client.jar.remove(SESSION);
    assert_refused(&show(&mut client, &phone.wrong_code(&house)).await, "a wrong code");
    let answer = show(&mut client, &phone.code(&house)).await;
    assert_eq!((answer.status, &answer.json()["email"]), (StatusCode::OK, &json!(ADA)), "{}", answer.text());
    assert_eq!(client.cookie(PENDING), "", "nothing waits any more");
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK);
    client.jar.insert(PENDING.into(), pending);
    assert_refused(&show(&mut client, &phone.code(&house)).await, "the same step again");
}

#[tokio::test]
async fn a_second_step_without_its_own_first_one_is_refused_like_a_wrong_code() {
    let house = House::new().await;
    let (_, phone, _) = member_with_app(&house, ADA).await;
    let (_, other, _) = member_with_app(&house, "eve@example.com").await;
    let waiting = first_step(&house, ADA).await;
    let pending = waiting.cookie(PENDING).to_owned();
    assert_refused(&show(&mut Client::new(&house), &phone.code(&house)).await, "another browser");
    for made_up in ["", "x", "A".repeat(43).as_str()] {
        let mut client = Client::new(&house);
        client.jar.insert(PENDING.into(), made_up.into());
        assert_refused(&show(&mut client, &phone.code(&house)).await, made_up);
    }
    let twice = format!("{PENDING}={pending}; {PENDING}={pending}");
    let mut raw = Client::new(&house);
    let body = json!({"code": phone.code(&house)}).to_string();
    let ask = raw.ask(Method::POST, STEP).own().field("cookie", &twice).body("application/json", body);
    assert_refused(&ask.send().await, "the cookie twice");
    let mut eve = first_step(&house, "eve@example.com").await;
    assert_refused(&show(&mut eve, &phone.code(&house)).await, "somebody else's code");
    for odd in [json!({}), json!({"code": 1}), json!({"code": null}), json!({"challenge": 1}), json!({"credential": "x"})] {
        assert_refused(&eve.post_json(STEP, &odd).await, &odd.to_string());
    }
    // Six attempts at once were five too many for one first step.
    assert_refused(&show(&mut eve, &other.code(&house)).await, "the right code after five wrong ones");
}

#[tokio::test]
async fn a_wrong_password_says_nothing_about_second_factors() {
    let house = House::new().await;
    member_with_app(&house, ADA).await;
    house.member("bob@example.com").await;
    let mut seen = Vec::new();
    for email in [ADA, "bob@example.com", "nobody@example.com"] {
        seen.push(Client::new(&house).sign_in(email, "not what it is at all").await.fingerprint());
        seen.push(Client::new(&house).post_json("/api/auth/login", &json!({"email": email})).await.fingerprint());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
}

#[tokio::test]
async fn a_recovery_code_stands_in_once() {
    let house = House::new().await;
    let (mut member, _, codes) = member_with_app(&house, ADA).await;
    let mut client = first_step(&house, ADA).await;
    assert_eq!(show(&mut client, &codes[3].to_lowercase()).await.status, StatusCode::OK);
    let mut client = first_step(&house, ADA).await;
    assert_refused(&show(&mut client, &codes[3]).await, "used");
    assert_eq!(show(&mut client, &codes[4]).await.status, StatusCode::OK);
    assert_eq!(member.get("/api/auth/factors").await.json()["recovery_codes"], json!(8));
}

#[tokio::test]
async fn a_passkey_is_a_second_step_or_a_whole_sign_in() {
    let house = House::new().await;
    let mut member = house.member(ADA).await;
    let (mut key, _) = enrol_passkey(&mut member, "Laptop").await;
    let mut client = first_step(&house, ADA).await;
    let offer = client.post_json("/api/auth/passkey/options", &json!({})).await;
    let answer = signed(&mut key, &offer);
    assert_refused(&Client::new(&house).post_json(STEP, &answer).await, "in another browser");
    let offer = client.post_json("/api/auth/passkey/options", &json!({})).await;
    let answer = signed(&mut key, &offer);
    assert_eq!(client.post_json(STEP, &answer).await.status, StatusCode::OK);
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK);
    let mut alone = Client::new(&house);
    let offer = alone.post_json("/api/auth/passkey/options", &json!({})).await;
    let answer = signed(&mut key, &offer);
    let done = alone.post_json("/api/auth/passkey/login", &answer).await;
    assert_eq!((done.status, &done.json()["email"]), (StatusCode::OK, &json!(ADA)), "{}", done.text());
    assert_eq!(alone.get("/api/auth/me").await.status, StatusCode::OK);
    assert_refused(&Client::new(&house).post_json("/api/auth/passkey/login", &answer).await, "once more");
    for odd in [json!({}), json!({"challenge": 7, "credential": []}), json!({"challenge": "x", "credential": {}})] {
        assert_refused(&Client::new(&house).post_json("/api/auth/passkey/login", &odd).await, &odd.to_string());
    }
}

#[tokio::test]
async fn a_first_step_that_was_spoilt_keeps_nobody_from_signing_in_with_a_passkey() {
    let house = House::new().await;
    let mut member = house.member(ADA).await;
    let (mut key, _) = enrol_passkey(&mut member, "Laptop").await;
    let mut client = first_step(&house, ADA).await;
    for _ in 0..6 {
        assert_refused(&show(&mut client, "000000").await, "no app, so no code is right");
    }
    assert!(!client.cookie(PENDING).is_empty(), "the browser still has the cookie");
    let offer = client.post_json("/api/auth/passkey/options", &json!({})).await;
    let answer = signed(&mut key, &offer);
    assert_refused(&client.post_json(STEP, &answer).await, "the step is over");
    let offer = client.post_json("/api/auth/passkey/options", &json!({})).await;
    let answer = signed(&mut key, &offer);
    assert_eq!(client.post_json("/api/auth/passkey/login", &answer).await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_asked_of_a_passkey_is_the_same_for_everybody_who_has_not_shown_a_password() {
    let house = House::new().await;
    let offer = Client::new(&house).post_json("/api/auth/passkey/options", &json!({})).await;
    assert!(offer.set_cookies().is_empty());
    let offer = offer.json();
    let options = crate::enrolment::public_key(&offer);
    let allowed = &options["allowCredentials"];
    assert!(allowed.is_null() || *allowed == json!([]), "{options}");
    assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("required"), &json!("app.example.com")));
}

#[tokio::test]
async fn somebody_without_script_takes_both_steps_on_pages() {
    let house = House::new().await;
    let (_, phone, _) = member_with_app(&house, ADA).await;
    let mut browser = Client::new(&house);
    let token = hidden_token(&browser.get("/account/sign-in?next=%2Faccount%2Fsessions").await);
    let fields = [("csrf_token", token.as_str()), ("email", ADA), ("password", PASSWORD), ("next", "/account/sessions")];
    let asked = browser.post_form("/account/sign-in", &fields).await;
    let target = asked.field("location").to_owned();
    assert_eq!(
        (asked.status, target.as_str()),
        (StatusCode::SEE_OTHER, "/account/sign-in/second-factor?with=code&next=%2Faccount%2Fsessions")
    );
    let page = browser.get(&target).await;
    assert!(!page.text().contains("data-passkey") && page.text().contains("one-time-code"), "{}", page.text());
    let token = hidden_token(&page);
    let step = |code: &str| {
        vec![
            ("csrf_token", token.clone()),
            ("code", code.to_owned()),
            ("with", "code".into()),
            ("next", "/account/sessions".into()),
        ]
    };
    let post = async |browser: &mut Client<'_>, code: &str| {
        let fields = step(code);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post_form("/account/sign-in/second-factor", &fields).await
    };
    let wrong = phone.wrong_code(&house);
    let again = post(&mut browser, &wrong).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
    assert!(again.text().contains("role=\"alert\"") && !again.text().contains(&wrong), "{}", again.text());
    let done = post(&mut browser, &phone.code(&house)).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account/sessions"));
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    assert_eq!(browser.cookie(PENDING), "");
}

#[tokio::test]
async fn whoever_starts_anew_waits_for_nothing_and_nobody_is_led_off_the_site() {
    let house = House::new().await;
    let (_, phone, _) = member_with_app(&house, ADA).await;
    let mut browser = first_step(&house, ADA).await;
    browser.get("/account/sign-in").await;
    assert_eq!(browser.cookie(PENDING), "");
    let mut browser = first_step(&house, ADA).await;
    let page = browser.get("/account/sign-in/second-factor?next=https%3A%2F%2Fevil.test&with=%3Cb%3E").await;
    assert!(page.text().contains(r#"name="next" value="/account""#) && !page.text().contains("evil"), "{}", page.text());
    let (token, code) = (hidden_token(&page), phone.code(&house));
    let fields = [("csrf_token", token.as_str()), ("code", &code), ("next", "//evil.test")];
    let done = browser.post_form("/account/sign-in/second-factor", &fields).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account"));
}
