//! Mail that waits.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::{House, PASSWORD, token_in};

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
async fn a_failed_mail_is_tried_again_at_growing_distances_and_dropped_after_a_day() {
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let due = house.accounts.due_mail(10).await.unwrap();
        assert_eq!(due.len(), 1, "before {seconds}");
        house.accounts.mail_failed(due[0].id, "refused").await.unwrap();
        house.clock.advance(Duration::from_secs(seconds) - Duration::from_micros(1));
        assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 0, "{seconds}");
        house.clock.advance(Duration::from_micros(1));
    }
    house.clock.advance(Duration::from_secs(24 * 3600));
    house.accounts.sweep().await.unwrap();
    assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 0);
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
async fn a_mail_moved_to_another_recipient_is_not_sent() {
    use sqlx::Connection as _;
    let house = House::new().await;
    house.sign_up("ann@example.org", PASSWORD).await.unwrap();
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE outbox SET recipient = 'thief@example.org'").execute(&mut connection).await.unwrap();
    assert_eq!(house.accounts.due_mail(10).await.unwrap().len(), 0);
}
