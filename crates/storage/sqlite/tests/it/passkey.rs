//! Passkeys asked for a signature: every way in which an answer can be wrong, and the one in which it is right.

use std::sync::Arc;

use doorward_domain::ActiveSession;
use doorward_domain::factor::{PasskeyAnswer, PasskeyPurpose, SecondProof, StepUpProof};
use doorward_domain::service::{FlowError, SignedIn};
use serde_json::json;
use tokio::task::JoinSet;

use crate::authenticator::{Authenticator, ORIGIN, PRESENT, Says, VERIFIED, b64, unb64};
use crate::second::{ANN, BOB, is_refused};
use crate::support::{House, caller, visitor};

async fn with_key(house: &House, email: &str) -> (Authenticator, Arc<ActiveSession>) {
    let active = house.newcomer(email).await;
    let mut key = Authenticator::new();
    let enrolled = house.enrol_passkey(&active, &mut key).await;
    (key, enrolled.signed_in.active)
}

/// A sign-in with a passkey alone.
async fn alone(house: &House, key: &mut Authenticator, says: &Says<'_>) -> Result<SignedIn, FlowError> {
    let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    house.passkey_alone(&challenge, key.sign(&options, says)).await
}

/// A sign-in with a passkey as the second step.
async fn second(house: &House, key: &mut Authenticator, says: &Says<'_>) -> Result<SignedIn, FlowError> {
    let pending = house.half_signed_in(ANN).await;
    let (challenge, options) = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await.unwrap();
    let answer = PasskeyAnswer { challenge: &challenge, credential: key.sign(&options, says) };
    house.second_step(&pending, SecondProof::Passkey(answer)).await
}

#[tokio::test]
async fn a_passkey_signs_in_alone_as_a_second_step_and_steps_up() {
    let house = House::new().await;
    let (mut key, active) = with_key(&house, ANN).await;
    let (_, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    assert_eq!((&options["allowCredentials"], &options["userVerification"]), (&json!([]), &json!("required")));
    assert_eq!(options["rpId"], json!("app.example.org"));
    let signed_in = alone(&house, &mut key, &Says::default()).await.unwrap();
    assert!(signed_in.active.session.is_two_factor && signed_in.active.user.id == active.user.id);
    let pending = house.half_signed_in(ANN).await;
    let (_, options) = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await.unwrap();
    assert_eq!(options["allowCredentials"], json!([{"type": "public-key", "id": b64(&key.credential)}]));
    assert!(second(&house, &mut key, &Says::default()).await.is_ok());
    let says = Says { handle: Some(None), ..Says::default() };
    assert!(second(&house, &mut key, &says).await.is_ok(), "an authenticator may leave the account out where it is known");
    let (challenge, options) = house.challenge(PasskeyPurpose::StepUp(&active)).await.unwrap();
    let answer = PasskeyAnswer { challenge: &challenge, credential: key.sign(&options, &Says::default()) };
    let proof = StepUpProof::Second(SecondProof::Passkey(answer));
    assert!(house.accounts.step_up(visitor(&caller(1)), &active, proof).await.is_ok());
}

#[tokio::test]
async fn every_answer_that_is_not_quite_right_is_refused_and_the_trail_says_why() {
    let house = House::new().await;
    let (mut key, _) = with_key(&house, ANN).await;
    let (_, strange) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    let strange = strange["challenge"].as_str().expect("a challenge").to_owned();
    let (bobs, _) = with_key(&house, BOB).await;
    let attacks: [(Says<'_>, &str); 12] = [
        (Says { origin: "https://app.example.org.evil.test", ..Says::default() }, "wrong_origin"),
        (Says { origin: "https://sub.app.example.org", ..Says::default() }, "wrong_origin"),
        (Says { origin: "http://app.example.org", ..Says::default() }, "wrong_origin"),
        (Says { origin: "https://app.example.org:8443", ..Says::default() }, "wrong_origin"),
        (Says { site: "example.org", ..Says::default() }, "wrong_site"),
        (Says { flags: PRESENT, ..Says::default() }, "not_verified"),
        (Says { flags: VERIFIED, ..Says::default() }, "not_verified"),
        (Says { kind: Some("webauthn.create"), ..Says::default() }, "malformed"),
        (Says { challenge: Some(&strange), ..Says::default() }, "wrong_challenge"),
        (Says { is_framed: true, ..Says::default() }, "malformed"),
        (Says { is_forged: true, ..Says::default() }, "bad_signature"),
        (Says { credential: Some(&bobs.credential), ..Says::default() }, "unknown_passkey"),
    ];
    for (says, reason) in &attacks {
        for outcome in [alone(&house, &mut key, says).await, second(&house, &mut key, says).await] {
            assert!(is_refused(&outcome), "{reason}");
        }
        assert_eq!(house.reasons().await.split_off(house.reasons().await.len() - 2), [*reason, *reason]);
    }
    let says = Says { handle: Some(None), ..Says::default() };
    assert!(is_refused(&alone(&house, &mut key, &says).await), "of no account");
    let says = Says { handle: Some(Some(&bobs.handle)), ..Says::default() };
    assert!(is_refused(&alone(&house, &mut key, &says).await), "of another account");
    assert!(is_refused(&second(&house, &mut key, &says).await), "of another account");
    let reasons = house.reasons().await;
    assert_eq!(reasons[reasons.len() - 3..], ["no_account", "unknown_passkey", "other_account"]);
    assert!(alone(&house, &mut key, &Says { origin: ORIGIN, ..Says::default() }).await.is_ok(), "nothing was wrong with the key");
}

#[tokio::test]
async fn a_signature_that_was_tampered_with_anywhere_is_refused() {
    let house = House::new().await;
    let (mut key, _) = with_key(&house, ANN).await;
    for (part, at) in [("signature", 10), ("authenticatorData", 36), ("authenticatorData", 33), ("clientDataJSON", 30)] {
        let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
        let mut answer = key.sign(&options, &Says::default());
        let mut octets = unb64(&answer["response"][part]);
        octets[at] ^= 1;
        answer["response"][part] = json!(b64(&octets));
        assert!(is_refused(&house.passkey_alone(&challenge, answer).await), "{part} at {at}");
    }
    assert!(alone(&house, &mut key, &Says::default()).await.is_ok());
}

#[tokio::test]
async fn an_answer_is_good_once_and_for_its_own_challenge() {
    let house = House::new().await;
    let (mut key, _) = with_key(&house, ANN).await;
    let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    let answer = key.sign(&options, &Says::default());
    let (another, _) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    assert!(is_refused(&house.passkey_alone(&another, answer.clone()).await));
    assert!(house.passkey_alone(&challenge, answer.clone()).await.is_ok());
    for challenge in [challenge.as_str(), another.as_str(), "", "x"] {
        assert!(is_refused(&house.passkey_alone(challenge, answer.clone()).await), "used up or none");
    }
    let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    house.clock.advance(std::time::Duration::from_secs(300));
    assert!(is_refused(&house.passkey_alone(&challenge, key.sign(&options, &Says::default())).await), "too late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_requests_with_one_answer_at_once_one_signs_in() {
    let house = Arc::new(House::new().await);
    let (mut key, _) = with_key(&house, ANN).await;
    let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    let answer = key.sign(&options, &Says::default());
    let mut racers = JoinSet::new();
    for _ in 0..8 {
        let (house, challenge, answer) = (Arc::clone(&house), challenge.clone(), answer.clone());
        racers.spawn(async move { house.passkey_alone(&challenge, answer).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| is_refused(outcome)).count(), 7);
}

#[tokio::test]
async fn a_challenge_for_one_account_is_none_for_another_and_one_for_nobody_is_none_for_a_second_step() {
    let house = House::new().await;
    let (mut anns, _) = with_key(&house, ANN).await;
    let (mut bobs, _) = with_key(&house, BOB).await;
    let pending = house.half_signed_in(ANN).await;
    let (challenge, options) = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await.unwrap();
    let answer = PasskeyAnswer { challenge: &challenge, credential: bobs.sign(&options, &Says::default()) };
    assert!(is_refused(&house.second_step(&pending, SecondProof::Passkey(answer)).await), "Bob's key at Ann's door");
    let (challenge, options) = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await.unwrap();
    let silent = Says { handle: Some(None), ..Says::default() };
    let answer = PasskeyAnswer { challenge: &challenge, credential: bobs.sign(&options, &silent) };
    assert!(is_refused(&house.second_step(&pending, SecondProof::Passkey(answer)).await), "nor if it does not say whose it is");
    let (challenge, options) = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await.unwrap();
    assert!(is_refused(&house.passkey_alone(&challenge, anns.sign(&options, &Says::default())).await), "for the second step");
    let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    let answer = PasskeyAnswer { challenge: &challenge, credential: anns.sign(&options, &Says::default()) };
    assert!(is_refused(&house.second_step(&pending, SecondProof::Passkey(answer)).await), "for nobody");
    assert_eq!(house.reasons().await, ["unknown_passkey", "unknown_passkey", "other_account", "other_account"]);
    for _ in 0..5 {
        assert!(is_refused(&house.second_step(&pending, SecondProof::Code("000000")).await), "there is no app");
    }
    let spoilt = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await;
    assert!(matches!(spoilt, Err(FlowError::Refused)), "it has had its answers");
    for pending in [None, Some(""), Some("A".repeat(43).as_str())] {
        assert!(
            matches!(house.challenge(PasskeyPurpose::SecondStep(pending)).await, Err(FlowError::Refused)),
            "no sign-in waits"
        );
    }
}

#[tokio::test]
async fn a_counter_that_falls_or_stays_is_that_of_a_copy() {
    let house = House::new().await;
    let (mut key, _) = with_key(&house, ANN).await;
    key.counter = 41;
    assert!(alone(&house, &mut key, &Says::default()).await.is_ok());
    for counter in [42, 41, 1, 0] {
        let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
        let copied = key.sign_as(&options, &Says::default(), counter);
        assert!(is_refused(&house.passkey_alone(&challenge, copied).await), "{counter}");
    }
    assert_eq!(house.reasons().await, ["cloned"; 4]);
    assert!(alone(&house, &mut key, &Says::default()).await.is_ok(), "the one that goes on counting");
    let bob = house.newcomer(BOB).await;
    let mut synced = Authenticator::without_counter();
    house.enrol_passkey(&bob, &mut synced).await;
    for _ in 0..2 {
        assert!(alone(&house, &mut synced, &Says::default()).await.is_ok(), "one that counts nothing");
    }
}

#[tokio::test]
async fn a_passkey_that_was_removed_signs_nobody_in_not_even_by_a_challenge_from_before() {
    let house = House::new().await;
    let (mut key, active) = with_key(&house, ANN).await;
    let id = house.accounts.list_factors(&active).await.unwrap().factors[0].id;
    let (app, enrolled) = house.enrol_app(&active).await;
    let active = enrolled.signed_in.active;
    let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
    house.accounts.remove_factor(visitor(&caller(1)), &active, id).await.unwrap();
    assert!(is_refused(&house.passkey_alone(&challenge, key.sign(&options, &Says::default())).await));
    let pending = house.half_signed_in(ANN).await;
    assert!(matches!(house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await, Err(FlowError::Refused)));
    house.clock.advance(std::time::Duration::from_secs(60));
    assert!(house.second_step(&pending, SecondProof::Code(&app.code(&house, 0))).await.is_ok());
}
