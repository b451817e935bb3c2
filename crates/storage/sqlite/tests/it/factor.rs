//! What an owner does with second factors afterwards, and what stands in the way of whoever is not the owner.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::factor::SecondProof;
use doorward_domain::service::{AccountRules, FlowError};
use doorward_domain::{ActiveSession, AuditEvent, Store as _};
use doorward_kit::id::FactorId;

use crate::authenticator::{Authenticator, Says};
use crate::second::{ANN, App, BOB, is_refused};
use crate::support::{House, PASSWORD, QUICK, caller, generous, quota, secret, visitor};

const STEP: Duration = Duration::from_secs(30);

async fn first_factor(house: &House, active: &ActiveSession) -> FactorId {
    house.accounts.list_factors(active).await.unwrap().factors[0].id
}

async fn with_app(house: &House, email: &str) -> (App, Arc<ActiveSession>, FactorId) {
    let active = house.newcomer(email).await;
    let (app, enrolled) = house.enrol_app(&active).await;
    house.take_mail().await;
    (app, enrolled.signed_in.active, enrolled.id)
}

#[tokio::test]
async fn with_the_last_factor_the_recovery_codes_and_every_sign_in_that_waits_are_gone() {
    let house = House::new().await;
    let (app, active, id) = with_app(&house, ANN).await;
    let pending = house.half_signed_in(ANN).await;
    house.clock.advance(2 * STEP);
    let signed_in = house.accounts.remove_factor(visitor(&caller(1)), &active, id).await.unwrap();
    assert!(signed_in.active.session.digest != active.session.digest && house.is_live(&signed_in.token.reveal()).await);
    assert!(!signed_in.active.user.has_second_factor);
    assert!(is_refused(&house.second_step(&pending, SecondProof::Code(&app.code(&house, 0))).await));
    let list = house.accounts.list_factors(&active).await.unwrap();
    assert_eq!((list.factors.len(), list.recovery_codes), (0, 0));
    assert_eq!(house.count("SELECT count(*) FROM recovery_codes").await, 0);
    assert_eq!(house.count("SELECT count(*) FROM ceremonies WHERE kind IN ('second_factor', 'passkey_request')").await, 0);
    let mails = house.take_mail().await;
    assert!(mails.iter().any(|(_, subject, body)| {
        subject.contains("second factor was removed") && body.contains("/account/end-sessions#token=")
    }));
    assert_eq!(house.events(AuditEvent::FactorRemoved).await.len(), 1);
    house.session_of(ANN).await;
}

/// Asked for with the password alone, it would go through without the factor that is asked for by now.
#[tokio::test]
async fn a_change_of_address_from_before_the_first_factor_is_void() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let (context, next) = (caller(1), "next@example.org");
    house.accounts.request_email_change(visitor(&context), &active, next, secret(PASSWORD)).await.unwrap();
    let before = house.mailed_token(next).await;
    let (_, enrolled) = house.enrol_app(&active).await;
    assert!(is_refused(&house.accounts.confirm_email_change(visitor(&context), &before).await));
    // With the factor shown it is asked for as ever, and a second factor more does not end it.
    let active = enrolled.signed_in.active;
    house.accounts.request_email_change(visitor(&context), &active, next, secret(PASSWORD)).await.unwrap();
    let after = house.mailed_token(next).await;
    house.enrol_passkey(&active, &mut Authenticator::new()).await;
    assert!(house.accounts.confirm_email_change(visitor(&context), &after).await.is_ok());
}

#[tokio::test]
async fn a_factor_that_is_not_the_last_leaves_the_recovery_codes() {
    let house = House::new().await;
    let (_, active, id) = with_app(&house, ANN).await;
    let active = house.enrol_passkey(&active, &mut Authenticator::new()).await.signed_in.active;
    let signed_in = house.accounts.remove_factor(visitor(&caller(1)), &active, id).await.unwrap();
    assert!(signed_in.active.user.has_second_factor);
    let list = house.accounts.list_factors(&active).await.unwrap();
    assert_eq!((list.factors.len(), list.recovery_codes), (1, 10));
}

#[tokio::test]
async fn a_factor_of_another_account_is_not_there() {
    let house = House::new().await;
    let (_, anns, _) = with_app(&house, ANN).await;
    let (_, _, bobs) = with_app(&house, BOB).await;
    let context = caller(1);
    let removed = house.accounts.remove_factor(visitor(&context), &anns, bobs).await;
    assert!(matches!(removed, Err(FlowError::NotThere)));
    let renamed = house.accounts.rename_factor(visitor(&context), &anns, bobs, "Mine").await;
    assert!(matches!(renamed, Err(FlowError::NotThere)));
    assert_eq!(house.count("SELECT count(*) FROM factors WHERE name = 'Authenticator app'").await, 2);
}

#[tokio::test]
async fn a_name_is_one_line_of_up_to_sixty_characters() {
    let house = House::new().await;
    let (_, active, id) = with_app(&house, ANN).await;
    let context = caller(1);
    let long = "x".repeat(61);
    for name in ["", "   ", "a\nb", "a\u{202e}b", "a\u{2066}b", "\u{0}", long.as_str()] {
        let renamed = house.accounts.rename_factor(visitor(&context), &active, id, name).await;
        assert!(matches!(renamed, Err(FlowError::Invalid(faults)) if faults[0].field == "name"), "{name:?}");
    }
    let fair = "ü".repeat(60);
    for name in [" My phone ", fair.as_str()] {
        house.accounts.rename_factor(visitor(&context), &active, id, name).await.unwrap();
        assert_eq!(house.accounts.list_factors(&active).await.unwrap().factors[0].name, name.trim());
    }
    let offer = house.accounts.begin_passkey(visitor(&context), &active).await.unwrap();
    let made = Authenticator::new().make(&offer.options, &Says::default());
    let named = house.accounts.confirm_passkey(visitor(&context), &active, &offer.token.reveal(), "\u{202e}", made).await;
    assert!(matches!(named, Err(FlowError::Invalid(_))));
}

#[tokio::test]
async fn every_change_asks_for_a_proof_that_is_fresh_and_whole() {
    let house = House::new().await;
    let before = house.newcomer(ANN).await;
    let borrowed = house.session_of(ANN).await;
    let (_, enrolled) = house.enrol_app(&before).await;
    let active = enrolled.signed_in.active;
    // A session from before the first factor is fresh by a password alone: no longer enough.
    assert_needs_proof(&house, &borrowed, enrolled.id).await;
    house.clock.advance(Duration::from_secs(601));
    assert_needs_proof(&house, &active, enrolled.id).await;
    assert_eq!(house.reasons().await, ["step_up_needed"; 12]);
    let list = house.accounts.list_factors(&active).await.unwrap();
    assert_eq!((list.factors.len(), list.recovery_codes), (1, 10));
}

async fn assert_needs_proof(house: &House, active: &ActiveSession, id: FactorId) {
    let context = caller(1);
    let visitor = visitor(&context);
    let accounts = &house.accounts;
    let outcomes = [
        accounts.begin_totp(visitor, active).await.err(),
        accounts.confirm_totp(visitor, active, &"A".repeat(43), "123456").await.err(),
        accounts.begin_passkey(visitor, active).await.err(),
        accounts.confirm_passkey(visitor, active, &"A".repeat(43), "Key", serde_json::Value::Null).await.err(),
        accounts.remove_factor(visitor, active, id).await.err(),
        accounts.renew_recovery_codes(visitor, active).await.err(),
    ];
    for (at, outcome) in outcomes.iter().enumerate() {
        assert!(matches!(outcome, Some(FlowError::StepUpNeeded)), "change {at}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_operators_last_factor_stays() {
    let house = House::with(generous(), QUICK, |rules| rules.operator_roles = vec!["operator".to_owned()]).await;
    let (_, active, id) = with_app(&house, ANN).await;
    let mut tx = house.store.begin().await.unwrap();
    tx.users().set_roles(active.user.id, &["operator".to_owned()]).await.unwrap();
    tx.commit().await.unwrap();
    let context = caller(1);
    let removed = house.accounts.remove_factor(visitor(&context), &active, id).await;
    assert!(matches!(removed, Err(FlowError::LastOfItsKind)));
    assert_eq!(first_factor(&house, &active).await, id);
    let active = house.enrol_passkey(&active, &mut Authenticator::new()).await.signed_in.active;
    assert!(house.accounts.remove_factor(visitor(&context), &active, id).await.is_ok(), "there is another");
}

#[tokio::test]
async fn an_operator_helps_whoever_has_lost_every_factor() {
    let house = House::new().await;
    let (app, active, _) = with_app(&house, ANN).await;
    house.enrol_passkey(&active, &mut Authenticator::new()).await;
    house.take_mail().await;
    // What nobody can guess any more is forgotten as well.
    for _ in 0..5 {
        assert!(is_refused(&house.sign_in_with_code(ANN, &app.wrong_code(&house)).await));
    }
    let pending = house.half_signed_in(ANN).await;
    assert!(house.accounts.remove_factors(&ANN.parse().unwrap()).await.unwrap());
    assert!(!house.accounts.remove_factors(&BOB.parse().unwrap()).await.unwrap(), "nobody");
    house.clock.advance(2 * STEP);
    let late = house.second_step(&pending, SecondProof::Code(&app.code(&house, 0))).await;
    assert!(late.is_err());
    let removed = house.events(AuditEvent::FactorRemoved).await;
    assert!(removed.len() == 2 && removed.iter().all(|row| row.record.actor.is_none()));
    assert_eq!(house.take_mail().await.iter().filter(|(_, subject, _)| subject.contains("removed")).count(), 2);
    let renewed = house.session_of(ANN).await;
    let list = house.accounts.list_factors(&renewed).await.unwrap();
    assert_eq!((list.factors.len(), list.recovery_codes), (0, 0));
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, 1, "those from before have ended");
    house.enrol_app(&renewed).await;
    house.clock.advance(2 * STEP);
}

#[tokio::test]
async fn changes_are_counted_by_account_and_by_caller() {
    type Rules = fn(&mut AccountRules);
    let limits =
        || generous().into_iter().map(|(scope, all)| (scope, if scope == "auth_factors_change" { quota(3, 3600) } else { all }));
    let house = House::with(limits().collect(), QUICK, (|_| {}) as Rules).await;
    let active = house.newcomer(ANN).await;
    let nobody = FactorId::from_bytes([7; 16]);
    for host in [1, 2, 3] {
        let renamed = house.accounts.rename_factor(visitor(&caller(host)), &active, nobody, "x").await;
        assert!(matches!(renamed, Err(FlowError::NotThere)));
    }
    let context = caller(4);
    let visitor = visitor(&context);
    let accounts = &house.accounts;
    let outcomes = [
        accounts.begin_totp(visitor, &active).await.err(),
        accounts.begin_passkey(visitor, &active).await.err(),
        accounts.remove_factor(visitor, &active, nobody).await.err(),
    ];
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Some(FlowError::Throttled { .. }))), "whichever line it comes from");
}
