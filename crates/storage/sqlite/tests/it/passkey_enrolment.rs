//! Enrolling passkeys: what is asked of an authenticator, and what is not taken from one.

use doorward_domain::AuditEvent;
use doorward_domain::factor::FactorKind;
use doorward_domain::service::FlowError;
use serde_json::json;

use crate::authenticator::{Authenticator, PRESENT, Says, VERIFIED, b64};
use crate::second::{ANN, BOB, is_refused};
use crate::support::{House, QUICK, caller, generous, visitor};

#[tokio::test]
async fn a_passkey_is_asked_for_that_is_found_without_a_name_and_verifies_its_user() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let context = caller(1);
    let options = house.accounts.begin_passkey(visitor(&context), &active).await.unwrap().options;
    let selection = &options["authenticatorSelection"];
    assert_eq!(selection["residentKey"], json!("required"));
    assert_eq!(selection["requireResidentKey"], json!(true));
    assert_eq!(selection["userVerification"], json!("required"));
    assert_eq!(options["attestation"], json!("none"));
    assert_eq!(options["rp"], json!({"id": "app.example.org", "name": "Example"}));
    assert_eq!(options["user"], json!({"id": b64(active.user.id.as_bytes()), "name": ANN, "displayName": "Ann"}));
    let mut key = Authenticator::new();
    let enrolled = house.enrol_passkey(&active, &mut key).await;
    assert_eq!(enrolled.recovery_codes.map(|codes| codes.len()), Some(10));
    let active = enrolled.signed_in.active;
    let options = house.accounts.begin_passkey(visitor(&context), &active).await.unwrap().options;
    assert_eq!(options["excludeCredentials"], json!([{"type": "public-key", "id": b64(&key.credential)}]));
    let second = house.enrol_passkey(&active, &mut Authenticator::new()).await;
    assert!(second.recovery_codes.is_none(), "there are some");
    let list = house.accounts.list_factors(&second.signed_in.active).await.unwrap();
    assert!(list.factors.len() == 2 && list.factors.iter().all(|factor| factor.kind == FactorKind::Passkey));
}

#[tokio::test]
async fn what_an_authenticator_says_wrongly_enrols_nothing() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let foreign = house.accounts.begin_passkey(visitor(&caller(1)), &active).await.unwrap().options;
    let foreign = foreign["challenge"].as_str().expect("a challenge").to_owned();
    let attacks: [(Says<'_>, &str); 9] = [
        (Says { origin: "https://app.example.org.evil.test", ..Says::default() }, "wrong_origin"),
        (Says { origin: "https://example.org", ..Says::default() }, "wrong_origin"),
        (Says { site: "evil.test", ..Says::default() }, "wrong_site"),
        (Says { flags: PRESENT, ..Says::default() }, "not_verified"),
        (Says { flags: VERIFIED, ..Says::default() }, "not_verified"),
        (Says { kind: Some("webauthn.get"), ..Says::default() }, "malformed"),
        (Says { challenge: Some(&foreign), ..Says::default() }, "wrong_challenge"),
        (Says { is_framed: true, ..Says::default() }, "malformed"),
        (Says { credential: Some(&[7; 1024]), ..Says::default() }, "malformed"),
    ];
    for (says, reason) in &attacks {
        let outcome = house.try_passkey(&active, &mut Authenticator::new(), says).await;
        assert!(is_refused(&outcome), "{reason}");
        assert_eq!(house.reasons().await.last().map(String::as_str), Some(*reason));
    }
    assert!(house.accounts.list_factors(&active).await.unwrap().factors.is_empty());
    assert!(house.events(AuditEvent::FactorAdded).await.is_empty());
}

#[tokio::test]
async fn an_enrolment_is_used_once_by_the_session_that_began_it_and_soon() {
    let house = House::with(generous(), QUICK, |rules| rules.step_up_age = std::time::Duration::from_secs(3600)).await;
    let (ann, bob) = (house.newcomer(ANN).await, house.newcomer(BOB).await);
    let elsewhere = house.session_of(ANN).await;
    let context = caller(1);
    let visitor = visitor(&context);
    for thief in [&bob, &elsewhere] {
        let offer = house.accounts.begin_passkey(visitor, &ann).await.unwrap();
        let made = Authenticator::new().make(&offer.options, &Says::default());
        let token = offer.token.reveal();
        assert!(is_refused(&house.accounts.confirm_passkey(visitor, thief, &token, "Key", made).await));
    }
    let late = house.accounts.begin_passkey(visitor, &ann).await.unwrap();
    let made = Authenticator::new().make(&late.options, &Says::default());
    house.clock.advance(std::time::Duration::from_secs(300));
    assert!(is_refused(&house.accounts.confirm_passkey(visitor, &ann, &late.token.reveal(), "Key", made).await));
    let offer = house.accounts.begin_passkey(visitor, &ann).await.unwrap();
    let (token, made) = (offer.token.reveal(), Authenticator::new().make(&offer.options, &Says::default()));
    let enrolled = house.accounts.confirm_passkey(visitor, &ann, &token, "Key", made.clone()).await.unwrap();
    let again = house.accounts.confirm_passkey(visitor, &enrolled.signed_in.active, &token, "Key", made).await;
    assert!(is_refused(&again), "it was used");
    assert_eq!(house.reasons().await, ["no_enrolment"; 4]);
}

#[tokio::test]
async fn a_credential_is_of_one_account_and_an_account_has_ten_at_most() {
    let house = House::new().await;
    let (ann, bob) = (house.newcomer(ANN).await, house.newcomer(BOB).await);
    let mut key = Authenticator::new();
    let mut active = house.enrol_passkey(&ann, &mut key).await.signed_in.active;
    let says = Says { credential: Some(&key.credential), ..Says::default() };
    assert!(is_refused(&house.try_passkey(&bob, &mut Authenticator::new(), &says).await), "Ann's credential id");
    assert!(is_refused(&house.try_passkey(&active, &mut Authenticator::new(), &says).await), "be it by Ann herself");
    for _ in 1..10 {
        active = house.enrol_passkey(&active, &mut Authenticator::new()).await.signed_in.active;
    }
    let eleventh = house.try_passkey(&active, &mut Authenticator::new(), &Says::default()).await;
    assert!(matches!(eleventh, Err(FlowError::LastOfItsKind)));
    assert_eq!(house.accounts.list_factors(&active).await.unwrap().factors.len(), 10);
}

#[tokio::test]
async fn at_a_site_without_a_name_there_are_no_passkeys() {
    let house = House::with(generous(), QUICK, |rules| "https://192.0.2.7".clone_into(&mut rules.link_origin)).await;
    let active = house.newcomer(ANN).await;
    let outcome = house.accounts.begin_passkey(visitor(&caller(1)), &active).await;
    assert!(matches!(outcome, Err(FlowError::NotConfigured)));
}
