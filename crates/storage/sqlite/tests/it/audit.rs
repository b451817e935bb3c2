//! The audit trail: loose entries, and what cannot be done to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use doorward_domain::audit::{AuditRecord, ChainFault, MetaKey};
use doorward_domain::throttle::Failures;
use doorward_domain::{AuditEntry, AuditEvent, Outcome, Session, Store, StoreError, Tx, User};
use doorward_kit::{Clock as _, Timestamp, TokenDigest};
use sqlx::Connection as _;

use crate::support::{House, PASSWORD, caller, visitor};
use crate::tamper::tamper;

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

/// A house with twenty entries.
async fn with_entries() -> House {
    let house = House::new().await;
    for number in 0..20 {
        house.accounts.record(entry(&house, AuditEvent::CsrfRejected).about(&number.to_string()));
    }
    house.accounts.flush().await;
    house
}

#[tokio::test]
async fn aud_07_what_was_done_to_a_chain_is_named_with_its_place() {
    for (sql, place) in [
        ("SELECT 1", None),
        ("UPDATE audit SET outcome = 'success' WHERE seq = 7", Some((7, ChainFault::Altered))),
        ("UPDATE audit SET meta = NULL, ts = ts + 1 WHERE seq = 20", Some((20, ChainFault::Altered))),
        ("DELETE FROM audit WHERE seq = 7", Some((7, ChainFault::Missing))),
        ("DELETE FROM audit WHERE seq = 1", Some((1, ChainFault::Missing))),
        ("DELETE FROM audit WHERE seq = 20", Some((20, ChainFault::Truncated))),
        ("DELETE FROM audit WHERE seq > 4", Some((5, ChainFault::Truncated))),
        ("DELETE FROM audit", Some((1, ChainFault::Truncated))),
        (
            "UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 99",
            Some((3, ChainFault::Altered)),
        ),
        (
            "UPDATE audit SET seq = -seq WHERE seq > 7; UPDATE audit SET seq = 1 - seq WHERE seq < 0; \
             CREATE TEMP TABLE copy AS SELECT * FROM audit WHERE seq = 7; UPDATE copy SET seq = 8; INSERT INTO audit SELECT * FROM copy",
            Some((8, ChainFault::Altered)),
        ),
        (
            "CREATE TEMP TABLE copy AS SELECT * FROM audit WHERE seq = 20; UPDATE copy SET seq = 21; INSERT INTO audit SELECT * FROM copy",
            Some((21, ChainFault::Altered)),
        ),
        (
            "DELETE FROM audit WHERE seq > 10; UPDATE audit_heads SET seq = 10, hash = (SELECT hash FROM audit WHERE seq = 10)",
            Some((10, ChainFault::HeadAltered)),
        ),
        ("UPDATE audit_heads SET floor_seq = 20, floor_hash = hash; DELETE FROM audit", Some((20, ChainFault::HeadAltered))),
        ("DELETE FROM audit_heads", Some((1, ChainFault::BeyondHead))),
    ] {
        let house = with_entries().await;
        tamper(&house, sql).await;
        assert_eq!(house.accounts.audit_heads().await.unwrap().len(), 1, "{sql}");
        let found = house.accounts.verify_audit("node-1", &[], |_| {}).await.unwrap();
        assert_eq!(found.err().map(|broken| (broken.seq, broken.fault)), place, "{sql}");
    }
}

#[tokio::test]
async fn aud_07_an_anchor_finds_a_chain_that_was_taken_back_whole() {
    let house = with_entries().await;
    let old = std::fs::read(house.path()).unwrap();
    let log = house.path().with_extension("db-wal");
    let old_log = std::fs::read(&log).unwrap();
    house.accounts.record(entry(&house, AuditEvent::Started));
    house.accounts.flush().await;
    let anchors = house.accounts.audit_anchors().await.unwrap();
    assert_eq!(house.accounts.verify_audit("node-1", &anchors, |_| {}).await.unwrap(), Ok(21));
    house.store.close().await;
    let copy = tempfile::tempdir().unwrap();
    std::fs::write(copy.path().join("doorward.db"), old).unwrap();
    std::fs::write(copy.path().join("doorward.db-wal"), old_log).unwrap();
    let store = doorward_storage_sqlite::SqliteStore::open(&copy.path().join("doorward.db")).await.unwrap();
    let accounts = crate::support::over(&Arc::new(store), &house);
    assert_eq!(accounts.verify_audit("node-1", &[], |_| {}).await.unwrap(), Ok(20), "the old file holds by itself");
    let broken = accounts.verify_audit("node-1", &anchors, |_| {}).await.unwrap().unwrap_err();
    assert_eq!((broken.seq, broken.fault), (21, ChainFault::AnchorContradicts));
}

#[tokio::test]
async fn a_pruned_chain_holds_from_its_floor_and_says_that_it_was_pruned() {
    let house = with_entries().await;
    house.clock.advance(Duration::from_secs(400 * 86_400));
    house.accounts.record(entry(&house, AuditEvent::Started));
    house.accounts.flush().await;
    assert_eq!(house.accounts.prune_audit(house.clock.now() - Duration::from_secs(86_400), 15).await.unwrap(), 15);
    assert_eq!(house.accounts.prune_audit(house.clock.now() - Duration::from_secs(86_400), u64::MAX).await.unwrap(), 5);
    assert_eq!(house.accounts.verify_audit("node-1", &[], |_| {}).await.unwrap(), Ok(3));
    let told: Vec<_> = house.events(AuditEvent::TrailPruned).await.into_iter().map(|row| row.record.meta).collect();
    let range = |from: u64, to: u64| vec![(MetaKey::FromSeq, from.to_string()), (MetaKey::ToSeq, to.to_string())];
    assert_eq!(told, [range(1, 15), range(16, 20)]);
}

#[tokio::test]
async fn aud_14_a_clock_that_steps_back_changes_no_order_and_is_marked() {
    let house = House::new().await;
    let start = house.clock.now();
    for number in 0..30_i64 {
        house.clock.set(start + Duration::from_secs(60 * number.unsigned_abs()));
        if (10..20).contains(&number) {
            house.clock.set(start + Duration::from_secs(60 * number.unsigned_abs()) - Duration::from_secs(3600));
        }
        house.accounts.record(entry(&house, AuditEvent::CsrfRejected).about(&number.to_string()));
        let _ = house.sign_in("nobody@example.org", PASSWORD).await;
        house.accounts.flush().await;
    }
    let rows = house.audit().await;
    assert!(rows.windows(2).all(|pair| pair[0].seq + 1 == pair[1].seq), "strictly increasing");
    let told: Vec<_> = rows.iter().filter(|row| row.record.event == AuditEvent::CsrfRejected).collect();
    assert_eq!(
        told.iter().filter_map(|row| row.record.subject_hash.clone()).collect::<Vec<_>>(),
        (0..30).map(|n| n.to_string()).collect::<Vec<_>>()
    );
    for (number, row) in told.iter().enumerate() {
        let latest_before = if number < 10 { 0 } else { 9 };
        let behind = (10..20).contains(&number).then(|| 3_600_000 - 60_000 * (number as u64 - latest_before));
        assert_eq!(row.behind_ms, behind, "entry {number}");
    }
    assert_eq!(house.accounts.verify_audit("node-1", &[], |_| {}).await.unwrap().unwrap(), rows.len() as u64);
}

#[tokio::test]
async fn aud_15_a_flood_is_a_few_rows_that_count_right_and_hide_nobody() {
    let house = House::new().await;
    let denied = |host: u8, reason: &'static str| {
        let context = caller(host);
        AuditEntry::of_visitor(visitor(&context), AuditEvent::GateDenied, Outcome::Denied, house.clock.now()).because(reason)
    };
    for number in 0..100_000_u32 {
        house.accounts.record(denied(1, "ip"));
        if number % 1000 == 0 {
            house.accounts.record(denied(2, "ip"));
        }
        if number % 50_000 == 7 {
            house.accounts.record(denied(1, "bad_credentials"));
            house.accounts.record(denied(3, "ip"));
        }
    }
    let rows = house.events(AuditEvent::GateDenied).await;
    assert!(rows.len() < 50, "{} rows", rows.len());
    let count = |host: u8, reason: &str| -> u64 {
        let from = Some(caller(host).client.ip());
        let fits = |record: &&AuditRecord| record.client_ip == from && record.reason.as_deref() == Some(reason);
        rows.iter().map(|row| &row.record).filter(fits).map(|record| record.count.unwrap_or(1)).sum()
    };
    assert_eq!([count(1, "ip"), count(2, "ip"), count(3, "ip"), count(1, "bad_credentials")], [100_000, 100, 2, 2]);
    assert!(house.events(AuditEvent::Gap).await.is_empty());
}

/// A store whose first units of work end in a panic.
struct Panicking {
    store: Arc<doorward_storage_sqlite::SqliteStore>,
    left: std::sync::atomic::AtomicU32,
}

#[async_trait::async_trait]
impl Store for Panicking {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "a panic below the writer");
        self.store.begin().await
    }

    fn vault(&self) -> Option<&dyn doorward_domain::store::Vault> {
        None
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    async fn find_session(&self, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError> {
        self.store.find_session(digest).await
    }

    async fn find_sessions(&self, ids: &[doorward_kit::SessionId]) -> Result<Vec<(Session, User)>, StoreError> {
        self.store.find_sessions(ids).await
    }

    async fn find_gate_pass(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(doorward_domain::gate_pass::GatePass, Session, User)>, StoreError> {
        self.store.find_gate_pass(digest).await
    }

    async fn find_user_by_email(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        self.store.find_user_by_email(canonical).await
    }

    async fn find_hindrance(
        &self,
        subject: &[u8; 32],
        device: &TokenDigest,
        now: Timestamp,
    ) -> Result<(Option<Failures>, Option<String>), StoreError> {
        self.store.find_hindrance(subject, device, now).await
    }
}

#[tokio::test]
async fn the_writer_survives_a_panic_and_counts_what_it_cost() {
    let house = House::new().await;
    let store = Panicking { store: Arc::clone(&house.store), left: 1.into() };
    let accounts = crate::support::over(&Arc::new(store), &house);
    for number in 0..3 {
        accounts.record(entry(&house, AuditEvent::GateDenied).about(&number.to_string()));
    }
    accounts.flush().await;
    accounts.record(entry(&house, AuditEvent::Started));
    accounts.flush().await;
    let rows = house.audit().await;
    let told: Vec<_> = rows.iter().map(|row| (row.record.event, row.record.count)).collect();
    assert_eq!(told, [(AuditEvent::Started, None), (AuditEvent::Gap, Some(3))]);
}
