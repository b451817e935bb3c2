//! Signing in to an account with a second factor.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::factor::{PasskeyAnswer, PasskeySignIn, SecondProof, SecondStep, SignInOutcome};
use doorward_domain::service::{FlowError, SignIn};
use doorward_domain::{AuditEvent, EmailAddress};
use doorward_kit::ring::{RingChange, Rotation};
use doorward_kit::{Clock as _, KeyRing, Token};
use tokio::task::JoinSet;

use crate::second::is_refused;
use crate::support::{House, MASTER, PASSWORD, caller, proof, token_in, visitor};

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";
const NEW: &str = "a wholly different passphrase";
/// Random once.
const NEXT_KEY: &[u8; 40] = b"bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2";

async fn reasons(house: &House, event: AuditEvent) -> Vec<String> {
    house.events(event).await.iter().map(|row| row.record.reason.clone().unwrap_or_default()).collect()
}

#[tokio::test]
async fn the_right_password_alone_opens_nothing_and_ends_nothing() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let here = owner.signed_in.token.reveal();
    let sessions = house.count("SELECT count(*) FROM sessions").await;
    let context = caller(1);
    let outcome = house.accounts.sign_in(visitor(&context), proof(ANN, PASSWORD, Some(&here))).await.unwrap();
    let SignInOutcome::Pending(pending) = outcome else { panic!("signed in") };
    assert_eq!(pending.kinds, ["totp", "recovery_code"]);
    let waiting = pending.token.reveal();
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, sessions);
    assert!(!house.is_live(&waiting).await, "what waits is no session");
    assert!(house.is_live(&here).await, "half a sign-in ends no session");
    // A session's credential is nothing here, either.
    assert!(is_refused(&house.answer(&here, &owner.next_code(&house)).await));
    let code = owner.next_code(&house);
    let step = SecondStep { pending: Some(&waiting), proof: SecondProof::Code(&code), presented: Some(&here), device: None };
    let signed_in = house.accounts.finish_sign_in(visitor(&context), step).await.unwrap();
    assert!(signed_in.active.session.is_two_factor && !signed_in.active.session.is_remembered);
    assert!(house.is_live(&signed_in.token.reveal()).await && !house.is_live(&here).await);
    let asked = house.events(AuditEvent::SecondFactorAsked).await;
    let [asked] = asked.as_slice() else { panic!("one entry") };
    assert_eq!((asked.record.actor, asked.record.session), (Some(signed_in.active.user.id), None));
    let rows = house.events(AuditEvent::SignIn).await;
    let said =
        rows.last().unwrap().record.meta.iter().map(|(key, value)| format!("{}={value}", key.as_str())).collect::<Vec<_>>();
    for word in ["method=password", "kind=totp", "after_failures=0"] {
        assert!(said.iter().any(|said| said == word), "{word}: {said:?}");
    }
}

#[tokio::test]
async fn a_sign_in_that_waits_is_good_once_for_ten_minutes_and_five_answers() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let nobody = SecondStep { pending: None, proof: SecondProof::Code("000000"), presented: None, device: None };
    assert!(is_refused(&house.accounts.finish_sign_in(visitor(&caller(1)), nobody).await));
    for invented in ["", "x", &"A".repeat(43)] {
        assert!(is_refused(&house.answer(invented, &owner.next_code(&house)).await), "{invented:?}");
    }
    // Used.
    let waiting = house.waiting(ANN, PASSWORD).await;
    house.answer(&waiting, &owner.next_code(&house)).await.unwrap();
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    // Too late.
    let waiting = house.waiting(ANN, PASSWORD).await;
    house.clock.advance(Duration::from_secs(600));
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    // Wrong five times: the right one comes too late. Recovery codes are neither slowed nor stopped, so they show the bound alone.
    let waiting = house.waiting(ANN, PASSWORD).await;
    for _ in 0..5 {
        assert!(is_refused(&house.answer(&waiting, "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA").await));
    }
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    let expected = ["no_sign_in", "no_sign_in", "no_sign_in", "unknown", "unknown", "expired"];
    let expected = expected.into_iter().chain(["bad_recovery_code"; 5]).chain(["exhausted"]).collect::<Vec<_>>();
    assert_eq!(reasons(&house, AuditEvent::FactorFailed).await, expected);
}

#[tokio::test]
async fn what_belongs_to_another_signs_nobody_in() {
    let house = House::new().await;
    let (ann, ben) = (house.owner(ANN).await, house.owner(BEN).await);
    let waiting = house.waiting(ANN, PASSWORD).await;
    assert!(is_refused(&house.answer(&waiting, &ben.next_code(&house)).await));
    assert!(is_refused(&house.answer(&waiting, &ben.recovery_codes[0]).await));
    // And is not used up by the attempt.
    let own = house.waiting(BEN, PASSWORD).await;
    assert!(house.answer(&own, &ben.recovery_codes[0]).await.is_ok());
    // A code signs in once, however often the first step is taken.
    let code = ann.next_code(&house);
    house.answer(&waiting, &code).await.unwrap();
    let again = house.waiting(ANN, PASSWORD).await;
    assert!(is_refused(&house.answer(&again, &code).await));
    assert!(house.answer(&again, &ann.next_code(&house)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_right_answers_at_once_one_signs_in() {
    let house = Arc::new(House::new().await);
    let owner = house.owner(ANN).await;
    let sessions = house.count("SELECT count(*) FROM sessions").await;
    let waiting = house.waiting(ANN, PASSWORD).await;
    let code = owner.next_code(&house);
    let mut answers = JoinSet::new();
    for number in 0..4 {
        let (house, waiting) = (Arc::clone(&house), waiting.clone());
        // The same code twice, and two recovery codes that are all good by themselves.
        let code = if number < 2 { code.clone() } else { owner.recovery_codes[number].clone() };
        answers.spawn(async move { house.answer(&waiting, &code).await.is_ok() });
    }
    let signed_in = answers.join_all().await.into_iter().filter(|is_in| *is_in).count();
    assert_eq!(signed_in, 1);
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, sessions + 1);
    // Those that came too late have used nothing up.
    let left = house.count("SELECT count(*) FROM recovery_codes").await;
    assert!(left >= 9, "{left}");
}

/// Half a sign-in is in no list of sessions; it must not be what is left of a thief when every session has ended.
#[tokio::test]
async fn what_ends_every_session_ends_the_sign_ins_that_wait() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let mails = house.take_mail().await;
    let notice = mails.iter().find(|(_, subject, _)| subject.contains("second factor was added")).unwrap();
    let waiting = house.waiting(ANN, PASSWORD).await;
    house.accounts.end_sessions(visitor(&caller(1)), &token_in(&notice.2)).await.unwrap();
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await), "by the link of a notice");
    let waiting = house.waiting(ANN, PASSWORD).await;
    house.accounts.end_sessions_of(&ANN.parse().unwrap()).await.unwrap();
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await), "by an operator");
}

#[tokio::test]
async fn what_changes_meanwhile_voids_a_sign_in_that_waits() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let waiting = house.waiting(ANN, PASSWORD).await;
    let email: EmailAddress = ANN.parse().unwrap();
    house.accounts.disable_user(&email).await.unwrap();
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    house.accounts.enable_user(&email).await.unwrap();
    // The password that it began with is none any more.
    let link = house.recovery_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    // Gone with its account.
    let waiting = house.waiting(ANN, NEW).await;
    house.accounts.delete_user(&email).await.unwrap();
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    assert_eq!(reasons(&house, AuditEvent::FactorFailed).await, ["disabled", "changed_meanwhile", "unknown"]);
}

#[tokio::test]
async fn enum_01_a_wrong_password_is_refused_alike_with_and_without_a_second_factor() {
    let house = House::new().await;
    house.owner(ANN).await;
    house.member(BEN).await;
    let mut seen = Vec::new();
    for email in [ANN, BEN, "nobody@example.org"] {
        let before = house.whole_audit().await.len();
        assert!(is_refused(&house.accounts.sign_in(visitor(&caller(1)), proof(email, NEW, None)).await), "{email}");
        let rows = house.whole_audit().await.split_off(before);
        seen.push(rows.iter().map(|row| row.record.event).collect::<Vec<_>>());
        assert_eq!(house.count("SELECT count(*) FROM ceremonies").await, 0, "{email}");
    }
    assert!(seen.iter().all(|events| events == &[AuditEvent::SignInFailed]), "{seen:?}");
}

#[tokio::test]
async fn six_digits_are_slowed_then_stopped_and_what_cannot_be_guessed_passes() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let throttled = |outcome: Result<_, FlowError>| match outcome {
        Err(FlowError::Throttled { retry_after }) => Some(retry_after.as_secs()),
        Err(FlowError::Refused) => None,
        Ok(_) => panic!("signed in"),
        Err(error) => panic!("{error}"),
    };
    let guess = async || {
        let waiting = house.waiting(ANN, PASSWORD).await;
        throttled(house.answer(&waiting, &owner.wrong_code(&house)).await)
    };
    for _ in 0..5 {
        assert_eq!(guess().await, None);
    }
    // Twice as long each time, from one sign-in to the next; whoever waits is let through, and may be wrong again.
    for seconds in [1, 2, 4, 8] {
        assert_eq!(guess().await, Some(seconds));
        house.clock.advance(Duration::from_secs(seconds));
        assert_eq!(guess().await, None);
    }
    // Not even the right code is looked at while it is too early, and it is not used up.
    let waiting = house.waiting(ANN, PASSWORD).await;
    let early = owner.app.code(&house, 0);
    assert_eq!(throttled(house.answer(&waiting, &early).await), Some(16));
    // A recovery code is the owner's way past whoever guesses; then it begins anew.
    let waiting = house.waiting(ANN, PASSWORD).await;
    house.answer(&waiting, &owner.recovery_codes[0]).await.unwrap();
    for _ in 0..5 {
        assert_eq!(guess().await, None);
    }
    // A day for each, in the end, and after the hundredth nothing.
    for _ in 5..100 {
        house.clock.advance(Duration::from_secs(86_400));
        assert_eq!(guess().await, None);
    }
    house.clock.advance(Duration::from_secs(86_400 * 30));
    let waiting = house.waiting(ANN, PASSWORD).await;
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    // A new password is no second factor: it does not lift the stop (RESET-09).
    let link = house.recovery_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    let waiting = house.waiting(ANN, NEW).await;
    assert!(is_refused(&house.answer(&waiting, &owner.next_code(&house)).await));
    assert_eq!(reasons(&house, AuditEvent::Locked).await, ["locked", "locked"]);
    house.answer(&waiting, &owner.recovery_codes[1]).await.unwrap();
    let waiting = house.waiting(ANN, NEW).await;
    assert!(house.answer(&waiting, &owner.next_code(&house)).await.is_ok());
}

#[tokio::test]
async fn failures_are_failures_after_a_change_of_keys() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    for _ in 0..16 {
        house.clock.advance(Duration::from_secs(3600));
        let waiting = house.waiting(ANN, PASSWORD).await;
        assert!(is_refused(&house.answer(&waiting, &owner.wrong_code(&house)).await));
    }
    let now = house.clock.now();
    let from = now + Duration::from_secs(600);
    let rotation = Rotation { material: NEXT_KEY, from, until: from + Duration::from_secs(3600), now };
    let ring = KeyRing::rotated(MASTER, &rotation).unwrap();
    assert_eq!(house.keys.replace(KeyRing::parse(&ring).unwrap()), RingChange::Replaced);
    house.clock.advance(Duration::from_secs(600));
    let waiting = house.waiting(ANN, PASSWORD).await;
    let outcome = house.answer(&waiting, &owner.wrong_code(&house)).await;
    assert!(matches!(outcome, Err(FlowError::Throttled { .. })), "whoever guesses does not begin again");
}

#[tokio::test]
async fn a_remembered_sign_in_is_remembered_after_its_second_step() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let request = SignIn { remember: true, ..proof(ANN, PASSWORD, None) };
    let outcome = house.accounts.sign_in(visitor(&caller(1)), request).await.unwrap();
    let SignInOutcome::Pending(pending) = outcome else { panic!("signed in") };
    let signed_in = house.answer(&pending.token.reveal(), &owner.next_code(&house)).await.unwrap();
    assert!(signed_in.active.session.is_remembered);
    assert!(signed_in.device.is_some(), "the browser is known from now on");
}

#[tokio::test]
async fn a_passkey_that_answers_nothing_of_ours_signs_nobody_in() {
    let house = House::new().await;
    house.owner(ANN).await;
    let before = house.count("SELECT count(*) FROM sessions").await;
    for challenge in ["", "x", &Token::parse(&"A".repeat(43)).unwrap().reveal()] {
        for credential in [serde_json::json!({}), serde_json::json!(null), serde_json::json!({"id": "AA", "response": {}})] {
            let answer = PasskeyAnswer { challenge, credential };
            let request = PasskeySignIn { answer, presented: None, device: None, remember: false };
            assert!(is_refused(&house.accounts.sign_in_with_passkey(visitor(&caller(1)), request).await), "{challenge:?}");
        }
    }
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, before);
    assert!(reasons(&house, AuditEvent::SignInFailed).await.iter().all(|reason| reason == "no_challenge"));
    assert_eq!(house.events(AuditEvent::SignInFailed).await.len(), 9);
}

#[tokio::test]
async fn a_fault_at_any_write_signs_nobody_in_and_uses_nothing_up() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    house.take_mail().await;
    let code = &owner.recovery_codes[0];
    let state = async || {
        let mut counts = Vec::new();
        for table in ["sessions", "recovery_codes", "outbox"] {
            counts.push(house.count(&format!("SELECT count(*) FROM {table}")).await);
        }
        counts
    };
    let before = state().await;
    let writes = [
        "UPDATE ON ceremonies",
        "DELETE ON recovery_codes",
        "DELETE ON ceremonies",
        "INSERT ON sessions",
        "INSERT ON devices",
        "INSERT ON outbox",
        "INSERT ON audit",
    ];
    for write in writes {
        let waiting = house.waiting(ANN, PASSWORD).await;
        house.database.obstruct(write).await;
        let outcome = house.answer(&waiting, code).await;
        house.database.clear().await;
        assert!(matches!(outcome, Err(FlowError::Store(_))), "{write}: {:?}", outcome.err());
        assert_eq!(state().await, before, "{write}");
        assert!(is_refused(&house.answer(&waiting, "000000").await), "{write}: it still waits");
        house.clock.advance(Duration::from_secs(3600));
    }
    let waiting = house.waiting(ANN, PASSWORD).await;
    house.answer(&waiting, code).await.expect("the code is as good as before");
    assert!(is_refused(&house.answer(&house.waiting(ANN, PASSWORD).await, code).await));
}
