//! Forgotten passwords: asking for a link, and using it.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use doorward_domain::service::FlowError;
use doorward_domain::{AuditEvent, EmailAddress, Store as _};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, caller, proof, quota, secret, token_in, visitor};

const ANN: &str = "ann@example.org";
const NEW: &str = "a wholly different passphrase";
const WRONG: &str = "a wrong but long password";

async fn ann() -> House {
    let house = House::new().await;
    house.member(ANN).await;
    house.take_mail().await;
    house
}

async fn assert_dead(house: &House, token: &str, what: &str) {
    assert!(matches!(house.reset(token, NEW).await, Err(FlowError::Refused)), "{what}");
}

#[tokio::test]
async fn forgot_05_one_mail_goes_to_the_stored_address_and_never_to_what_was_typed() {
    let house = House::new().await;
    house.member("K@Example.org").await;
    house.take_mail().await;
    for spelling in ["k@example.org", "K@EXAMPLE.ORG", "\u{212a}@example.org", "ｋ＠ｅｘａｍｐｌｅ．ｏｒｇ"] {
        house.forgot(spelling).await;
        let mails = house.take_mail().await;
        let [(to, _, body)] = mails.as_slice() else { panic!("{spelling:?}: {} mails", mails.len()) };
        assert_eq!(to, "K@example.org", "{spelling:?}");
        assert!(!body.contains(spelling) || spelling == "k@example.org", "{spelling:?}");
    }
    let attacks = [
        "k@example.org\r\nBcc: eve@example.org",
        "k@example.org\nTo: eve@example.org",
        "k@example.org,eve@example.org",
        "k@example.org;eve@example.org",
        "k@example.org eve@example.org",
        "k@example.org%0aCc:eve@example.org",
        "\"k@example.org\"@evil.example",
        "K <k@example.org>",
        "[\"k@example.org\",\"eve@example.org\"]",
        "k@example.org\0",
        "к@example.org",
        "k@exаmple.org",
    ];
    for typed in attacks {
        house.forgot(typed).await;
        let mails = house.take_mail().await;
        assert!(mails.len() <= 1 && mails.iter().all(|(to, ..)| to == "K@example.org"), "{typed:?}: {mails:?}");
    }
}

#[tokio::test]
async fn forgot_06_mails_to_one_address_stop_silently_and_one_caller_is_told_to_wait() {
    let limits = vec![("forgot_password_address", quota(5, 900)), ("forgot_password", quota(10, 900))];
    let house = House::with_limits(limits).await;
    house.member(ANN).await;
    house.take_mail().await;
    for _ in 0..6 {
        house.forgot(ANN).await;
    }
    let mails = house.take_mail().await;
    assert_eq!(mails.len(), 5, "the sixth is not mailed");
    for number in 7..=10 {
        house.forgot(&format!("n{number}@example.org")).await;
    }
    for email in [ANN, "nobody@example.org", "no address"] {
        let outcome = house.accounts.forgot_password(visitor(&caller(1)), Some(email)).await;
        assert!(matches!(outcome, Err(FlowError::Throttled { .. })), "{email}");
    }
    let elsewhere = caller(2);
    house.accounts.forgot_password(visitor(&elsewhere), Some(ANN)).await.unwrap();
    assert_eq!(house.take_mail().await.len(), 0, "whoever asks");
    house.reset(&token_in(&mails[4].2), NEW).await.expect("what was suppressed left the last link good");
}

#[tokio::test]
async fn forgot_07_a_link_lives_half_an_hour_is_for_one_purpose_and_dies_by_the_next_one() {
    let house = ann().await;
    let first = house.recovery_token(ANN).await;
    let second = house.recovery_token(ANN).await;
    assert_eq!((first.len(), second.len()), (43, 43), "256 bits in base64url");
    assert_ne!(first, second);
    assert_dead(&house, &first, "replaced").await;
    // Good for nothing else, and not used up by the try.
    let context = caller(1);
    assert!(house.verify(&second).await.is_err());
    assert!(house.accounts.confirm_email_change(visitor(&context), &second).await.is_err());
    assert!(house.accounts.undo_email_change(visitor(&context), &second).await.is_err());
    assert!(!house.is_live(&second).await);
    // The outbox has let go of its bodies, and rows know digests.
    let octets = house.octets_on_disk();
    assert!(!octets.windows(43).any(|window| window == second.as_bytes()), "the raw token is on the disk");
    house.clock.advance(Duration::from_secs(30 * 60 - 1));
    house.reset(&second, NEW).await.unwrap();
    let third = house.recovery_token(ANN).await;
    house.clock.advance(Duration::from_secs(30 * 60));
    assert_dead(&house, &third, "expired").await;
}

#[tokio::test]
async fn forgot_08_asking_changes_nothing_about_the_account() {
    let house = ann().await;
    let session = house.sign_in(ANN, PASSWORD).await.unwrap().token.reveal();
    for _ in 0..20 {
        house.forgot(ANN).await;
    }
    assert!(house.is_live(&session).await);
    assert!(house.sign_in(ANN, PASSWORD).await.is_ok());
}

#[tokio::test]
async fn forgot_09_known_and_unknown_addresses_leave_one_entry_each_with_a_hash_only() {
    let house = ann().await;
    house.member("gone@example.org").await;
    assert!(house.accounts.disable_user(&"gone@example.org".parse().unwrap()).await.unwrap());
    let typed = [ANN, "nobody@example.org", "gone@example.org", "no address", ""];
    for email in typed {
        let before = house.whole_audit().await.len();
        house.forgot(email).await;
        assert_eq!(house.whole_audit().await.len() - before, 1, "{email:?}");
    }
    let rows = house.events(AuditEvent::RecoveryRequested).await;
    assert_eq!(rows.len(), typed.len());
    for (row, email) in rows.iter().zip(typed) {
        let hash = row.record.subject_hash.as_deref().expect("a hash");
        assert!(email.is_empty() || !hash.contains(email));
    }
    assert_eq!(rows[0].record.subject_hash, Some(house.accounts.subject_hash(ANN)));
}

#[tokio::test]
async fn known_and_unknown_addresses_write_as_many_rows() {
    let house = ann().await;
    // The table of tokens has a row of Ann's before, so that replacing it and adding a decoy can be told apart from nothing at all.
    house.forgot(ANN).await;
    let before = rows(&house).await;
    house.forgot("nobody@example.org").await;
    let unknown = rows(&house).await;
    house.forgot("other@example.org").await;
    let other = rows(&house).await;
    for table in 0..3 {
        assert_eq!(unknown[table] - before[table], 1, "table {table}");
        assert_eq!(other[table] - unknown[table], 1, "table {table}");
    }
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
async fn a_token_that_is_good_for_nothing_is_refused_whatever_the_cause() {
    let house = ann().await;
    house.member("gone@example.org").await;
    let used = house.recovery_token(ANN).await;
    house.reset(&used, NEW).await.unwrap();
    let disabled = house.recovery_token("gone@example.org").await;
    let gone: EmailAddress = "gone@example.org".parse().unwrap();
    assert!(house.accounts.disable_user(&gone).await.unwrap());
    let live = house.recovery_token(ANN).await;
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    let verification = house.mailed_token("bob@example.org").await;
    let session = house.sign_in(ANN, NEW).await.unwrap().token.reveal();
    let bad = [
        ("used", used.clone()),
        ("disabled", disabled.clone()),
        ("another purpose", verification),
        ("a session", session.clone()),
        ("unknown", "A".repeat(43)),
        ("empty", String::new()),
        ("padded", format!("{live}=")),
        ("blank before", format!(" {live}")),
        ("blank behind", format!("{live} ")),
        ("nul", format!("{live}\0")),
        ("upper case", live.to_uppercase()),
        ("cut", live[..42].to_owned()),
        ("long", live.repeat(1000)),
        ("sql", "' OR 1=1 --".to_owned()),
    ];
    for (what, token) in &bad {
        assert_dead(&house, token, what).await;
    }
    assert_eq!(house.events(AuditEvent::RecoveryFailed).await.len(), bad.len(), "one entry each");
    assert!(house.is_live(&session).await);
    assert!(house.accounts.enable_user(&gone).await.unwrap());
    assert_dead(&house, &disabled, "enabled again: the link was used up").await;
    house.reset(&live, WRONG).await.expect("the live one was not touched");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reset_02_one_of_fifty_at_once_wins_and_its_password_is_the_one() {
    let house = Arc::new(ann().await);
    let token = house.recovery_token(ANN).await;
    let mut racers = JoinSet::new();
    for number in 0..50 {
        let (house, token) = (Arc::clone(&house), token.clone());
        racers.spawn(async move {
            let password = format!("{NEW} of racer {number}");
            (house.reset(&token, &password).await, password)
        });
    }
    let outcomes = racers.join_all().await;
    let winners: Vec<_> = outcomes.iter().filter(|(outcome, _)| outcome.is_ok()).collect();
    let [(_, password)] = winners.as_slice() else { panic!("{} winners", winners.len()) };
    assert!(outcomes.iter().all(|(outcome, _)| matches!(outcome, Ok(()) | Err(FlowError::Refused))));
    assert!(house.sign_in(ANN, password).await.is_ok());
    assert_eq!(house.events(AuditEvent::Recovered).await.len(), 1);
    assert_eq!(house.events(AuditEvent::RecoveryFailed).await.len(), 49);
}

#[tokio::test]
async fn reset_03_a_weak_password_is_told_before_and_apart_from_the_token() {
    let house = ann().await;
    let good = house.recovery_token(ANN).await;
    for password in ["short", "", "passwordpassword", &"x".repeat(129)] {
        let mut verdicts = Vec::new();
        for token in [good.as_str(), &"A".repeat(43), "", "no token"] {
            let Err(FlowError::Invalid(faults)) = house.reset(token, password).await else { panic!("{password:?} {token:?}") };
            verdicts.push(faults);
        }
        verdicts.dedup();
        assert_eq!(verdicts.len(), 1, "{password:?}");
    }
    house.reset(&good, NEW).await.expect("a fault of the password consumes nothing");
}

#[tokio::test]
async fn reset_05_every_session_and_every_other_token_of_the_account_ends() {
    let house = ann().await;
    let first = house.sign_in(ANN, PASSWORD).await.unwrap();
    let second = house.sign_in_from(2, ANN, PASSWORD).await.unwrap();
    let context = caller(1);
    let ask = house.accounts.request_email_change(visitor(&context), &first.active, "new@example.org", secret(PASSWORD));
    ask.await.unwrap();
    let change = house.mailed_token("new@example.org").await;
    let token = house.recovery_token(ANN).await;
    let (first, second) = (first.token.reveal(), second.token.reveal());
    assert!(house.is_live(&first).await && house.is_live(&second).await);
    house.reset(&token, NEW).await.unwrap();
    assert!(!house.is_live(&first).await && !house.is_live(&second).await, "ended at once, cached or not");
    assert!(house.accounts.confirm_email_change(visitor(&context), &change).await.is_err());
    assert!(house.sign_in(ANN, PASSWORD).await.is_err());
    assert!(house.sign_in(ANN, NEW).await.is_ok());
    let rows = house.events(AuditEvent::Recovered).await;
    let [row] = rows.as_slice() else { panic!("one entry") };
    assert!(row.record.meta.iter().any(|(_, value)| value == "2"), "{:?}", row.record.meta);
}

#[tokio::test]
async fn reset_07_the_owner_is_told_without_password_and_token() {
    let house = ann().await;
    let token = house.recovery_token(ANN).await;
    house.reset(&token, NEW).await.unwrap();
    let mails = house.take_mail().await;
    let [(to, subject, body)] = mails.as_slice() else { panic!("one mail") };
    assert_eq!(to, ANN);
    assert!(subject.contains("was reset"));
    for secret in [NEW, PASSWORD, &token] {
        assert!(!body.contains(secret) && !subject.contains(secret));
    }
    assert!(!body.contains("#token="));
}

#[tokio::test]
async fn reset_08_a_change_of_password_or_address_kills_the_link_and_a_rehash_does_not() {
    let mut house = ann().await;
    let context = caller(1);
    let token = house.recovery_token(ANN).await;
    let signed_in = house.sign_in(ANN, PASSWORD).await.unwrap();
    let changed = house.accounts.change_password(visitor(&context), &signed_in.active, secret(PASSWORD), secret(NEW)).await;
    assert_dead(&house, &token, "password changed").await;
    let token = house.recovery_token(ANN).await;
    let active = changed.unwrap().active;
    house.accounts.request_email_change(visitor(&context), &active, "new@example.org", secret(NEW)).await.unwrap();
    let change = house.mailed_token("new@example.org").await;
    house.accounts.confirm_email_change(visitor(&context), &change).await.unwrap();
    assert_dead(&house, &token, "address changed").await;
    let token = house.recovery_token("new@example.org").await;
    house.restart(doorward_domain::credential::Argon2Settings { passes: 2, ..crate::support::QUICK });
    house.sign_in("new@example.org", NEW).await.unwrap();
    assert_eq!(house.events(AuditEvent::PasswordRehashed).await.len(), 1);
    house.reset(&token, PASSWORD).await.expect("a mere rehash is no change");
}

/// The binding itself: tokens that no flow has removed.
#[tokio::test]
async fn reset_08_a_token_that_outlived_a_change_is_worth_nothing() {
    let house = ann().await;
    let user = house.store.find_user_by_email(ANN).await.unwrap().unwrap();
    let token = house.recovery_token(ANN).await;
    let mut tx = house.store.begin().await.unwrap();
    tx.users().set_password_hash(user.id, user.password_hash.as_deref()).await.unwrap();
    tx.commit().await.unwrap();
    assert_dead(&house, &token, "another password").await;
    let token = house.recovery_token(ANN).await;
    let mut tx = house.store.begin().await.unwrap();
    tx.users().set_email(user.id, &"next@example.org".parse().unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    assert_dead(&house, &token, "another address").await;
    let reasons: Vec<_> = house.events(AuditEvent::RecoveryFailed).await.into_iter().map(|row| row.record.reason).collect();
    assert_eq!(reasons, [Some("outdated".to_owned()), Some("outdated".to_owned())]);
}

#[tokio::test]
async fn a_disabled_account_is_not_opened_by_a_link_and_gets_none() {
    let house = ann().await;
    let before = house.recovery_token(ANN).await;
    assert!(house.accounts.disable_user(&ANN.parse().unwrap()).await.unwrap());
    house.forgot(ANN).await;
    assert_eq!(house.take_mail().await.len(), 0);
    assert_dead(&house, &before, "disabled").await;
    assert!(house.sign_in(ANN, PASSWORD).await.is_err() && house.sign_in(ANN, NEW).await.is_err());
}

#[tokio::test]
async fn reset_13_success_and_failure_are_audited_with_a_word_and_never_a_token() {
    let house = ann().await;
    let token = house.recovery_token(ANN).await;
    assert_dead(&house, "no token", "malformed").await;
    assert_dead(&house, &"A".repeat(43), "unknown").await;
    house.reset(&token, NEW).await.unwrap();
    assert_dead(&house, &token, "used").await;
    let failed = house.events(AuditEvent::RecoveryFailed).await;
    let reasons: Vec<_> = failed.iter().map(|row| row.record.reason.as_deref().unwrap_or_default()).collect();
    assert_eq!(reasons, ["malformed", "unknown", "unknown"]);
    let done = house.events(AuditEvent::Recovered).await;
    assert!(matches!(done.as_slice(), [row] if row.record.actor.is_some() && row.record.client_ip.is_some()));
    for row in house.whole_audit().await {
        let text = format!("{:?}", row.record);
        assert!(!text.contains(&token[..8]) && !text.contains("AAAAAAAA") && !text.contains(NEW), "{text}");
    }
}

/// D-11: a hundred wrong passwords stop guessing from unknown browsers until the owner proves the mailbox.
#[tokio::test]
async fn a_reset_lifts_the_stop_that_a_hundred_wrong_passwords_brought() {
    let house = ann().await;
    let mut refused = 0;
    while refused < 100 {
        match house.sign_in(ANN, WRONG).await {
            Err(FlowError::Refused) => refused += 1,
            Err(FlowError::Throttled { retry_after }) => house.clock.advance(retry_after),
            outcome => panic!("{:?}", outcome.err()),
        }
    }
    house.clock.advance(Duration::from_secs(3 * 24 * 3600));
    assert!(house.sign_in(ANN, PASSWORD).await.is_err(), "stopped");
    let token = house.recovery_token(ANN).await;
    house.reset(&token, NEW).await.unwrap();
    assert!(house.sign_in(ANN, NEW).await.is_ok(), "the stop is lifted");
}

#[tokio::test]
async fn a_reset_forgets_the_browsers_that_were_known() {
    let house = ann().await;
    let device = house.sign_in(ANN, PASSWORD).await.unwrap().device.expect("a cookie").reveal();
    let token = house.recovery_token(ANN).await;
    house.reset(&token, NEW).await.unwrap();
    // Ten wrong passwords slow down whoever is not known (D-11).
    for _ in 0..10 {
        assert!(matches!(house.sign_in(ANN, WRONG).await, Err(FlowError::Refused)));
    }
    let context = caller(1);
    let again = doorward_domain::service::SignIn { device: Some(&device), ..proof(ANN, NEW, None) };
    let outcome = house.accounts.sign_in(visitor(&context), again).await;
    assert!(matches!(outcome, Err(FlowError::Throttled { .. })), "it is one of many again");
}

/// Sessions, entries about a reset and the stored hash, as another process sees them.
async fn state(house: &House, session: &str) -> (bool, usize, Option<String>) {
    let is_live = house.other_node().lookup_session(session).await.unwrap().is_some();
    let user = house.store.find_user_by_email(ANN).await.unwrap().unwrap();
    (is_live, house.events(AuditEvent::Recovered).await.len(), user.password_hash)
}

#[tokio::test]
async fn reset_05_a_fault_at_any_write_leaves_everything_as_it_was() {
    let house = ann().await;
    let session = house.sign_in(ANN, PASSWORD).await.unwrap().token.reveal();
    let token = house.recovery_token(ANN).await;
    let before = state(&house, &session).await;
    let writes = [
        "DELETE ON one_times",
        "UPDATE ON users",
        "DELETE ON sessions",
        "DELETE ON devices",
        "INSERT ON outbox",
        "INSERT ON audit",
    ];
    for write in writes {
        house.database.obstruct(write).await;
        let outcome = house.reset(&token, NEW).await;
        house.database.clear().await;
        assert!(matches!(outcome, Err(FlowError::Store(_))), "{write}: {:?}", outcome.err());
        assert_eq!(state(&house, &session).await, before, "{write}");
        assert_eq!(house.take_mail().await.len(), 0, "{write}");
    }
    house.reset(&token, NEW).await.expect("the token is as good as before");
    assert!(!house.is_live(&session).await);
}

/// Polls a future so many times and drops it then, as a task ends when its process does.
async fn cut_off<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(move |context| {
        let Some(rest) = left.checked_sub(1) else { return Poll::Ready(None) };
        left = rest;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn reset_05_a_reset_that_is_cut_off_anywhere_is_nothing_or_all() {
    let house = ann().await;
    let session = house.sign_in(ANN, PASSWORD).await.unwrap().token.reveal();
    let token = house.recovery_token(ANN).await;
    let before = state(&house, &session).await;
    let mut cuts = 0;
    loop {
        let outcome = cut_off(house.reset(&token, NEW), cuts).await;
        let after = state(&house, &session).await;
        if after != before {
            assert!(!after.0 && after.1 == 1 && after.2 != before.2, "half of it after {cuts} polls");
            break;
        }
        assert!(outcome.is_none(), "{:?}", outcome.map(Result::err));
        cuts += 1;
    }
    // How often a flow waits depends on how fast the database answers: at times it does so before anybody can wait.
    assert!(house.sign_in(ANN, NEW).await.is_ok() && house.sign_in(ANN, PASSWORD).await.is_err());
}

#[tokio::test]
async fn reset_09_a_reset_leaves_the_second_factor_on_and_signs_nobody_in() {
    let house = House::new().await;
    let owner = house.owner(ANN).await;
    let waiting = house.waiting(ANN, PASSWORD).await;
    let link = house.recovery_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    assert_eq!(house.count("SELECT count(*) FROM sessions").await, 0, "a reset is no sign-in");
    assert_eq!(house.count("SELECT count(*) FROM factors").await, 1);
    assert_eq!(house.count("SELECT count(*) FROM recovery_codes").await, 10);
    // Whoever reads the mailbox has half of it, whatever password they choose, and a first step from before is void.
    let half = house.waiting(ANN, NEW).await;
    assert!(matches!(house.answer(&waiting, &owner.next_code(&house)).await, Err(FlowError::Refused)));
    assert!(matches!(house.answer(&half, &owner.wrong_code(&house)).await, Err(FlowError::Refused)));
    // Nor does another reset, or the way back from a change of address, take it away.
    let link = house.recovery_token(ANN).await;
    house.reset(&link, PASSWORD).await.unwrap();
    let signed_in = house.sign_in_twice(&owner).await;
    let context = caller(1);
    let active = &signed_in.active;
    house.accounts.request_email_change(visitor(&context), active, "new@example.org", secret(PASSWORD)).await.unwrap();
    let token = house.mailed_token("new@example.org").await;
    house.accounts.confirm_email_change(visitor(&context), &token).await.unwrap();
    let undo = house.mailed_token(ANN).await;
    house.accounts.undo_email_change(visitor(&context), &undo).await.unwrap();
    let link = house.mailed_token(ANN).await;
    house.reset(&link, NEW).await.unwrap();
    let half = house.waiting(ANN, NEW).await;
    assert!(house.answer(&half, &owner.next_code(&house)).await.is_ok());
}
