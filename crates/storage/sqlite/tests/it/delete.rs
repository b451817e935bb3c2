//! The end of an account, and of everything that opens it; changing the password.

use std::sync::Arc;

use doorward_domain::service::FlowError;
use doorward_domain::{AuditEvent, Store as _};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, caller, quota, secret, visitor};

const ANN: &str = "ann@example.org";
const NEW: &str = "a wholly different passphrase";
const WRONG: &str = "a wrong but long password";

async fn ann() -> House {
    let house = House::new().await;
    house.member(ANN).await;
    house.take_mail().await;
    house
}

#[tokio::test]
async fn ses_12_every_session_ends_by_a_reset_a_disabling_and_a_deletion() {
    let house = ann().await;
    let context = caller(1);
    let mut password = PASSWORD;
    for way in ["reset", "disable", "delete"] {
        let one = house.sign_in(ANN, password).await.unwrap();
        let other = house.sign_in_from(2, ANN, password).await.unwrap();
        let tokens = [one.token.reveal(), other.token.reveal()];
        for token in &tokens {
            assert!(house.is_live(token).await, "before {way}");
        }
        match way {
            "reset" => {
                let link = house.recovery_token(ANN).await;
                house.reset(&link, NEW).await.unwrap();
                password = NEW;
            }
            "disable" => {
                assert!(house.accounts.disable_user(&ANN.parse().unwrap()).await.unwrap());
            }
            _ => house.accounts.delete_account(visitor(&context), &one.active, secret(password)).await.unwrap(),
        }
        for token in &tokens {
            assert!(!house.is_live(token).await, "after {way}");
        }
        if way == "disable" {
            assert!(house.accounts.enable_user(&ANN.parse().unwrap()).await.unwrap());
            assert!(!house.is_live(&tokens[0]).await, "an ended session does not come back");
        }
    }
    assert!(house.sign_in(ANN, NEW).await.is_err());
}

#[tokio::test]
async fn a_deletion_needs_the_password_and_leaves_nothing_but_the_trail() {
    let house = ann().await;
    let context = caller(1);
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    let link = house.recovery_token(ANN).await;
    let refused = house.accounts.delete_account(visitor(&context), &active, secret(WRONG)).await;
    assert!(matches!(refused, Err(FlowError::Refused)));
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
    house.accounts.delete_account(visitor(&context), &active, secret(PASSWORD)).await.unwrap();
    assert!(house.store.find_user_by_email(ANN).await.unwrap().is_none());
    assert!(house.reset(&link, NEW).await.is_err(), "the link went with the account");
    let mails = house.take_mail_but_sign_ins().await;
    assert!(matches!(mails.as_slice(), [(to, subject, _)] if to == ANN && subject.contains("deleted")), "{mails:?}");
    let outcomes: Vec<_> = house.events(AuditEvent::AccountDeleted).await.iter().map(|row| row.record.outcome.as_str()).collect();
    assert_eq!(outcomes, ["failure", "success"]);
    // The address is free again, for whoever proves it.
    house.member(ANN).await;
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn a_session_that_was_ended_meanwhile_deletes_and_changes_nothing() {
    let house = ann().await;
    let context = caller(1);
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    let link = house.recovery_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    // A request that had passed the door before the reset.
    let late = house.accounts.change_password(visitor(&context), &active, secret(NEW), secret(WRONG)).await;
    assert!(matches!(late, Err(FlowError::Refused)));
    assert!(house.accounts.delete_account(visitor(&context), &active, secret(PASSWORD)).await.is_err());
    assert!(house.sign_in(ANN, NEW).await.is_ok());
}

#[tokio::test]
async fn a_change_of_password_ends_other_sessions_and_replaces_the_credential() {
    let house = ann().await;
    let context = caller(1);
    let signed_in = house.sign_in(ANN, PASSWORD).await.unwrap();
    let other = house.sign_in_from(2, ANN, PASSWORD).await.unwrap().token.reveal();
    let old = signed_in.token.reveal();
    assert!(house.is_live(&old).await && house.is_live(&other).await);
    let changed =
        house.accounts.change_password(visitor(&context), &signed_in.active, secret(PASSWORD), secret(NEW)).await.unwrap();
    assert!(!house.is_live(&other).await && !house.is_live(&old).await);
    assert!(house.is_live(&changed.token.reveal()).await);
    assert!(house.sign_in(ANN, PASSWORD).await.is_err());
    // The new credential is as good as any: it may change the password again.
    house.accounts.change_password(visitor(&context), &changed.active, secret(NEW), secret(PASSWORD)).await.unwrap();
    let mails = house.take_mail_but_sign_ins().await;
    assert_eq!(mails.len(), 2);
    assert!(mails.iter().all(|(to, _, body)| to == ANN && !body.contains(NEW) && !body.contains(PASSWORD)));
}

#[tokio::test]
async fn a_stolen_session_is_no_way_to_guess_the_password() {
    let house = House::with_limits(vec![("auth_password", quota(5, 900))]).await;
    house.member(ANN).await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    for host in 1..=5 {
        let context = caller(host);
        let outcome = house.accounts.change_password(visitor(&context), &active, secret(WRONG), secret(NEW)).await;
        assert!(matches!(outcome, Err(FlowError::Refused)));
    }
    let context = caller(6);
    let outcome = house.accounts.change_password(visitor(&context), &active, secret(PASSWORD), secret(NEW)).await;
    assert!(matches!(outcome, Err(FlowError::Throttled { .. })), "from ever new addresses");
    assert_eq!(house.events(AuditEvent::PasswordChangeFailed).await.len(), 5);
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_changes_of_password_at_once_one_wins() {
    let house = Arc::new(ann().await);
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    let mut racers = JoinSet::new();
    for number in 0..20 {
        let (house, active) = (Arc::clone(&house), Arc::clone(&active));
        racers.spawn(async move {
            let new = format!("{NEW} {number}");
            let context = caller(1);
            let outcome = house.accounts.change_password(visitor(&context), &active, secret(PASSWORD), secret(&new)).await;
            (outcome.map(|_| ()), new)
        });
    }
    let outcomes = racers.join_all().await;
    let winners: Vec<_> = outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).collect();
    let [(_, new)] = winners.as_slice() else { panic!("{} winners", winners.len()) };
    assert!(outcomes.iter().all(|(outcome, _)| matches!(outcome, Ok(()) | Err(FlowError::Refused))));
    assert!(house.sign_in(ANN, new).await.is_ok());
}
