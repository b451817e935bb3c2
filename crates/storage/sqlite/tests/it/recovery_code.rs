//! Recovery codes: ten, each good once, for their own account, however they are typed.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::factor::SecondProof;
use doorward_domain::service::FlowError;
use doorward_domain::{ActiveSession, AuditEvent};
use doorward_kit::ring::Rotation;
use doorward_kit::{Clock as _, KeyRing};
use tokio::task::JoinSet;

use crate::second::{ANN, App, BOB, is_refused};
use crate::support::{House, MASTER, caller, visitor};

const HOUR: Duration = Duration::from_secs(3600);
/// Random once.
const NEXT: &[u8; 40] = b"bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2";

async fn with_codes(house: &House, email: &str) -> (App, Vec<String>, Arc<ActiveSession>) {
    let active = house.newcomer(email).await;
    let (app, enrolled) = house.enrol_app(&active).await;
    let codes = enrolled.recovery_codes.expect("codes").iter().map(|code| code.to_string()).collect();
    house.take_mail().await;
    (app, codes, enrolled.signed_in.active)
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_its_owner_is_told() {
    let house = House::new().await;
    let (_, codes, _) = with_codes(&house, ANN).await;
    let signed_in = house.sign_in_with_code(ANN, &codes[3]).await.unwrap();
    assert!(signed_in.active.session.is_two_factor);
    assert!(is_refused(&house.sign_in_with_code(ANN, &codes[3]).await), "once");
    assert_eq!(house.reasons().await, ["bad_recovery_code"]);
    let mails = house.take_mail().await;
    let notice = mails.iter().find(|(_, subject, _)| subject.contains("recovery code")).expect("a notice");
    assert!(notice.2.contains("9 are left") && notice.2.contains("/account/end-sessions#token="));
    assert_eq!(house.accounts.list_factors(&signed_in.active).await.unwrap().recovery_codes, 9);
    let typed = codes[0].to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    assert!(house.sign_in_with_code(ANN, &typed).await.is_ok(), "{typed}");
}

#[tokio::test]
async fn a_recovery_code_of_another_account_is_none() {
    let house = House::new().await;
    let (_, anns, _) = with_codes(&house, ANN).await;
    let (_, bobs, _) = with_codes(&house, BOB).await;
    assert!(is_refused(&house.sign_in_with_code(ANN, &bobs[0]).await));
    assert!(house.sign_in_with_code(BOB, &bobs[0]).await.is_ok(), "it was not used up");
    assert!(house.sign_in_with_code(ANN, &anns[0]).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sign_ins_with_one_recovery_code_at_once_one_succeeds() {
    let house = Arc::new(House::new().await);
    let (_, codes, _) = with_codes(&house, ANN).await;
    let mut racers = JoinSet::new();
    for _ in 0..8 {
        let (house, code) = (Arc::clone(&house), codes[0].clone());
        let pending = house.half_signed_in(ANN).await;
        racers.spawn(async move { house.second_step(&pending, SecondProof::Code(&code)).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_refused(outcome)).count(), 7);
}

#[tokio::test]
async fn new_recovery_codes_put_an_end_to_the_old_ones_and_renew_the_credential() {
    let house = House::new().await;
    let (_, old, active) = with_codes(&house, ANN).await;
    let renewed = house.accounts.renew_recovery_codes(visitor(&caller(1)), &active).await.unwrap();
    assert_eq!(renewed.codes.len(), 10);
    assert!(renewed.codes.iter().all(|code| !old.contains(code)));
    assert!(renewed.signed_in.active.session.digest != active.session.digest);
    assert!(house.is_live(&renewed.signed_in.token.reveal()).await);
    let mails = house.take_mail().await;
    assert!(mails[0].1.starts_with("New recovery codes") && mails[0].2.contains("/account/end-sessions#token="));
    assert!(is_refused(&house.sign_in_with_code(ANN, &old[0]).await));
    assert!(house.sign_in_with_code(ANN, &renewed.codes[0]).await.is_ok());
    assert_eq!(house.events(AuditEvent::RecoveryCodesRenewed).await.len(), 1);
}

#[tokio::test]
async fn an_account_without_a_factor_has_no_recovery_codes() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let outcome = house.accounts.renew_recovery_codes(visitor(&caller(1)), &active).await;
    assert!(matches!(outcome, Err(FlowError::NotThere)));
}

#[tokio::test]
async fn codes_of_either_kind_outlive_the_key_that_they_were_made_with() {
    let house = House::new().await;
    let (app, codes, _) = with_codes(&house, ANN).await;
    let now = house.clock.now();
    let rotation = Rotation { material: NEXT, from: now, until: now + HOUR, now };
    house.keys.replace(KeyRing::parse(&KeyRing::rotated(MASTER, &rotation).unwrap()).unwrap());
    house.clock.advance(30 * 24 * HOUR);
    let first = house.sign_in_with_code(ANN, &app.code(&house, 0)).await.unwrap();
    house.clock.advance(HOUR);
    assert!(house.sign_in_with_code(ANN, &app.code(&house, 0)).await.is_ok(), "sealed anew");
    assert!(house.sign_in_with_code(ANN, &codes[0]).await.is_ok());
    assert_eq!(house.accounts.list_factors(&first.active).await.unwrap().recovery_codes, 9);
}
