//! Mail that waits.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use doorward_domain::AuditEvent;
use doorward_domain::outbox::{MailCause, MailFate, MailFault};
use doorward_domain::store::{MailFilter, MailState, PageLimit};
use doorward_kit::Clock as _;

use crate::support::{House, PASSWORD, QUICK, caller, generous, quota, secret, token_in, visitor};

fn contains(octets: &[u8], needle: &[u8]) -> bool {
    octets.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_link_is_readable_on_the_disk_before_or_after_it_was_sent() {
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let mails = house.accounts.due_mail(10).await.unwrap();
    let [mail] = mails.as_slice() else { panic!("one mail") };
    let token = token_in(&mail.body);
    let raw = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for _ in 0..2 {
        let octets = house.octets_on_disk();
        assert!(!contains(&octets, token.as_bytes()) && !contains(&octets, &raw) && !contains(&octets, b"#token="));
        house.accounts.mail_sent(mail.id).await.unwrap();
    }
    house.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_claimed_mail_comes_back_if_its_sender_dies() {
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 1);
    assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 0);
    house.clock.advance(Duration::from_secs(120));
    let again = house.accounts.due_mail(10).await.unwrap();
    assert_eq!(again.iter().map(|mail| mail.attempts).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_failed_mail_is_tried_again_at_growing_distances_until_it_is_given_up() {
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let busy = MailFault::replied(MailCause::Recipient, 451);
    let mut pauses = Vec::new();
    let id = loop {
        let due = house.accounts.due_mail(10).await.unwrap();
        let [mail] = due.as_slice() else { panic!("due after {pauses:?}") };
        if house.accounts.mail_failed(mail.id, busy).await.unwrap() == MailFate::GivenUp {
            break mail.id;
        }
        let row = house.accounts.find_mail(mail.id).await.unwrap().unwrap();
        assert_eq!((row.state, row.last_error.as_deref()), (MailState::Waiting, Some("recipient 451")));
        let pause = row.next_at.unwrap().duration_since(house.clock.now());
        let pause = Duration::try_from(pause).unwrap();
        house.clock.advance(pause - Duration::from_micros(1));
        assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 0, "{pause:?}");
        house.clock.advance(Duration::from_micros(1));
        pauses.push(pause);
    };
    for (pause, seconds) in pauses.iter().zip([30, 60, 120, 240, 480, 960, 1920, 3600, 3600]) {
        let nominal = Duration::from_secs(seconds);
        assert!((nominal..nominal * 5 / 4).contains(pause), "{pauses:?}");
    }
    let total: Duration = pauses.iter().sum();
    assert!((Duration::from_secs(22 * 3600)..Duration::from_secs(24 * 3600)).contains(&total), "{total:?}");
    let row = house.accounts.find_mail(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.last_error.as_deref()), (MailState::Dead, Some("recipient 451")));
    let [entry] = &house.events(AuditEvent::MailDead).await[..] else { panic!("one entry") };
    assert_eq!(entry.record.reason.as_deref(), Some("recipient"));
}

#[tokio::test]
async fn what_cannot_succeed_is_given_up_at_once_and_what_the_relay_has_against_us_is_not() {
    let house = House::new().await;
    let verdicts = [
        (MailFault::replied(MailCause::Recipient, 550), MailFate::GivenUp),
        (MailFault::replied(MailCause::Message, 552), MailFate::GivenUp),
        (MailFault::of(MailCause::Unbuildable), MailFate::GivenUp),
        (MailFault::replied(MailCause::Recipient, 450), MailFate::Deferred),
        (MailFault::replied(MailCause::Message, 451), MailFate::Deferred),
        (MailFault::replied(MailCause::Recipient, 530), MailFate::Deferred),
        (MailFault::replied(MailCause::Message, 554), MailFate::Deferred),
        (MailFault::of(MailCause::Sealed), MailFate::Deferred),
        (MailFault::replied(MailCause::SignIn, 535), MailFate::Deferred),
        (MailFault::replied(MailCause::Relay, 550), MailFate::Deferred),
        (MailFault::of(MailCause::Unreachable), MailFate::Deferred),
        (MailFault::of(MailCause::Tls), MailFate::Deferred),
        (MailFault::of(MailCause::NoStartTls), MailFate::Deferred),
        (MailFault::of(MailCause::TimedOut), MailFate::Deferred),
    ];
    for (number, (fault, fate)) in verdicts.into_iter().enumerate() {
        house.sign_up(&format!("ann{number}@example.org"), PASSWORD).await.unwrap();
        let due = house.accounts.due_mail(10).await.unwrap();
        assert_eq!(house.accounts.mail_failed(due[0].id, fault).await.unwrap(), fate, "{fault}");
    }
}

#[tokio::test]
async fn a_dead_mail_is_revived_as_if_new_with_an_entry_and_one_that_is_not_dead_is_left_alone() {
    let house = House::new().await;
    let refused = MailFault::replied(MailCause::Recipient, 550);
    for number in 0..3 {
        house.sign_up(&format!("ann{number}@example.org"), PASSWORD).await.unwrap();
    }
    let mails = house.accounts.due_mail(10).await.unwrap();
    house.accounts.mail_sent(mails[0].id).await.unwrap();
    for mail in &mails[1..] {
        house.accounts.mail_failed(mail.id, refused).await.unwrap();
    }
    house.clock.advance(Duration::from_secs(25 * 3600));
    house.accounts.sweep().await.unwrap();
    assert!(house.accounts.find_mail(mails[0].id).await.unwrap().is_none(), "what was sent goes after a day");
    assert!(house.accounts.retry_mail(mails[1].id).await.unwrap());
    assert!(!house.accounts.retry_mail(mails[1].id).await.unwrap());
    let row = house.accounts.find_mail(mails[1].id).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts, row.last_error, row.queued_at), (MailState::Waiting, 0, None, house.clock.now()));
    assert_eq!(house.accounts.retry_all_mail().await.unwrap(), 1);
    let again = house.accounts.due_mail(10).await.unwrap();
    assert_eq!(again.iter().map(|mail| (mail.id, mail.attempts)).collect::<Vec<_>>(), [(mails[1].id, 1), (mails[2].id, 1)]);
    assert!(again.iter().all(|mail| mail.body.contains("#token=")));
    assert_eq!(house.events(AuditEvent::MailRetried).await.len(), 2);
    house.accounts.mail_failed(mails[1].id, refused).await.unwrap();
    house.clock.advance(Duration::from_secs(9 * 24 * 3600));
    house.accounts.sweep().await.unwrap();
    assert!(house.accounts.list_mail(MailFilter::default(), PageLimit::new(10)).await.unwrap().is_empty());
}

#[tokio::test]
async fn email_09_a_sent_mail_keeps_no_body_and_its_row_is_gone_after_a_day() {
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let mails = house.accounts.due_mail(10).await.unwrap();
    let sealed = stored_body(&house).await;
    assert!(sealed.len() > mails[0].body.len() && !contains(&sealed, token_in(&mails[0].body).as_bytes()));
    house.accounts.mail_sent(mails[0].id).await.unwrap();
    assert!(stored_body(&house).await.is_empty());
    house.clock.advance(Duration::from_secs(24 * 3600));
    house.accounts.sweep().await.unwrap();
    assert!(house.accounts.find_mail(mails[0].id).await.unwrap().is_none());
}

async fn stored_body(house: &House) -> Vec<u8> {
    use sqlx::{Connection as _, Row as _};
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("SELECT body FROM outbox").fetch_one(&mut connection).await.unwrap().get("body")
}

#[tokio::test]
async fn the_sender_is_woken_by_a_new_mail_even_if_it_was_not_yet_asleep() {
    let house = Arc::new(House::new().await);
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), house.accounts.mail_queued()).await.expect("woken");
    let sleeper = tokio::spawn({
        let house = Arc::clone(&house);
        async move { house.accounts.mail_queued().await }
    });
    tokio::task::yield_now().await;
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    tokio::time::timeout(Duration::from_secs(30), sleeper).await.expect("woken").unwrap();
}

#[tokio::test]
async fn a_mail_moved_to_another_recipient_is_sent_to_nobody_and_given_up_in_the_end() {
    use sqlx::Connection as _;
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE outbox SET recipient = 'thief@example.org'").execute(&mut connection).await.unwrap();
    let states =
        [(Duration::ZERO, MailState::Waiting), (house.accounts.rules().mail.give_up - Duration::from_secs(1), MailState::Dead)];
    for (pause, state) in states {
        house.clock.advance(pause);
        assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 0);
        let rows = house.accounts.list_mail(MailFilter::default(), PageLimit::new(10)).await.unwrap();
        let found = rows.iter().map(|row| (row.state, row.last_error.as_deref())).collect::<Vec<_>>();
        assert_eq!(found, [(state, Some("sealed"))]);
    }
    let [entry] = &house.events(AuditEvent::MailDead).await[..] else { panic!("one entry") };
    assert_eq!(entry.record.reason.as_deref(), Some("sealed"));
}

/// A house whose queue holds that many.
async fn small(queue_max: u32) -> House {
    House::with(generous(), QUICK, move |rules| rules.mail.queue_max = queue_max).await
}

async fn waiting(house: &House) -> Vec<String> {
    let filter = MailFilter { state: Some(MailState::Waiting), before: None };
    let rows = house.accounts.list_mail(filter, PageLimit::new(1000)).await.unwrap();
    rows.into_iter().rev().map(|row| row.to).collect()
}

#[tokio::test]
async fn email_12_a_flood_fills_the_queue_to_its_bound_and_notices_that_protect_an_account_still_fit() {
    let house = small(3).await;
    house.member("ann@example.org").await;
    let session = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    for number in 0..10 {
        house.sign_up(&format!("bob{number}@example.org"), PASSWORD).await.unwrap();
        house.forgot("ann@example.org").await;
    }
    assert_eq!(waiting(&house).await, ["bob0@example.org", "ann@example.org", "bob1@example.org"]);
    let entries = house.events(AuditEvent::MailQueueFailed).await;
    let told: u64 = entries.iter().map(|entry| entry.record.count.unwrap_or(1)).sum();
    assert_eq!(told, 17, "each is told, folded or not");
    assert!(entries.iter().all(|entry| entry.record.reason.as_deref() == Some("queue_full")));
    // The link that was mailed before the queue was full goes on working: nothing took its place.
    let token = house.mailed_token("ann@example.org").await;
    house.reset(&token, "another fine long passphrase").await.unwrap();
    assert!(!house.is_live(&session.token.reveal()).await);
    assert_eq!(waiting(&house).await, ["ann@example.org"]);

    for number in 0..10 {
        house.sign_up(&format!("cat{number}@example.org"), PASSWORD).await.unwrap();
    }
    assert_eq!(waiting(&house).await.len(), 3);
    let session = house.sign_in("ann@example.org", "another fine long passphrase").await.unwrap();
    let context = caller(1);
    house
        .accounts
        .change_password(visitor(&context), &session.active, secret("another fine long passphrase"), secret(PASSWORD))
        .await
        .unwrap();
    let session = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    house.accounts.delete_account(visitor(&context), &session.active, secret(PASSWORD)).await.unwrap();
    // Reset, changed, a sign-in with another browser, deleted.
    assert_eq!(waiting(&house).await.iter().filter(|to| *to == "ann@example.org").count(), 4);
}

#[tokio::test]
async fn email_12_the_bound_counts_what_other_nodes_added_and_falls_with_what_was_sent() {
    let house = small(2).await;
    let other = house.other_node();
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    house.sign_up("bob@example.org", PASSWORD).await.unwrap();
    assert_eq!(other.count_mail().await.unwrap(), 2);
    let context = caller(2);
    other.sign_up(visitor(&context), crate::support::wish("cat@example.org", PASSWORD, None)).await.unwrap();
    assert_eq!(waiting(&house).await.len(), 2);
    assert_eq!(house.take_mail().await.len(), 2);
    house.sign_up("dan@example.org", PASSWORD).await.unwrap();
    assert_eq!(waiting(&house).await, ["dan@example.org"]);
}

#[tokio::test]
async fn email_12_an_address_gets_so_many_mails_a_day_however_they_are_asked_for() {
    let mut limits = generous();
    limits.push(("mail_address", quota(4, 86_400)));
    let house = House::with_limits(limits).await;
    let ask = async || {
        house.sign_up("Ann@example.org", PASSWORD).await.unwrap();
        house.accounts.resend_verification(visitor(&caller(1)), "ann@example.org").await.unwrap();
        house.forgot("ann@example.org").await;
    };
    for _ in 0..5 {
        ask().await;
    }
    assert_eq!(
        house.take_mail().await.len(),
        3,
        "sign-up, the same again, sign-up; asking for a reset is charged without an account as well"
    );
    house.clock.advance(Duration::from_secs(86_400));
    ask().await;
    assert!(!house.take_mail().await.is_empty());
}
