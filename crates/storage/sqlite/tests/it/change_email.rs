//! Moving an account to another address, and taking it back.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::service::FlowError;
use doorward_domain::{ActiveSession, AuditEvent, Store as _};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, QUICK, caller, generous, quota, secret, token_in, visitor};

const ANN: &str = "ann@example.org";
const NEXT: &str = "next@example.org";
const NEW: &str = "a wholly different passphrase";
const WRONG: &str = "a wrong but long password";

async fn ann() -> (House, Arc<ActiveSession>) {
    let house = House::new().await;
    house.member(ANN).await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    (house, active)
}

async fn ask(house: &House, active: &ActiveSession, email: &str, password: &str) -> Result<(), FlowError> {
    house.accounts.request_email_change(visitor(&caller(1)), active, email, secret(password)).await
}

async fn confirm(house: &House, token: &str) -> Result<(), FlowError> {
    house.accounts.confirm_email_change(visitor(&caller(1)), token).await
}

async fn undo(house: &House, token: &str) -> Result<(), FlowError> {
    house.accounts.undo_email_change(visitor(&caller(1)), token).await
}

/// Moves the account; returns the token of the way back.
async fn move_to(house: &House, from: &str, to: &str, password: &str) -> String {
    let active = house.sign_in(from, password).await.unwrap().active;
    ask(house, &active, to, password).await.unwrap();
    confirm(house, &house.mailed_token(to).await).await.unwrap();
    house.mailed_token(from).await
}

#[tokio::test]
async fn the_old_address_stays_until_the_new_one_is_proved_and_is_told_then() {
    let (house, active) = ann().await;
    ask(&house, &active, "Next@Example.org", PASSWORD).await.unwrap();
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok() && house.sign_in(NEXT, PASSWORD).await.is_err());
    let mails = house.take_mail_but_sign_ins().await;
    let [(to, _, body)] = mails.as_slice() else { panic!("one mail") };
    assert_eq!(to, "Next@example.org", "and none to the old address yet");
    assert!(body.contains("https://app.example.org/account/email/confirm#token=") && !body.contains(ANN));
    let token = token_in(body);
    confirm(&house, &token).await.unwrap();
    assert!(house.sign_in(NEXT, PASSWORD).await.is_ok() && house.sign_in(ANN, PASSWORD).await.is_err());
    let mails = house.take_mail_but_sign_ins().await;
    let [(to, _, body)] = mails.as_slice() else { panic!("one mail") };
    assert_eq!(to, ANN);
    assert!(body.contains("https://app.example.org/account/email/undo#token=") && !body.contains("next@"));
    assert!(matches!(confirm(&house, &token).await, Err(FlowError::Refused)), "once");
}

#[tokio::test]
async fn a_wrong_password_moves_nothing_and_counts_whoever_tries() {
    let house = House::with_limits(vec![("auth_email", quota(5, 900))]).await;
    house.member(ANN).await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    house.take_mail().await;
    for _ in 0..5 {
        assert!(matches!(ask(&house, &active, NEXT, WRONG).await, Err(FlowError::Refused)));
    }
    let elsewhere = caller(9);
    let outcome = house.accounts.request_email_change(visitor(&elsewhere), &active, NEXT, secret(PASSWORD)).await;
    assert!(matches!(outcome, Err(FlowError::Throttled { .. })), "the account is counted, not only the caller");
    assert_eq!(house.take_mail().await.len(), 0);
    assert_eq!(house.events(AuditEvent::EmailChangeFailed).await.len(), 5);
}

#[tokio::test]
async fn a_session_known_from_before_a_move_proves_itself_by_the_password_all_the_same() {
    let (house, active) = ann().await;
    ask(&house, &active, NEXT, PASSWORD).await.unwrap();
    confirm(&house, &house.mailed_token(NEXT).await).await.unwrap();
    assert_eq!(active.user.email.canonical, ANN, "as a cache has it that is a second old");
    assert!(matches!(ask(&house, &active, "third@example.org", WRONG).await, Err(FlowError::Refused)));
    ask(&house, &active, "third@example.org", PASSWORD).await.unwrap();
    confirm(&house, &house.mailed_token("third@example.org").await).await.unwrap();
    // Somebody else has the address that the session is known by.
    house.member(ANN).await;
    house.accounts.delete_account(visitor(&caller(1)), &active, secret(PASSWORD)).await.unwrap();
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok() && house.sign_in("third@example.org", PASSWORD).await.is_err());
}

#[tokio::test]
async fn a_taken_address_is_answered_and_counted_like_a_free_one_and_its_owner_is_told() {
    let (house, active) = ann().await;
    house.member("bob@example.org").await;
    house.clock.advance(Duration::from_secs(2 * 3600));
    house.take_mail().await;
    let before = rows(&house).await;
    ask(&house, &active, "bob@example.org", PASSWORD).await.unwrap();
    let taken = rows(&house).await;
    let mails = house.take_mail().await;
    assert!(matches!(mails.as_slice(), [(to, _, body)] if to == "bob@example.org" && !body.contains("#token=")), "{mails:?}");
    ask(&house, &active, NEXT, PASSWORD).await.unwrap();
    let free = rows(&house).await;
    assert_eq!([taken[0] - before[0], taken[1] - before[1], taken[2] - before[2]], [1, 1, 1]);
    // The token of the first is replaced by that of the second.
    assert_eq!([free[0] - taken[0], free[1] - taken[1], free[2] - taken[2]], [0, 1, 1]);
    // One's own address is a taken one.
    ask(&house, &active, ANN, PASSWORD).await.unwrap();
    assert!(house.sign_in("bob@example.org", PASSWORD).await.is_ok() && house.sign_in(ANN, PASSWORD).await.is_ok());
}

/// Rows of one_times, outbox and audit, counted beside the store.
async fn rows(house: &House) -> [i64; 3] {
    [
        house.count("SELECT count(*) FROM one_times").await,
        house.count("SELECT count(*) FROM outbox").await,
        house.count("SELECT count(*) FROM audit").await,
    ]
}

#[tokio::test]
async fn email_02_a_token_is_bound_to_account_and_address_and_a_later_change_kills_it() {
    let (house, active) = ann().await;
    // A second wish replaces the first.
    ask(&house, &active, "first@example.org", PASSWORD).await.unwrap();
    let first = house.mailed_token("first@example.org").await;
    ask(&house, &active, NEXT, PASSWORD).await.unwrap();
    let second = house.mailed_token(NEXT).await;
    assert!(matches!(confirm(&house, &first).await, Err(FlowError::Refused)));
    confirm(&house, &second).await.unwrap();
    assert!(house.sign_in(NEXT, PASSWORD).await.is_ok());
    // A change of password kills what waits, too.
    let active = house.sign_in(NEXT, PASSWORD).await.unwrap().active;
    ask(&house, &active, "third@example.org", PASSWORD).await.unwrap();
    let third = house.mailed_token("third@example.org").await;
    let context = caller(1);
    house.accounts.change_password(visitor(&context), &active, secret(PASSWORD), secret(NEW)).await.unwrap();
    assert!(matches!(confirm(&house, &third).await, Err(FlowError::Refused)));
    // A verification proves the address that it was mailed to, and no other way leads to that account any more.
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    let verification = house.mailed_token("bob@example.org").await;
    let active = house.sign_in(NEXT, NEW).await.unwrap().active;
    ask(&house, &active, "bob@example.org", NEW).await.unwrap();
    let change = house.mailed_token("bob@example.org").await;
    confirm(&house, &change).await.unwrap();
    assert!(matches!(house.verify(&verification).await, Err(FlowError::Refused)), "the address has an account now");
    assert_eq!(house.account_count().await, 1);
}

#[tokio::test]
async fn an_address_that_was_taken_meanwhile_is_refused_like_any_other_failure() {
    let (house, active) = ann().await;
    ask(&house, &active, NEXT, PASSWORD).await.unwrap();
    let token = house.mailed_token(NEXT).await;
    house.member(NEXT).await;
    assert!(matches!(confirm(&house, &token).await, Err(FlowError::Refused)));
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
    let reasons: Vec<_> = house.events(AuditEvent::EmailChangeFailed).await.into_iter().map(|row| row.record.reason).collect();
    assert_eq!(reasons, [Some("taken".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_accounts_that_confirm_one_address_at_once_one_gets_it() {
    let house = Arc::new(House::new().await);
    let mut tokens = Vec::new();
    for email in [ANN, "bob@example.org"] {
        house.member(email).await;
        let active = house.sign_in(email, PASSWORD).await.unwrap().active;
        ask(&house, &active, NEXT, PASSWORD).await.unwrap();
        tokens.push(house.mailed_token(NEXT).await);
    }
    let mut racers = JoinSet::new();
    for token in tokens.into_iter().cycle().take(20) {
        let house = Arc::clone(&house);
        racers.spawn(async move { confirm(&house, &token).await });
    }
    let outcomes = racers.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(FlowError::Refused))));
    assert_eq!(house.account_count().await, 2);
}

#[tokio::test]
async fn the_way_back_restores_the_address_ends_every_session_and_needs_a_new_password() {
    let (house, _) = ann().await;
    let back = move_to(&house, ANN, NEXT, PASSWORD).await;
    let thief = house.sign_in(NEXT, PASSWORD).await.unwrap().token.reveal();
    house.forgot(NEXT).await;
    let planted = house.mailed_token(NEXT).await;
    undo(&house, &back).await.unwrap();
    assert!(!house.is_live(&thief).await);
    for email in [ANN, NEXT] {
        assert!(house.sign_in(email, PASSWORD).await.is_err(), "{email}: the thief knew the password");
    }
    assert!(house.reset(&planted, WRONG).await.is_err(), "asked for at the thief's address");
    let link = house.mailed_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    assert!(house.sign_in(ANN, NEW).await.is_ok());
    assert!(undo(&house, &back).await.is_err(), "once");
}

#[tokio::test]
async fn the_way_back_works_although_a_thief_changed_the_address_twice() {
    let (house, _) = ann().await;
    let owners = move_to(&house, ANN, "thief@example.org", PASSWORD).await;
    house.clock.advance(Duration::from_secs(60));
    let thiefs = move_to(&house, "thief@example.org", "other@example.org", PASSWORD).await;
    undo(&house, &owners).await.unwrap();
    assert!(house.store.find_user_by_email(ANN).await.unwrap().is_some());
    let link = house.mailed_token(ANN).await;
    assert!(undo(&house, &thiefs).await.is_err(), "later ways back lead to the thief");
    house.reset(&link, NEW).await.unwrap();
    assert!(house.sign_in(ANN, NEW).await.is_ok());
}

/// The attack on the test before: the thief goes back one step, to be rid of the owner's link.
#[tokio::test]
async fn a_thief_who_goes_back_one_step_does_not_cut_off_the_owner_who_goes_back_two() {
    let (house, _) = ann().await;
    let owners = move_to(&house, ANN, "thief@example.org", PASSWORD).await;
    house.clock.advance(Duration::from_secs(60));
    let thiefs = move_to(&house, "thief@example.org", "other@example.org", PASSWORD).await;
    undo(&house, &thiefs).await.unwrap();
    house.reset(&house.mailed_token("thief@example.org").await, WRONG).await.unwrap();
    let thief = house.sign_in("thief@example.org", WRONG).await.unwrap().token.reveal();
    undo(&house, &owners).await.unwrap();
    assert!(!house.is_live(&thief).await && house.sign_in("thief@example.org", WRONG).await.is_err());
    house.reset(&house.mailed_token(ANN).await, NEW).await.unwrap();
    assert!(house.sign_in(ANN, NEW).await.is_ok());
}

#[tokio::test]
async fn ways_end_on_time_and_lead_nowhere_from_a_disabled_account() {
    let (house, active) = ann().await;
    ask(&house, &active, NEXT, PASSWORD).await.unwrap();
    let token = house.mailed_token(NEXT).await;
    house.clock.advance(Duration::from_secs(24 * 3600));
    assert!(matches!(confirm(&house, &token).await, Err(FlowError::Refused)), "a day");
    let back = move_to(&house, ANN, NEXT, PASSWORD).await;
    assert!(house.accounts.disable_user(&NEXT.parse().unwrap()).await.unwrap());
    assert!(matches!(undo(&house, &back).await, Err(FlowError::Refused)), "disabled");
    for bad in ["", "x", &"A".repeat(43), &format!("{back}="), &"x".repeat(10_000)] {
        assert!(matches!(undo(&house, bad).await, Err(FlowError::Refused)), "{bad:.50}");
        assert!(matches!(confirm(&house, bad).await, Err(FlowError::Refused)), "{bad:.50}");
    }
    assert!(house.accounts.enable_user(&NEXT.parse().unwrap()).await.unwrap());
    let back = move_to(&house, NEXT, ANN, PASSWORD).await;
    house.clock.advance(Duration::from_secs(7 * 24 * 3600));
    assert!(matches!(undo(&house, &back).await, Err(FlowError::Refused)), "a week");
}

#[tokio::test]
async fn what_strangers_asked_for_under_the_new_address_is_void() {
    let (house, active) = ann().await;
    house.sign_up(NEXT, WRONG).await.unwrap();
    let planted = house.mailed_token(NEXT).await;
    ask(&house, &active, NEXT, PASSWORD).await.unwrap();
    confirm(&house, &house.mailed_token(NEXT).await).await.unwrap();
    let back = house.mailed_token(ANN).await;
    assert!(house.verify(&planted).await.is_err());
    undo(&house, &back).await.unwrap();
    assert!(house.verify(&planted).await.is_err(), "for good");
}

#[tokio::test]
async fn only_addresses_of_allowed_domains_are_taken() {
    let house = House::with(generous(), QUICK, |rules| rules.allowed_domains = vec!["example.org".to_owned()]).await;
    house.member(ANN).await;
    let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    for email in ["ann@elsewhere.example", "ann@sub.example.org", "ann@example.org.evil.example", "no address"] {
        assert!(matches!(ask(&house, &active, email, PASSWORD).await, Err(FlowError::Invalid(_))), "{email}");
        assert!(matches!(house.sign_up(email, PASSWORD).await, Err(FlowError::Invalid(_))), "{email}");
    }
    ask(&house, &active, "Next@EXAMPLE.org", PASSWORD).await.unwrap();
}

/// The attack: use up the mails of an address, ask for one of one's own, then for that one. Whether the former link still works then must
/// not depend on whether the address is taken.
#[tokio::test]
async fn the_fate_of_a_former_link_does_not_tell_whether_an_address_is_taken() {
    let mut fates = Vec::new();
    for target in ["bob@example.org", "free@example.org"] {
        let house = House::with_limits(vec![("verify_email_resend_address", quota(5, 86_400))]).await;
        house.member(ANN).await;
        house.member("bob@example.org").await;
        for _ in 0..6 {
            house.sign_up(target, WRONG).await.unwrap();
        }
        let active = house.sign_in(ANN, PASSWORD).await.unwrap().active;
        ask(&house, &active, NEXT, PASSWORD).await.unwrap();
        let former = house.mailed_token(NEXT).await;
        ask(&house, &active, target, PASSWORD).await.unwrap();
        assert_eq!(house.take_mail().await.len(), 0, "{target}: used up");
        fates.push(confirm(&house, &former).await.is_ok());
    }
    assert_eq!(fates, [true, true]);
}

#[tokio::test]
async fn a_way_back_that_is_barred_for_a_while_opens_again() {
    let (house, _) = ann().await;
    let back = move_to(&house, ANN, NEXT, PASSWORD).await;
    // Somebody else has the former address now.
    house.member(ANN).await;
    assert!(matches!(undo(&house, &back).await, Err(FlowError::Refused)));
    let other = house.sign_in(ANN, PASSWORD).await.unwrap().active;
    house.accounts.delete_account(visitor(&caller(1)), &other, secret(PASSWORD)).await.unwrap();
    // The account is disabled, and enabled again.
    assert!(house.accounts.disable_user(&NEXT.parse().unwrap()).await.unwrap());
    assert!(matches!(undo(&house, &back).await, Err(FlowError::Refused)));
    assert!(house.accounts.enable_user(&NEXT.parse().unwrap()).await.unwrap());
    undo(&house, &back).await.unwrap();
    assert!(house.store.find_user_by_email(ANN).await.unwrap().is_some());
    assert!(undo(&house, &back).await.is_err(), "once");
}
