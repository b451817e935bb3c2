//! Operators: nothing is open to them before they have shown a second factor (D-14).

use doorward_app::route::{CsrfClass, Endpoint, ROUTES, SessionUse};
use doorward_app::{Admit, Refused};
use doorward_domain::AuditEvent;
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::client::{Client, PASSWORD, SESSION};
use crate::enrolment::enrol_app;
use crate::house::House;
use crate::page::hidden_token;
use crate::table::{body_for, concrete, is_member_page, send};

const ROOT: &str = "root@example.com";

async fn house() -> House {
    House::with_accounts("operator_roles = [\"staff\"]").await
}

fn is_open(endpoint: Endpoint) -> bool {
    use Endpoint as E;
    matches!(
        endpoint,
        E::Me
            | E::SessionList
            | E::FactorList
            | E::OfferTotp
            | E::ConfirmTotp
            | E::OfferPasskey
            | E::ConfirmPasskey
            | E::RenameFactor
            | E::RemoveFactor
            | E::RecoveryCodes
            | E::StepUp
            | E::StepUpOptions
            | E::FactorsPage
            | E::FactorRename
            | E::FactorRemove
            | E::TotpForm
            | E::TotpOffer
            | E::TotpSave
            | E::PasskeyForm
            | E::RecoveryCodesForm
            | E::RecoveryCodesSave
            | E::StepUpForm
            | E::StepUpSend
    )
}

#[tokio::test]
async fn an_operator_without_a_second_factor_can_do_nothing_but_make_one() {
    let house = house().await;
    let mut operator = house.member_with_roles(ROOT, &["staff"]).await;
    let mut closed = 0;
    for route in &ROUTES {
        let is_members = route.session == SessionUse::Required || is_member_page(route);
        // Signing out is open too, and would end this.
        if !is_members || matches!(route.endpoint, Endpoint::Logout | Endpoint::SignOut) {
            continue;
        }
        let answer = send(&mut operator, route, &body_for(route)).await;
        let is_page = route.path.starts_with("/account");
        let is_refused = match is_page {
            true => (answer.status, answer.field("location")) == (StatusCode::SEE_OTHER, "/account/factors?needed"),
            false => answer.status == StatusCode::FORBIDDEN && answer.detail() == "Second factor required",
        };
        assert_eq!(is_refused, !is_open(route.endpoint), "{} {}: {}", route.method, route.path, answer.status);
        closed += u32::from(is_refused);
        assert!(
            is_page || !is_refused || route.csrf == CsrfClass::Safe || answer.set_cookies().is_empty(),
            "{}",
            concrete(route)
        );
    }
    assert!(closed > 15, "{closed}");
    let page = operator.get("/account/factors?needed").await;
    assert!(page.text().contains("needs a second factor"), "{}", page.text());
    let noted = house.audit(AuditEvent::AccessDenied).await;
    assert!(
        noted.len() > 15 && noted.iter().all(|entry| entry.reason.as_deref() == Some("second_factor") && entry.actor.is_some())
    );
    assert_eq!(operator.post_empty("/api/auth/logout").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn no_upstream_hears_of_an_operator_before_a_second_factor_was_shown() {
    let house = house().await;
    let mut operator = house.member_with_roles(ROOT, &["staff"]).await;
    let knock = |client: &Client<'_>| {
        let cookie = format!("{SESSION}={}", client.cookie(SESSION));
        Request::get("/api/notes").header("cookie", cookie).body(()).expect("a request")
    };
    for route in ["api", "members", "staff"] {
        let admit = house.admit(knock(&operator), route).await;
        assert!(matches!(admit, Admit::Refused(Refused::SecondFactor)), "{route}: {admit:?}");
    }
    enrol_app(&mut operator, &house).await;
    for route in ["api", "members", "staff"] {
        assert!(matches!(house.admit(knock(&operator), route).await, Admit::Identified { .. }), "{route}");
    }
    assert_eq!(operator.get("/account").await.status, StatusCode::OK);
    let member = house.member("ada@example.com").await;
    assert!(matches!(house.admit(knock(&member), "members").await, Admit::Identified { .. }), "others are asked for nothing");
}

#[tokio::test]
async fn what_a_member_holds_open_ends_when_the_member_becomes_an_operator() {
    let house = house().await;
    let mut member = house.member(ROOT).await;
    let list = member.get("/api/auth/sessions").await.json();
    let session = list["sessions"][0]["id"].as_str().expect("an id").parse().expect("an id");
    assert!(house.stands(session).await);
    house.set_roles(ROOT, &["press"]).await;
    assert!(house.stands(session).await, "not every role is an operator's");
    house.set_roles(ROOT, &["staff"]).await;
    assert!(!house.stands(session).await);
}

#[tokio::test]
async fn another_session_of_the_operator_has_to_show_what_was_enrolled_in_the_first() {
    let house = house().await;
    let mut first = house.member_with_roles(ROOT, &["staff"]).await;
    let mut second = house.signed_in(ROOT).await;
    let (phone, _) = enrol_app(&mut first, &house).await;
    let refused = second.ask(Method::GET, "/api/auth/me").send().await;
    assert_eq!(refused.status, StatusCode::OK, "who it is may be seen");
    let refused = second.post_empty("/api/auth/sessions/revoke-others").await;
    assert_eq!((refused.status, refused.detail().as_str()), (StatusCode::FORBIDDEN, "Step-up required"));
    let led = second.get("/account/sessions").await;
    assert_eq!(led.field("location"), "/account/step-up?next=%2Faccount%2Fsessions");
    let none = second.post_json("/api/auth/step-up", &json!({"current_password": PASSWORD})).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED, "the password is no second factor");
    let token = hidden_token(&second.get("/account/step-up").await);
    let code = phone.code(&house);
    let fields = [("csrf_token", token.as_str()), ("code", &code), ("next", "/account/sessions")];
    let done = second.post_form("/account/step-up", &fields).await;
    assert_eq!((done.status, done.field("location")), (StatusCode::SEE_OTHER, "/account/sessions"));
    assert_eq!(second.get("/account/sessions").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_operator_keeps_a_second_factor() {
    let house = house().await;
    let mut operator = house.member_with_roles(ROOT, &["staff"]).await;
    enrol_app(&mut operator, &house).await;
    let page = operator.get("/account/factors").await;
    let (token, text) = (hidden_token(&page), page.text());
    let id = text.split("name=\"id\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
    let kept = operator.post_form("/account/factors/remove", &[("csrf_token", &token), ("id", &id)]).await;
    assert_eq!(kept.field("location"), "/account/factors?not=last");
    let path = format!("/api/auth/factors/{id}");
    let answer = crate::enrolment::change(&mut operator, Method::DELETE, &path, &json!({})).await;
    assert_eq!((answer.status, answer.detail().as_str()), (StatusCode::CONFLICT, "Not possible now"));
}
