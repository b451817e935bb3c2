//! Second factors of a member: how they come, go and are called.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Client, SESSION};
use crate::enrolment::{change, enrol_app, enrol_passkey, member_with_app};
use crate::house::House;
use crate::page::hidden_token;

const ADA: &str = "ada@example.com";

#[tokio::test]
async fn an_app_is_added_by_its_first_code_and_nothing_of_its_key_is_shown_again() {
    let house = House::new().await;
    let mut member = house.member(ADA).await;
    assert_eq!(member.get("/api/auth/factors").await.json(), json!({"factors": [], "recovery_codes": 0}));
    let offer = member.post_empty("/api/auth/factors/totp").await.json();
    assert!(offer["qr_svg"].as_str().expect("a drawing").starts_with("<svg "), "{offer}");
    let before = member.cookie(SESSION).to_owned();
    let (_, codes) = enrol_app(&mut member, &house).await;
    assert_eq!(codes.len(), 10);
    assert_ne!(member.cookie(SESSION), before, "its powers have changed, and so has its credential");
    let list = member.get("/api/auth/factors").await;
    let text = list.text().to_owned();
    assert!(!text.contains(offer["secret"].as_str().expect("a key")) && !codes.iter().any(|code| text.contains(code.as_str())));
    let list = list.json();
    assert_eq!((&list["factors"][0]["kind"], &list["recovery_codes"]), (&json!("totp"), &json!(10)));
    let second = member.post_empty("/api/auth/factors/totp").await;
    assert_eq!(second.status, StatusCode::CONFLICT, "one app for each account");
}

#[tokio::test]
async fn an_enrolment_is_good_for_its_own_session_and_code_alone() {
    let house = House::new().await;
    let mut ada = house.member(ADA).await;
    let mut eve = house.member("eve@example.com").await;
    let offer = ada.post_empty("/api/auth/factors/totp").await.json();
    let good = doorward_testkit::Totp::scan(offer["uri"].as_str().expect("a uri"));
    let code = good.code_at(1_772_366_400);
    for body in [
        json!({"enrolment": offer["enrolment"], "code": "000000"}),
        json!({"enrolment": "x", "code": code}),
        json!({"enrolment": offer["enrolment"]}),
        json!({"enrolment": [offer["enrolment"]], "code": code}),
        json!({}),
    ] {
        let answer = ada.post_json("/api/auth/factors/totp/confirm", &body).await;
        assert_eq!((answer.status, answer.detail().as_str()), (StatusCode::BAD_REQUEST, "Enrolment failed"), "{body}");
        assert!(answer.set_cookies().is_empty());
    }
    let body = json!({"enrolment": offer["enrolment"], "code": code});
    assert_eq!(eve.post_json("/api/auth/factors/totp/confirm", &body).await.status, StatusCode::BAD_REQUEST);
    for client in [&mut ada, &mut eve] {
        assert_eq!(client.get("/api/auth/factors").await.json()["factors"], json!([]));
    }
}

#[tokio::test]
async fn a_factor_of_somebody_else_is_not_there() {
    let house = House::new().await;
    let mut ada = house.member(ADA).await;
    enrol_passkey(&mut ada, "Laptop").await;
    let id = ada.get("/api/auth/factors").await.json()["factors"][0]["id"].as_str().expect("an id").to_owned();
    let mut eve = house.member("eve@example.com").await;
    enrol_app(&mut eve, &house).await;
    let path = format!("/api/auth/factors/{id}");
    let named = change(&mut eve, Method::PATCH, &path, &json!({"name": "Mine"})).await;
    let removed = change(&mut eve, Method::DELETE, &path, &json!({})).await;
    let unknown = change(&mut eve, Method::DELETE, "/api/auth/factors/00000000-0000-4000-8000-000000000000", &json!({})).await;
    let odd = change(&mut eve, Method::DELETE, "/api/auth/factors/x", &json!({})).await;
    for answer in [&named, &removed, &unknown, &odd] {
        assert_eq!((answer.status, answer.text()), (StatusCode::NOT_FOUND, r#"{"detail":"Not found"}"#));
    }
    let list = ada.get("/api/auth/factors").await.json();
    assert_eq!((&list["factors"][0]["name"], list["factors"].as_array().map(Vec::len)), (&json!("Laptop"), Some(1)));
    let renamed = change(&mut ada, Method::PATCH, &path, &json!({"name": "Work laptop"})).await;
    assert_eq!(renamed.status, StatusCode::NO_CONTENT);
    for name in [json!(""), json!("a".repeat(61)), json!("a\u{202e}b"), json!(7)] {
        let answer = change(&mut ada, Method::PATCH, &path, &json!({"name": name})).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{name}");
    }
    assert_eq!(change(&mut ada, Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(ada.get("/api/auth/factors").await.json(), json!({"factors": [], "recovery_codes": 0}));
}

#[tokio::test]
async fn nothing_about_factors_changes_without_a_fresh_proof() {
    let house = House::new().await;
    let (mut member, _, _) = member_with_app(&house, ADA).await;
    let id = member.get("/api/auth/factors").await.json()["factors"][0]["id"].as_str().expect("an id").to_owned();
    house.clock.advance(Duration::from_secs(601));
    for (method, path) in [
        (Method::POST, "/api/auth/factors/totp".to_owned()),
        (Method::POST, "/api/auth/factors/passkey/options".to_owned()),
        (Method::POST, "/api/auth/factors/recovery-codes".to_owned()),
        (Method::DELETE, format!("/api/auth/factors/{id}")),
    ] {
        let answer = change(&mut member, method, &path, &json!({})).await;
        assert_eq!((answer.status, answer.detail().as_str()), (StatusCode::FORBIDDEN, "Step-up required"), "{path}");
    }
    for (path, target) in [
        ("/account/factors/totp", "/account/step-up?next=%2Faccount%2Ffactors%2Ftotp"),
        ("/account/factors/passkey", "/account/step-up?next=%2Faccount%2Ffactors%2Fpasskey"),
        ("/account/factors/recovery-codes", "/account/step-up?next=%2Faccount%2Ffactors%2Frecovery%2Dcodes"),
    ] {
        let page = member.get(path).await;
        assert_eq!((page.status, page.field("location")), (StatusCode::SEE_OTHER, target));
    }
    let token = hidden_token(&member.get("/account/factors").await);
    let fields = [("csrf_token", token.as_str()), ("id", id.as_str())];
    let led = member.post_form("/account/factors/remove", &fields).await;
    assert_eq!((led.status, led.field("location")), (StatusCode::SEE_OTHER, "/account/step-up?next=%2Faccount%2Ffactors"));
    assert_eq!(member.get("/api/auth/factors").await.json()["factors"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn somebody_without_script_adds_an_app_names_it_and_removes_it() {
    let house = House::new().await;
    let mut browser = house.member(ADA).await;
    let token = hidden_token(&browser.get("/account/factors/totp").await);
    let page = browser.post_form("/account/factors/totp", &[("csrf_token", &token)]).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text().contains("class=\"qr\"") && !page.text().contains("<style"), "{}", page.text());
    let after =
        |text: &str, mark: &str| text.split(mark).nth(1).and_then(|rest| rest.split('"').next()).expect("a value").to_owned();
    let enrolment = after(page.text(), "name=\"enrolment\" value=\"");
    let uri = after(page.text(), "<a href=\"otpauth").replace("&#38;", "&").replace("&amp;", "&");
    let app = doorward_testkit::Totp::scan(&format!("otpauth{uri}"));
    let fields = [("csrf_token", token.as_str()), ("enrolment", &enrolment), ("code", "000000")];
    let again = browser.post_form("/account/factors/totp/confirm", &fields).await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.text().contains(&enrolment) && !again.text().contains("class=\"qr\""), "the key was shown once");
    let code = app.code_at(1_772_366_400);
    let fields = [("csrf_token", token.as_str()), ("enrolment", &enrolment), ("code", &code)];
    let made = browser.post_form("/account/factors/totp/confirm", &fields).await;
    assert_eq!((made.status, made.text().matches("<li>").count()), (StatusCode::OK, 10), "{}", made.text());
    assert_eq!(made.field("cache-control"), "no-store");
    let page = browser.get("/account/factors").await;
    let (token, id) = (hidden_token(&page), after(page.text(), "name=\"id\" value=\""));
    let fields = [("csrf_token", token.as_str()), ("id", &id), ("name", "Phone <b>")];
    let done = browser.post_form("/account/factors/rename", &fields).await;
    assert_eq!(done.field("location"), "/account/factors?done=renamed");
    assert!(browser.get("/account/factors").await.text().contains("Phone &#60;b&#62;"));
    let done = browser.post_form("/account/factors/rename", &[("csrf_token", &token), ("id", &id), ("name", "")]).await;
    assert_eq!(done.field("location"), "/account/factors?not=name");
    let done = browser.post_form("/account/factors/remove", &[("csrf_token", &token), ("id", &id)]).await;
    assert_eq!(done.field("location"), "/account/factors?done=removed");
    let page = browser.get("/account/factors?done=removed").await;
    assert!(page.text().contains("It is removed.") && !page.text().contains("name=\"id\""));
}

#[tokio::test]
async fn new_recovery_codes_take_the_place_of_the_old_ones() {
    let house = House::new().await;
    let mut plain = house.member("bob@example.com").await;
    assert_eq!(
        plain.post_empty("/api/auth/factors/recovery-codes").await.status,
        StatusCode::NOT_FOUND,
        "nothing to stand in for"
    );
    let (mut member, _, old) = member_with_app(&house, ADA).await;
    let new = member.post_empty("/api/auth/factors/recovery-codes").await.json();
    let new: Vec<_> = new["recovery_codes"].as_array().expect("codes").iter().filter_map(|code| code.as_str()).collect();
    assert_eq!(new.len(), 10);
    let mut client = Client::new(&house);
    client.sign_in(ADA, crate::client::PASSWORD).await;
    let step = "/api/auth/login/second-factor";
    assert_eq!(client.post_json(step, &json!({"code": old[0]})).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.post_json(step, &json!({"code": new[0]})).await.status, StatusCode::OK);
}
