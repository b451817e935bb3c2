//! Invitations, and the stranger who signs up with an invited address.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::service::{FlowError, Invitation, SignUp, SignUpMode};
use doorward_domain::{AuditEvent, Store as _};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, QUICK, caller, generous, visitor, wish};

const ANN: &str = "ann@example.org";
const OTHER: &str = "another quite long password";

async fn house() -> House {
    House::with(generous(), QUICK, |rules| rules.sign_up = SignUpMode::Invitation).await
}

async fn invite(house: &House, email: Option<&str>, roles: &[&str]) -> String {
    let email = email.map(|email| email.parse().unwrap());
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    let link = house.accounts.invite(Invitation { email, roles, by: None }).await.unwrap();
    let (page, code) = link.split_once("#invitation=").expect("a link");
    assert_eq!(page, "https://app.example.org/account/sign-up");
    code.to_owned()
}

async fn sign_up(house: &House, email: &str, invitation: Option<&str>) -> Result<(), FlowError> {
    house.accounts.sign_up(visitor(&caller(1)), SignUp { invitation, ..wish(email, PASSWORD, None) }).await
}

#[tokio::test]
async fn who_holds_no_invitation_is_not_taken_in() {
    let house = house().await;
    for invitation in [None, Some(""), Some("x"), Some(&*"A".repeat(43)), Some(&*"x".repeat(10_000))] {
        assert!(matches!(sign_up(&house, ANN, invitation).await, Err(FlowError::Refused)), "{invitation:.50?}");
    }
    assert_eq!(house.take_mail().await.len(), 0);
}

#[tokio::test]
async fn an_invitation_works_once_grants_its_roles_and_is_not_stored_as_it_is() {
    let house = house().await;
    let code = invite(&house, None, &["staff", "editor", "staff"]).await;
    assert_eq!(house.take_mail().await.len(), 0, "for nobody in particular");
    assert!(!house.octets_on_disk().windows(code.len()).any(|window| window == code.as_bytes()));
    sign_up(&house, ANN, Some(&code)).await.unwrap();
    house.verify(&house.mailed_token(ANN).await).await.unwrap();
    let user = house.store.find_user_by_email(ANN).await.unwrap().unwrap();
    assert_eq!(user.roles, ["editor", "staff"]);
    assert!(matches!(sign_up(&house, "bob@example.org", Some(&code)).await, Err(FlowError::Refused)), "used");
    assert_eq!(house.events(AuditEvent::Invited).await.len(), 1);
}

#[tokio::test]
async fn an_invitation_for_one_address_is_for_no_other_and_survives_the_try() {
    let house = house().await;
    let code = invite(&house, Some("Ann@Example.org"), &["staff"]).await;
    let mails = house.take_mail().await;
    assert!(matches!(mails.as_slice(), [(to, _, body)] if to == "Ann@example.org" && body.contains(&code)), "{mails:?}");
    assert!(matches!(sign_up(&house, "eve@example.org", Some(&code)).await, Err(FlowError::Refused)));
    assert!(matches!(sign_up(&house, ANN, Some(&format!("{code}="))).await, Err(FlowError::Refused)));
    sign_up(&house, ANN, Some(&code)).await.expect("for whom it is");
    house.verify(&house.mailed_token(ANN).await).await.unwrap();
    assert_eq!(house.store.find_user_by_email(ANN).await.unwrap().unwrap().roles, ["staff"]);
}

#[tokio::test]
async fn an_invitation_ends_after_a_week() {
    let house = house().await;
    let code = invite(&house, None, &[]).await;
    house.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert!(matches!(sign_up(&house, ANN, Some(&code)).await, Err(FlowError::Refused)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_who_use_one_invitation_at_once_one_gets_in() {
    let house = Arc::new(house().await);
    let code = invite(&house, None, &["staff"]).await;
    let mut racers = JoinSet::new();
    for number in 0..20 {
        let (house, code) = (Arc::clone(&house), code.clone());
        racers.spawn(async move { sign_up(&house, &format!("n{number}@example.org"), Some(&code)).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(FlowError::Refused))));
}

#[tokio::test]
async fn known_and_unknown_addresses_use_an_invitation_up_alike() {
    let house = house().await;
    let code = invite(&house, None, &[]).await;
    sign_up(&house, ANN, Some(&code)).await.unwrap();
    house.verify(&house.mailed_token(ANN).await).await.unwrap();
    for email in [ANN, "nobody@example.org"] {
        let code = invite(&house, None, &[]).await;
        sign_up(&house, email, Some(&code)).await.unwrap();
        assert!(sign_up(&house, "next@example.org", Some(&code)).await.is_err(), "{email}");
    }
}

/// A stranger signs up with the address of somebody invited: the roles are for whoever has the invitation.
#[tokio::test]
async fn enum_14_an_invited_owner_gets_the_roles_and_a_stranger_neither_roles_nor_account() {
    let house = House::new().await;
    let code = invite(&house, Some(ANN), &["staff"]).await;
    house.take_mail().await;
    house.accounts.sign_up(visitor(&caller(2)), wish(ANN, OTHER, None)).await.unwrap();
    let planted = house.mailed_token(ANN).await;
    sign_up(&house, ANN, Some(&code)).await.unwrap();
    let own = house.mailed_token(ANN).await;
    // The owner opens the stranger's mail: the own password is wrong there, and the link stays as it is.
    for password in [PASSWORD, "", "something else entirely"] {
        assert!(matches!(house.verify_with(&planted, password).await, Err(FlowError::PasswordNeeded)), "{password}");
    }
    house.verify_with(&own, PASSWORD).await.unwrap();
    let user = house.store.find_user_by_email(ANN).await.unwrap().unwrap();
    assert_eq!(user.roles, ["staff"]);
    assert!(house.verify_with(&planted, OTHER).await.is_err());
    assert!(house.sign_in(ANN, OTHER).await.is_err() && house.sign_in(ANN, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn enum_14_a_wrong_password_leaves_the_token_good_for_the_right_one() {
    let house = House::new().await;
    house.sign_up(ANN, OTHER).await.unwrap();
    house.take_mail().await;
    house.sign_up(ANN, PASSWORD).await.unwrap();
    let own = house.mailed_token(ANN).await;
    for _ in 0..3 {
        assert!(matches!(house.verify_with(&own, "something else entirely").await, Err(FlowError::PasswordNeeded)));
    }
    assert!(matches!(house.verify(&own).await, Err(FlowError::PasswordNeeded)), "nor without one");
    assert_eq!(house.account_count().await, 0);
    house.verify_with(&own, PASSWORD).await.unwrap();
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
    assert!(house.verify_with(&own, PASSWORD).await.is_err(), "once");
}

#[tokio::test]
async fn an_invitation_is_not_used_up_while_too_many_mails_went_to_the_address() {
    let limits = vec![("verify_email_resend_address", crate::support::quota(2, 900))];
    let house = House::with_limits(limits).await;
    for _ in 0..3 {
        house.sign_up(ANN, OTHER).await.unwrap();
    }
    let code = invite(&house, Some(ANN), &["staff"]).await;
    house.take_mail().await;
    sign_up(&house, ANN, Some(&code)).await.unwrap();
    assert_eq!(house.take_mail().await.len(), 0, "suppressed");
    house.clock.advance(Duration::from_secs(2 * 24 * 3600));
    sign_up(&house, ANN, Some(&code)).await.unwrap();
    let own = house.mailed_token(ANN).await;
    house.verify_with(&own, PASSWORD).await.unwrap();
    assert_eq!(house.store.find_user_by_email(ANN).await.unwrap().unwrap().roles, ["staff"]);
}
