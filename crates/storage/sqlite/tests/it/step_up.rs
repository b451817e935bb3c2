//! Proving afresh who it is before something sensitive (ASVS 7.5.3).

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::factor::{PasskeyAnswer, PasskeyPurpose, SecondProof, StepUpProof};
use doorward_domain::service::{FlowError, SignedIn};
use doorward_domain::{AuditEvent, Store as _};
use doorward_kit::{Clock as _, ManualClock};

use crate::authenticator::{Authenticator, Says};
use crate::second::is_refused;
use crate::support::{House, PASSWORD, caller, quota, secret, visitor};

const ANN: &str = "ann@example.org";
const BEN: &str = "ben@example.org";
const NEW: &str = "a wholly different passphrase";
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// How each sensitive act ends, with the right password where one is asked for. None of them goes through where a fresh proof is lacking.
async fn acts(house: &House, signed_in: &SignedIn) -> Vec<(&'static str, Result<(), FlowError>)> {
    let (context, active) = (caller(1), &signed_in.active);
    let visitor = visitor(&context);
    let accounts = &house.accounts;
    vec![
        ("export", accounts.export_account(visitor, active).await.map(drop)),
        ("factors", accounts.begin_passkey(visitor, active).await.map(drop)),
        ("e-mail", accounts.request_email_change(visitor, active, "new@example.org", secret(PASSWORD)).await),
        ("password", accounts.change_password(visitor, active, secret(PASSWORD), secret(NEW)).await.map(drop)),
        ("deletion", accounts.delete_account(visitor, active, secret(PASSWORD)).await),
    ]
}

fn is_step_up<T>(outcome: &Result<T, FlowError>) -> bool {
    matches!(outcome, Err(FlowError::StepUpNeeded))
}

async fn by_password(house: &House, signed_in: &SignedIn, password: &str) -> Result<SignedIn, FlowError> {
    let proof = StepUpProof::Password(secret(password));
    house.accounts.step_up(visitor(&caller(1)), &signed_in.active, proof).await
}

#[tokio::test]
async fn with_a_second_factor_nothing_sensitive_goes_without_a_fresh_one() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let signed_in = house.sign_in_twice(&owner).await;
    house.clock.advance(TEN_MINUTES);
    assert!(!house.accounts.is_fresh(&signed_in.active), "ten minutes are over");
    for (act, outcome) in acts(&house, &signed_in).await {
        assert!(is_step_up(&outcome), "{act}: {outcome:?}");
    }
    for event in
        [AuditEvent::AccountExported, AuditEvent::EmailChangeFailed, AuditEvent::PasswordChangeFailed, AuditEvent::AccountDeleted]
    {
        let rows = house.events(event).await;
        let [row] = rows.as_slice() else { panic!("{event:?}: {} entries", rows.len()) };
        assert_eq!((row.record.outcome.as_str(), row.record.reason.as_deref()), ("failure", Some("step_up_needed")), "{event:?}");
    }
    let code = owner.next_code(&house);
    let fresh = house.step_up(&signed_in, &code).await.unwrap();
    assert!(house.accounts.is_fresh(&fresh.active));
    // The fresh proof does not stand in for the password, where there is one.
    let context = caller(1);
    let wrong = house.accounts.delete_account(visitor(&context), &fresh.active, secret(NEW)).await;
    assert!(is_refused(&wrong));
    let changed = house.accounts.change_password(visitor(&context), &fresh.active, secret(PASSWORD), secret(NEW)).await.unwrap();
    assert!(changed.active.session.is_two_factor, "the new session has shown what the old one had");
    house.accounts.export_account(visitor(&context), &changed.active).await.unwrap();
    house.accounts.delete_account(visitor(&context), &changed.active, secret(NEW)).await.unwrap();
}

#[tokio::test]
async fn with_a_password_alone_the_password_is_the_fresh_proof() {
    let house = House::new().await;
    house.member(ANN).await;
    let signed_in = house.sign_in(ANN, PASSWORD).await.unwrap();
    house.clock.advance(TEN_MINUTES);
    let context = caller(1);
    let accounts = &house.accounts;
    let moved = accounts.request_email_change(visitor(&context), &signed_in.active, "new@example.org", secret(PASSWORD)).await;
    assert!(moved.is_ok());
    // What comes without a password wants the fresh proof.
    assert!(is_step_up(&accounts.export_account(visitor(&context), &signed_in.active).await));
    assert!(is_step_up(&accounts.begin_totp(visitor(&context), &signed_in.active).await));
    assert!(is_refused(&by_password(&house, &signed_in, NEW).await));
    let fresh = by_password(&house, &signed_in, PASSWORD).await.unwrap();
    assert!(!fresh.active.session.is_two_factor);
    assert!(accounts.export_account(visitor(&context), &fresh.active).await.is_ok());
    assert!(accounts.begin_totp(visitor(&context), &fresh.active).await.is_ok());
    let failed = house.events(AuditEvent::StepUpFailed).await;
    assert_eq!(failed.iter().map(|row| row.record.reason.as_deref()).collect::<Vec<_>>(), [Some("bad_password")]);
    assert_eq!(house.events(AuditEvent::StepUp).await.len(), 1);
}

#[tokio::test]
async fn with_neither_a_fresh_sign_in_is_all_there_is() {
    let house = House::new().await;
    house.member(ANN).await;
    let signed_in = house.sign_in(ANN, PASSWORD).await.unwrap();
    // As an account has it that a provider signs in.
    let mut tx = house.store.begin().await.unwrap();
    tx.users().lookup(signed_in.active.user.id).await.unwrap();
    tx.users().set_password_hash(signed_in.active.user.id, None).await.unwrap();
    tx.commit().await.unwrap();
    let token = signed_in.token.reveal();
    let context = caller(1);
    let active = house.other_node().lookup_session(&token).await.unwrap().unwrap();
    assert!(!active.has_password && signed_in.active.has_password);
    house.clock.advance(TEN_MINUTES);
    for password in ["", PASSWORD] {
        let changed = house.accounts.change_password(visitor(&context), &active, secret(password), secret(NEW)).await;
        assert!(is_step_up(&changed), "{password:?}");
    }
    // No password proves anything for an account that has none.
    assert!(
        is_refused(&by_password(&house, &signed_in, "").await) && is_refused(&by_password(&house, &signed_in, PASSWORD).await)
    );
    house.clock.set(active.session.authenticated_at);
    let node = house.other_node();
    assert!(node.is_fresh(&active));
    node.change_password(visitor(&context), &active, secret(""), secret(NEW)).await.unwrap();
    assert!(house.sign_in(ANN, NEW).await.is_ok());
}

#[tokio::test]
async fn a_password_is_half_a_proof_where_there_is_a_second_factor() {
    let house = House::new().await;
    let (ann, ben) = (house.owner(ANN).await, house.owner(BEN).await);
    let signed_in = house.sign_in_twice(&ann).await;
    assert!(is_refused(&by_password(&house, &signed_in, PASSWORD).await));
    // Another's, a wrong one, one that is used up.
    assert!(is_refused(&house.step_up(&signed_in, &ben.next_code(&house)).await));
    assert!(is_refused(&house.step_up(&signed_in, &ben.recovery_codes[0]).await));
    assert!(is_refused(&house.step_up(&signed_in, &ann.wrong_code(&house)).await));
    let code = ann.next_code(&house);
    let fresh = house.step_up(&signed_in, &code).await.unwrap();
    assert!(is_refused(&house.step_up(&fresh, &code).await));
    let fresh = house.step_up(&fresh, &ann.recovery_codes[0]).await.unwrap();
    assert!(is_refused(&house.step_up(&fresh, &ann.recovery_codes[0]).await));
    let failed = house.events(AuditEvent::StepUpFailed).await;
    let reasons: Vec<_> = failed.iter().map(|row| row.record.reason.as_deref().unwrap()).collect();
    let expected = ["second_factor", "bad_code", "bad_recovery_code", "bad_code", "used_code", "bad_recovery_code"];
    assert_eq!(reasons, expected);
}

#[tokio::test]
async fn a_step_up_renews_the_credential_and_makes_nobody_elses_fresh() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let signed_in = house.sign_in_twice(&owner).await;
    let other = house.sign_in_twice(&owner).await;
    house.clock.advance(TEN_MINUTES);
    let code = owner.next_code(&house);
    let fresh = house.step_up(&signed_in, &code).await.unwrap();
    let (old, new) = (signed_in.token.reveal(), fresh.token.reveal());
    assert_ne!(old, new);
    assert_eq!(fresh.active.session.id, signed_in.active.session.id);
    // What was borrowed before still answers what is under way, and gains nothing.
    for accounts in [Arc::clone(&house.accounts), house.other_node()] {
        let borrowed = accounts.lookup_session(&old).await.unwrap().unwrap();
        assert!(!accounts.is_fresh(&borrowed));
        assert!(is_step_up(&accounts.export_account(visitor(&caller(2)), &borrowed).await));
        assert!(accounts.is_fresh(&accounts.lookup_session(&new).await.unwrap().unwrap()));
        let elsewhere = accounts.lookup_session(&other.token.reveal()).await.unwrap().unwrap();
        assert!(!accounts.is_fresh(&elsewhere), "another session of the account");
    }
    // Nor may it renew the session over the owner's head, whatever it shows.
    let borrowed = house.accounts.lookup_session(&old).await.unwrap().unwrap();
    let code = owner.next_code(&house);
    let proof = StepUpProof::Second(SecondProof::Code(&code));
    let outcome = house.other_node().step_up(visitor(&caller(2)), &borrowed, proof).await;
    assert!(matches!(outcome, Err(FlowError::Changed)));
    let again = house.step_up(&fresh, &code).await;
    assert!(again.is_ok(), "a code that renewed nothing is not used up");
    let rotated = house.events(AuditEvent::SessionRotated).await;
    assert!(rotated.iter().filter(|row| row.record.reason.as_deref() == Some("step_up")).count() == 2);
}

/// Whoever borrowed a session asks in it for a signature, has the owner make it elsewhere, and shows it as its own.
#[tokio::test]
async fn a_passkeys_answer_is_good_in_the_session_that_asked_for_it_alone() {
    let house = House::new().await;
    let mut key = Authenticator::new();
    let here = house.newcomer(ANN).await;
    let here = house.enrol_passkey(&here, &mut key).await.signed_in;
    let sign_in = async |key: &mut Authenticator| {
        let (challenge, options) = house.challenge(PasskeyPurpose::SignIn).await.unwrap();
        house.passkey_alone(&challenge, key.sign(&options, &Says::default())).await.unwrap()
    };
    let other = sign_in(&mut key).await;
    let prove = async |signed_in: &SignedIn, challenge: &str, credential| {
        let proof = StepUpProof::Second(SecondProof::Passkey(PasskeyAnswer { challenge, credential }));
        house.accounts.step_up(visitor(&caller(1)), &signed_in.active, proof).await
    };
    let (challenge, options) = house.challenge(PasskeyPurpose::StepUp(&here.active)).await.unwrap();
    assert!(is_refused(&prove(&other, &challenge, key.sign(&options, &Says::default())).await), "asked for in another session");
    let pending = house.half_signed_in(ANN).await;
    let (challenge, options) = house.challenge(PasskeyPurpose::SecondStep(Some(&pending))).await.unwrap();
    assert!(is_refused(&prove(&other, &challenge, key.sign(&options, &Says::default())).await), "asked for by a sign-in");
    let (challenge, options) = house.challenge(PasskeyPurpose::StepUp(&here.active)).await.unwrap();
    let answer = PasskeyAnswer { challenge: &challenge, credential: key.sign(&options, &Says::default()) };
    assert!(is_refused(&house.second_step(&pending, SecondProof::Passkey(answer)).await), "asked for in a session");
    let (challenge, options) = house.challenge(PasskeyPurpose::StepUp(&other.active)).await.unwrap();
    assert!(prove(&other, &challenge, key.sign(&options, &Says::default())).await.is_ok());
    assert_eq!(house.reasons().await, ["other_session"; 3]);
}

#[tokio::test]
async fn a_session_from_before_the_first_factor_is_fresh_by_none() {
    let house = House::new().await;
    house.member(ANN).await;
    let before = house.sign_in(ANN, PASSWORD).await.unwrap();
    let here = house.sign_in(ANN, PASSWORD).await.unwrap();
    assert!(house.accounts.is_fresh(&before.active));
    let owner = house.owner_in(ANN, &here).await;
    assert!(house.accounts.is_fresh(&owner.signed_in.active) && owner.signed_in.active.session.is_two_factor);
    // Whoever borrowed a session, and knows the password too, stands before the factor like anybody. The copy that a node may have of the
    // session still says that there is none.
    for (act, outcome) in acts(&house, &before).await {
        assert!(is_step_up(&outcome), "{act}: {outcome:?}");
    }
    let token = before.token.reveal();
    let active = house.other_node().lookup_session(&token).await.unwrap().unwrap();
    assert!(is_step_up(&house.accounts.export_account(visitor(&caller(1)), &active).await));
    let code = owner.next_code(&house);
    let fresh = house.step_up(&before, &code).await.unwrap();
    assert!(fresh.active.session.is_two_factor && house.accounts.is_fresh(&fresh.active));
}

#[tokio::test]
async fn guesses_in_a_session_and_at_the_door_are_guesses_of_one_account() {
    let house = House::with_limits(vec![("auth_step_up", quota(7, 900))]).await;
    let owner = house.owner(ANN).await;
    for _ in 0..3 {
        assert!(is_refused(&house.step_up(&owner.signed_in, &owner.wrong_code(&house)).await));
    }
    for _ in 0..2 {
        let waiting = house.waiting(ANN, PASSWORD).await;
        assert!(is_refused(&house.answer(&waiting, &owner.wrong_code(&house)).await));
    }
    let seconds = |outcome: Result<_, FlowError>| match outcome {
        Err(FlowError::Throttled { retry_after }) => retry_after.as_secs(),
        Err(_) | Ok(_) => 0,
    };
    assert_eq!(seconds(house.step_up(&owner.signed_in, &owner.wrong_code(&house)).await), 1);
    let waiting = house.waiting(ANN, PASSWORD).await;
    assert_eq!(seconds(house.answer(&waiting, &owner.wrong_code(&house)).await), 1);
    // The quota is the account's as well: seven are taken by now, and another line gets no more.
    for _ in 0..3 {
        house.clock.advance(Duration::from_secs(60));
        assert!(is_refused(&house.step_up(&owner.signed_in, &owner.wrong_code(&house)).await));
    }
    let proof = StepUpProof::Second(SecondProof::Code(&owner.recovery_codes[0]));
    let outcome = house.accounts.step_up(visitor(&caller(9)), &owner.signed_in.active, proof).await;
    assert!(seconds(outcome) > 60);
}

#[tokio::test]
async fn what_was_proven_by_a_clock_that_was_ahead_is_not_fresh() {
    let house = House::new().await;
    house.member(ANN).await;
    let ahead = Arc::new(ManualClock::at(house.clock.now() + Duration::from_secs(3600)));
    let signed_in =
        house.node_at(&ahead, &house.keys).sign_in(visitor(&caller(1)), crate::support::proof(ANN, PASSWORD, None)).await;
    let signed_in = crate::support::whole(signed_in).unwrap();
    assert!(!house.accounts.is_fresh(&signed_in.active));
    // Clocks that are apart by little are not.
    let ahead = Arc::new(ManualClock::at(house.clock.now() + Duration::from_secs(60)));
    let signed_in =
        house.node_at(&ahead, &house.keys).sign_in(visitor(&caller(1)), crate::support::proof(ANN, PASSWORD, None)).await;
    assert!(house.accounts.is_fresh(&crate::support::whole(signed_in).unwrap().active));
}

#[tokio::test]
async fn a_session_that_has_ended_proves_nothing() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    house.accounts.sign_out(visitor(&caller(1)), &owner.signed_in.active).await.unwrap();
    let code = owner.next_code(&house);
    assert!(matches!(house.step_up(&owner.signed_in, &code).await, Err(FlowError::Changed)));
    assert!(!house.is_live(&owner.signed_in.token.reveal()).await);
    // Nor is the code used up.
    let waiting = house.waiting(ANN, PASSWORD).await;
    assert!(house.answer(&waiting, &code).await.is_ok());
}

#[tokio::test]
async fn a_fault_at_any_write_of_a_step_up_leaves_the_session_as_it_was() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let signed_in = house.sign_in_twice(&owner).await;
    house.clock.advance(TEN_MINUTES);
    let code = owner.next_code(&house);
    for write in ["UPDATE ON factors", "UPDATE ON sessions", "INSERT ON audit"] {
        house.database.obstruct(write).await;
        let outcome = house.step_up(&signed_in, &code).await;
        house.database.clear().await;
        assert!(matches!(outcome, Err(FlowError::Store(_))), "{write}: {:?}", outcome.err());
        let active = house.other_node().lookup_session(&signed_in.token.reveal()).await.unwrap().expect("live");
        assert!(!house.accounts.is_fresh(&active), "{write}");
        assert_eq!(active.session.digest, signed_in.active.session.digest, "{write}");
    }
    assert!(house.step_up(&signed_in, &code).await.is_ok(), "the code is as good as before");
}
