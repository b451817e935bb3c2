//! The audit trail: loose entries, and what cannot be done to it.

use std::sync::Arc;

use doorward_domain::{AuditEntry, AuditEvent, Outcome};
use doorward_kit::{Clock as _, Timestamp};
use sqlx::Connection as _;

use crate::support::{House, PASSWORD, caller, visitor};

fn entry(house: &House, event: AuditEvent) -> AuditEntry {
    AuditEntry::of_house(event, Outcome::Denied, house.clock.now())
}

#[tokio::test]
async fn loose_entries_are_stored_in_the_order_they_were_told() {
    let house = House::new().await;
    for number in 0..500_i64 {
        let at = Timestamp::from_second(1_700_000_000 - number).unwrap();
        house.accounts.record(AuditEntry { at, ..entry(&house, AuditEvent::CsrfRejected) }.about(&number.to_string()));
    }
    let rows = house.audit().await;
    assert_eq!(rows.len(), 500);
    assert!(rows.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq && pair[0].record.at > pair[1].record.at));
}

#[tokio::test]
async fn what_the_queue_could_not_hold_is_counted_in_a_gap_entry() {
    let house = House::new().await;
    // Nothing is written while another unit of work holds the writer, and nobody waits for it.
    let holding = doorward_domain::Store::begin(&*house.store).await.unwrap();
    for number in 0..10_000 {
        house
            .accounts
            .record(AuditEntry { outcome: Outcome::Failure, ..entry(&house, AuditEvent::GateDenied) }.about(&number.to_string()));
    }
    drop(holding);
    house.accounts.flush().await;
    house.accounts.record(entry(&house, AuditEvent::Stopped));
    house.accounts.flush().await;
    let mut tx = doorward_domain::Store::begin(&*house.store).await.unwrap();
    let (mut after, mut stored, mut lost) = (0, 0, 0);
    loop {
        let rows = tx.audit().list("node-1", after, doorward_domain::store::PageLimit::new(1000)).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = last.seq;
        stored += rows.iter().filter(|row| row.record.event == AuditEvent::GateDenied).count();
        lost += rows.iter().filter(|row| row.record.event == AuditEvent::Gap).filter_map(|row| row.record.count).sum::<u64>();
    }
    assert!(lost > 0);
    assert_eq!(stored as u64 + lost, 10_000);
}

#[tokio::test]
async fn audit_rows_can_be_neither_changed_nor_removed() {
    let house = House::new().await;
    house.member("ann@example.org").await;
    let before = house.audit().await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(house.path());
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    for sql in [
        "UPDATE audit SET outcome = 'success'",
        "DELETE FROM audit",
        "UPDATE audit SET seq = seq + 1",
        "UPDATE audit_heads SET seq = seq - 1",
        "UPDATE audit_heads SET node = 'other'",
        "DELETE FROM audit_heads",
        "REPLACE INTO audit SELECT * FROM audit",
    ] {
        let outcome = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await;
        assert!(outcome.is_err(), "{sql}");
    }
    assert_eq!(house.audit().await, before);
}

#[tokio::test]
async fn what_a_stranger_sends_is_one_short_line() {
    let house = House::new().await;
    let context = caller(1);
    let agent = format!("a\r\n{{\"event\":\"auth.login\"}}\u{1b}[2J\u{202e}{}", "ü".repeat(1 << 20));
    let mut visitor = visitor(&context);
    visitor.user_agent = Some(&agent);
    let _ = house.accounts.sign_in(visitor, crate::support::proof("ann@example.org", PASSWORD, None)).await;
    let rows = house.events(AuditEvent::SignInFailed).await;
    let kept = rows[0].record.user_agent.as_deref().unwrap();
    assert!(kept.len() <= 512 && kept.ends_with('…') && !kept.chars().any(char::is_control));
    assert!(kept.starts_with(r#"a\u{d}\u{a}{"event":"auth.login"}\u{1b}[2J\u{202e}"#), "{kept:.80}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorder_never_waits_for_the_store() {
    let house = Arc::new(House::new().await);
    let holding = doorward_domain::Store::begin(&*house.store).await.unwrap();
    house.accounts.record(entry(&house, AuditEvent::GateDenied));
    assert_eq!(house.accounts.rules().node, "node-1");
    drop(holding);
    assert_eq!(house.events(AuditEvent::GateDenied).await.len(), 1);
}
