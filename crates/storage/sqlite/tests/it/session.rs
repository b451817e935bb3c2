//! Sessions: what is stored of them, and when they end.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::{AuditEvent, EmailAddress, Store};
use doorward_kit::{Timestamp, Token};
use tokio::task::JoinSet;

use crate::support::{House, PASSWORD, QUICK, caller, visitor};

const HOUR: Duration = Duration::from_secs(3600);

async fn sign_in(house: &House) -> String {
    house.sign_in("ann@example.org", PASSWORD).await.unwrap().token.reveal()
}

#[tokio::test]
async fn ses_06_a_stolen_database_holds_no_usable_cookie_value() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let signed_in = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    let value = signed_in.token.reveal();
    assert!(house.is_live(&value).await);
    house.accounts.flush().await;
    let raw = URL_SAFE_NO_PAD.decode(&value).unwrap();
    let hex: String = raw.iter().map(|octet| format!("{octet:02x}")).collect();
    let octets = house.octets_on_disk();
    let contains = |needle: &[u8]| octets.windows(needle.len()).any(|window| window == needle);
    assert!(
        !contains(value.as_bytes()) && !contains(&raw) && !contains(hex.as_bytes()) && !contains(hex.to_uppercase().as_bytes())
    );
    // The keyed digest is there and finds the row; an unkeyed hash would not.
    let digest = signed_in.active.session.digest;
    assert!(contains(&digest.0));
    assert!(house.store.find_session(&digest).await.unwrap().is_some());
    // The digest itself opens nothing.
    assert!(!house.is_live(&URL_SAFE_NO_PAD.encode(digest.0)).await);
}

#[tokio::test]
async fn what_is_not_shaped_like_a_cookie_of_ours_is_nobody() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let value = sign_in(&house).await;
    let shapes = [
        String::new(),
        " ".into(),
        format!("{value} "),
        format!("\"{value}\""),
        format!("{value}="),
        value.to_uppercase(),
        "x".repeat(5000),
    ];
    for bad in shapes {
        assert!(!house.is_live(&bad).await, "{bad:.60}");
    }
    assert!(house.is_live(&value).await);
}

#[tokio::test]
async fn an_idle_session_ends_at_the_instant_and_a_busy_one_goes_on() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let (idle, busy) = (sign_in(&house).await, sign_in(&house).await);
    for _ in 0..24 {
        assert!(house.is_live(&busy).await);
        house.clock.advance(HOUR);
    }
    assert!(!house.is_live(&idle).await);
    assert!(house.is_live(&busy).await);
    house.clock.advance(24 * HOUR - Duration::from_micros(1));
    assert!(house.is_live(&busy).await, "a microsecond before");
    house.clock.advance(24 * HOUR);
    assert!(!house.is_live(&busy).await);
}

#[tokio::test]
async fn a_session_ends_absolutely_however_busy_it_is() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let value = sign_in(&house).await;
    for _ in 0..7 * 24 - 1 {
        house.clock.advance(HOUR);
        assert!(house.is_live(&value).await);
    }
    house.clock.advance(HOUR);
    assert!(!house.is_live(&value).await);
    let ended = house.events(AuditEvent::SessionExpired).await;
    assert_eq!(ended.iter().map(|row| row.record.reason.as_deref()).collect::<Vec<_>>(), [Some("absolute_timeout")]);
}

#[tokio::test]
async fn a_clock_set_back_revives_nothing_even_after_a_restart() {
    let mut house = House::new().await;
    house.member("ann@example.org").await;
    let start = Timestamp::from_second(1_700_000_000).unwrap();
    let (seen, unseen) = (sign_in(&house).await, sign_in(&house).await);
    house.clock.advance(25 * HOUR);
    assert!(!house.is_live(&seen).await);
    house.clock.set(start);
    assert!(!house.is_live(&seen).await);
    assert!(!house.is_live(&unseen).await, "not even one that nobody asked for meanwhile");
    house.accounts.flush().await;
    house.restart(QUICK);
    assert!(!house.is_live(&seen).await && !house.is_live(&unseen).await);
}

#[tokio::test]
async fn the_last_request_is_remembered_over_a_restart_to_the_minute() {
    let mut house = House::new().await;
    house.member("ann@example.org").await;
    let value = sign_in(&house).await;
    house.clock.advance(23 * HOUR);
    assert!(house.is_live(&value).await);
    house.accounts.flush().await;
    house.restart(QUICK);
    house.clock.advance(23 * HOUR);
    assert!(house.is_live(&value).await);
}

#[tokio::test]
async fn a_busy_session_is_written_back_once_a_minute_at_most() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let signed_in = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    let (value, session) = (signed_in.token.reveal(), &signed_in.active.session);
    let written = async || {
        house.accounts.flush().await;
        house.store.find_session(&session.digest).await.unwrap().unwrap().0.last_seen_at
    };
    for _ in 0..59 {
        house.clock.advance(Duration::from_secs(1));
        assert!(house.is_live(&value).await);
    }
    assert_eq!(written().await, session.created_at);
    house.clock.advance(Duration::from_secs(1));
    assert!(house.is_live(&value).await);
    assert_eq!(written().await.duration_since(session.created_at).as_secs(), 60);
}

#[tokio::test]
async fn a_session_beyond_the_limit_ends_the_oldest_of_its_account_only() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    house.member("bob@example.org").await;
    let of_bob = house.sign_in("bob@example.org", PASSWORD).await.unwrap().token.reveal();
    let mut values = Vec::new();
    for _ in 0..21 {
        house.clock.advance(Duration::from_secs(1));
        values.push(sign_in(&house).await);
        assert!(house.is_live(&values[0]).await || values.len() == 21);
    }
    assert!(!house.is_live(&values[0]).await);
    for value in &values[1..] {
        assert!(house.is_live(value).await);
    }
    assert!(house.is_live(&of_bob).await);
}

#[tokio::test]
async fn signing_out_ends_the_session_at_once_and_a_second_time_is_no_error() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let value = sign_in(&house).await;
    let active = house.accounts.lookup_session(&value).await.unwrap().unwrap();
    let context = caller(1);
    for _ in 0..2 {
        house.accounts.sign_out(visitor(&context), &active).await.unwrap();
        assert!(!house.is_live(&value).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_look_up_that_races_a_sign_out_brings_the_session_back() {
    let house = Arc::new(House::new().await);
    house.member("ann@example.org").await;
    for _ in 0..50 {
        let value = sign_in(&house).await;
        let active = house.accounts.lookup_session(&value).await.unwrap().unwrap();
        let mut racers = JoinSet::new();
        for _ in 0..4 {
            let (house, value) = (Arc::clone(&house), value.clone());
            racers.spawn(async move { house.is_live(&value).await });
        }
        let context = caller(1);
        house.accounts.sign_out(visitor(&context), &active).await.unwrap();
        racers.join_all().await;
        assert!(!house.is_live(&value).await);
    }
}

#[tokio::test]
async fn disabling_an_account_ends_its_sessions_with_the_next_request() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    house.member("bob@example.org").await;
    let (first, second) = (sign_in(&house).await, sign_in(&house).await);
    let of_bob = house.sign_in("bob@example.org", PASSWORD).await.unwrap().token.reveal();
    assert!(house.is_live(&first).await && house.is_live(&second).await);
    let ann: EmailAddress = "ann@example.org".parse().unwrap();
    assert!(house.accounts.disable_user(&ann).await.unwrap());
    assert!(!house.is_live(&first).await && !house.is_live(&second).await);
    assert!(house.is_live(&of_bob).await);
    assert!(house.accounts.enable_user(&ann).await.unwrap());
    assert!(!house.is_live(&first).await, "enabling brings no session back");
    assert!(!house.accounts.disable_user(&"nobody@example.org".parse().unwrap()).await.unwrap());
}

#[tokio::test]
async fn a_revocation_by_another_process_is_seen_within_a_second() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let value = sign_in(&house).await;
    let active = house.accounts.lookup_session(&value).await.unwrap().unwrap();
    let mut tx = house.store.begin().await.unwrap();
    tx.sessions().revoke(active.session.id).await.unwrap();
    tx.commit().await.unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
    tokio::time::sleep_until(deadline).await;
    assert!(!house.is_live(&value).await);
}

#[tokio::test]
async fn sweeping_removes_what_has_ended_and_nothing_else() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let idle = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    house.clock.advance(20 * HOUR);
    let live = house.sign_in("ann@example.org", PASSWORD).await.unwrap();
    house.clock.advance(5 * HOUR);
    house.accounts.sweep().await.unwrap();
    assert!(house.store.find_session(&idle.active.session.digest).await.unwrap().is_none());
    assert!(house.store.find_session(&live.active.session.digest).await.unwrap().is_some());
}

#[tokio::test]
async fn a_session_keeps_a_short_and_harmless_user_agent() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let context = caller(1);
    let agent = format!("\u{1b}[2J\r\n{}", "ü".repeat(100_000));
    let mut visitor = visitor(&context);
    visitor.user_agent = Some(&agent);
    let signed_in =
        crate::support::whole(house.accounts.sign_in(visitor, crate::support::proof("ann@example.org", PASSWORD, None)).await)
            .unwrap();
    let kept = &signed_in.active.session.user_agent;
    assert!(kept.len() <= 512 && !kept.chars().any(char::is_control) && kept.ends_with('…'));
    assert!(Token::parse(&signed_in.token.reveal()).is_some());
}

#[tokio::test]
async fn however_many_requests_find_a_session_timed_out_it_ends_once() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let value = sign_in(&house).await;
    house.clock.advance(25 * HOUR);
    // While somebody else writes, the row cannot go.
    let writing = house.store.begin().await.unwrap();
    for _ in 0..20 {
        assert!(!house.is_live(&value).await);
    }
    drop(writing);
    assert_eq!(house.events(AuditEvent::SessionExpired).await.len(), 1);
}

#[tokio::test]
async fn a_session_begun_while_the_clock_was_years_ahead_is_not_live_for_years() {
    let mut house = House::new().await;
    house.member("ann@example.org").await;
    house.clock.advance(10 * 365 * 24 * HOUR);
    let value = sign_in(&house).await;
    assert!(house.is_live(&value).await);
    house.accounts.flush().await;
    house.clock.set(Timestamp::from_second(1_700_000_000).unwrap());
    house.restart(QUICK);
    assert!(!house.is_live(&value).await);
    let value = sign_in(&house).await;
    assert!(house.is_live(&value).await, "and whoever signs in again is signed in");
}
