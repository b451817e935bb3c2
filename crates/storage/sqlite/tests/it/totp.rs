//! One-time codes through the whole flow: enrolled by a code, good once, for their own account and their own time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_domain::factor::{FactorKind, SecondProof};
use doorward_domain::service::FlowError;
use doorward_domain::{AuditEvent, Store as _};
use tokio::task::JoinSet;

use crate::second::{ANN, App, BOB, is_refused};
use crate::support::{House, QUICK, caller, generous, visitor};

const STEP: Duration = Duration::from_secs(30);
const TEN_MINUTES: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_code_enrols_and_the_session_goes_on_under_a_new_credential() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    house.take_mail().await;
    let (_, enrolled) = house.enrol_app(&active).await;
    let codes = enrolled.recovery_codes.expect("the first factor brings codes");
    assert_eq!((codes.len(), codes.iter().map(|code| code.as_str()).collect::<HashSet<_>>().len()), (10, 10));
    let renewed = &enrolled.signed_in.active;
    assert_eq!(renewed.session.id, active.session.id);
    assert!(renewed.session.digest != active.session.digest && renewed.session.is_two_factor && renewed.user.has_second_factor);
    assert!(house.is_live(&enrolled.signed_in.token.reveal()).await);
    let list = house.accounts.list_factors(renewed).await.unwrap();
    let factors: Vec<_> = list.factors.iter().map(|factor| (factor.kind, factor.name.as_str(), factor.last_used_at)).collect();
    assert_eq!((factors, list.recovery_codes), (vec![(FactorKind::Totp, "Authenticator app", None)], 10));
    let added = house.events(AuditEvent::FactorAdded).await;
    assert_eq!((added.len(), added[0].record.actor, added[0].record.session), (1, Some(active.user.id), Some(active.session.id)));
    let mails = house.take_mail().await;
    assert_eq!(mails.len(), 1);
    assert!(mails[0].1.contains("second factor was added") && mails[0].2.contains("/account/end-sessions#token="));
    let another = house.accounts.begin_totp(visitor(&caller(1)), renewed).await;
    assert!(matches!(another, Err(FlowError::LastOfItsKind)), "one app for each account");
}

#[tokio::test]
async fn an_enrolment_is_for_its_session_and_a_right_code_and_ends_after_five_wrong_ones_or_ten_minutes() {
    let house = House::with(generous(), QUICK, |rules| rules.step_up_age = 2 * TEN_MINUTES).await;
    let (ann, bob) = (house.newcomer(ANN).await, house.newcomer(BOB).await);
    let elsewhere = house.session_of(ANN).await;
    let context = caller(1);
    let visitor = visitor(&context);
    let offer = house.accounts.begin_totp(visitor, &ann).await.unwrap();
    let (app, enrolment) = (App::learn(&offer.secret), offer.enrolment.reveal());
    let code = app.code(&house, 0);
    for thief in [&bob, &elsewhere] {
        assert!(is_refused(&house.accounts.confirm_totp(visitor, thief, &enrolment, &code).await));
    }
    for _ in 0..3 {
        assert!(is_refused(&house.accounts.confirm_totp(visitor, &ann, &enrolment, &app.wrong_code(&house)).await));
    }
    assert!(
        is_refused(&house.accounts.confirm_totp(visitor, &ann, &enrolment, &code).await),
        "tried five times, thieves included"
    );
    let offer = house.accounts.begin_totp(visitor, &ann).await.unwrap();
    let app = App::learn(&offer.secret);
    house.clock.advance(TEN_MINUTES);
    let late = house.accounts.confirm_totp(visitor, &ann, &offer.enrolment.reveal(), &app.code(&house, 0)).await;
    assert!(is_refused(&late), "its ten minutes are over");
    assert!(house.accounts.list_factors(&ann).await.unwrap().factors.is_empty());
    for enrolment in ["", "x", &"A".repeat(43)] {
        assert!(is_refused(&house.accounts.confirm_totp(visitor, &ann, enrolment, "123456").await), "{enrolment}");
    }
}

#[tokio::test]
async fn a_code_signs_in_once_and_that_it_enrolled_with_never() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let (app, _) = house.enrol_app(&active).await;
    assert!(is_refused(&house.sign_in_with_code(ANN, &app.code(&house, 0)).await), "it has enrolled");
    assert!(is_refused(&house.sign_in_with_code(ANN, &app.code(&house, -1)).await), "nor the one before it");
    house.clock.advance(STEP);
    let code = app.code(&house, 0);
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let signed_in = house.sign_in_with_code(ANN, &spaced).await.unwrap();
    assert!(signed_in.active.session.is_two_factor);
    assert!(is_refused(&house.sign_in_with_code(ANN, &code).await), "a second time");
    assert_eq!(house.reasons().await, ["used_code", "used_code", "used_code"]);
    let list = house.accounts.list_factors(&signed_in.active).await.unwrap();
    assert_eq!(list.factors[0].last_used_at, Some(doorward_kit::Clock::now(&*house.clock)));
}

#[tokio::test]
async fn a_code_holds_one_step_either_way_and_no_further() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let (app, _) = house.enrol_app(&active).await;
    for (away, is_good) in [(-2, false), (2, false), (-1, true), (1, true)] {
        house.clock.advance(10 * STEP);
        let outcome = house.sign_in_with_code(ANN, &app.code(&house, away)).await;
        assert_eq!(outcome.is_ok(), is_good, "{away} steps away");
    }
    assert_eq!(house.reasons().await, ["bad_code", "bad_code"]);
    // A code from ahead uses up those before it.
    house.clock.advance(10 * STEP);
    assert!(house.sign_in_with_code(ANN, &app.code(&house, 1)).await.is_ok());
    assert!(is_refused(&house.sign_in_with_code(ANN, &app.code(&house, 0)).await));
}

#[tokio::test]
async fn a_code_of_another_account_is_none() {
    let house = House::new().await;
    let (ann, bob) = (house.newcomer(ANN).await, house.newcomer(BOB).await);
    let (anns, bobs) = (house.enrol_app(&ann).await.0, house.enrol_app(&bob).await.0);
    assert_ne!(anns.key(), bobs.key());
    house.clock.advance(2 * STEP);
    assert!(is_refused(&house.sign_in_with_code(ANN, &bobs.code(&house, 0)).await));
    assert!(house.sign_in_with_code(ANN, &anns.code(&house, 0)).await.is_ok());
}

#[tokio::test]
async fn a_shared_key_that_is_moved_to_another_account_opens_nothing_there() {
    let house = House::new().await;
    let (ann, bob) = (house.newcomer(ANN).await, house.newcomer(BOB).await);
    let anns = house.enrol_app(&ann).await.0;
    let bobs = house.enrol_app(&bob).await.1.id;
    let mut tx = house.store.begin().await.unwrap();
    let stolen = tx.factors().list(ann.user.id).await.unwrap().remove(0);
    // What somebody can do who writes to the database and has no key.
    assert!(tx.factors().advance(bobs, stolen.counter, 0, &stolen.secret, stolen.created_at).await.unwrap());
    tx.commit().await.unwrap();
    house.clock.advance(2 * STEP);
    assert!(is_refused(&house.sign_in_with_code(BOB, &anns.code(&house, 0)).await));
    assert_eq!(house.reasons().await, ["unreadable"]);
    assert!(house.sign_in_with_code(ANN, &anns.code(&house, 0)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_sign_ins_with_one_code_at_once_one_succeeds() {
    let house = Arc::new(House::new().await);
    let active = house.newcomer(ANN).await;
    let (app, _) = house.enrol_app(&active).await;
    house.clock.advance(2 * STEP);
    let code = app.code(&house, 0);
    let mut racers = JoinSet::new();
    // Fewer than what slows an account down: it is the code that is to refuse them.
    for _ in 0..4 {
        let (house, code) = (Arc::clone(&house), code.clone());
        let pending = house.half_signed_in(ANN).await;
        racers.spawn(async move { house.second_step(&pending, SecondProof::Code(&code)).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_refused(outcome)).count(), 3);
}

#[tokio::test]
async fn neither_a_shared_key_nor_a_recovery_code_is_on_the_disk() {
    let house = House::new().await;
    let active = house.newcomer(ANN).await;
    let (app, enrolled) = house.enrol_app(&active).await;
    let disk = house.octets_on_disk();
    let has = |needle: &[u8]| disk.windows(needle.len()).any(|window| window == needle);
    assert!(has(ANN.as_bytes()), "it is the disk that is looked at");
    assert!(!has(app.key()) && !has(STANDARD.encode(app.key()).as_bytes()));
    for code in enrolled.recovery_codes.expect("codes") {
        assert!(!has(code.as_bytes()) && !has(code.replace('-', "").as_bytes()));
    }
}
