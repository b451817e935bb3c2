//! The audit trail: chains of rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{MasterKey, UserId};

use super::{RACERS, race, sample};
use crate::audit::{AuditEvent, AuditRecord, AuditRow, ChainKeys, Outcome, Reached, append};
use crate::store::{AuditFilter, PageLimit, Store, StoreError};

/// The key of these checks.
#[must_use]
#[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "32 octets are enough")]
pub fn keys() -> ChainKeys {
    MasterKey::new(&[7; 32]).map(|master| ChainKeys::new(&master)).expect("a key of 32 octets")
}

async fn write(store: &dyn Store, node: &str, records: Vec<AuditRecord>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    let records = records.into_iter().map(|record| AuditRecord { node: node.to_owned(), ..record }).collect();
    let _moved = append(&mut *tx, (&keys(), &Reached::default()), node, records).await?;
    tx.commit().await
}

async fn chain(store: &dyn Store, node: &str) -> Result<Vec<AuditRow>, StoreError> {
    let mut tx = store.begin().await?;
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row: &AuditRow| row.seq);
        let page = tx.audit().list(node, after, PageLimit::new(7)).await?;
        if page.is_empty() {
            return Ok(rows);
        }
        rows.extend(page);
    }
}

/// The sequence only grows, though each entry's clock shows an earlier time than the one before, and no number is missing.
pub async fn entries_keep_their_order_whatever_the_clock_said(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let racing = Arc::clone(&store);
    let deed = move |number| {
        let store = Arc::clone(&racing);
        async move { write(&*store, "node-1", vec![sample::record(u32::try_from(number).unwrap_or(u32::MAX))]).await }
    };
    assert_eq!(race(deed, Result::is_ok).await, RACERS);
    let seen: Vec<_> = chain(&*store, "node-1").await?.iter().map(|row| row.seq).collect();
    assert_eq!(seen, (1..=RACERS as u64).collect::<Vec<_>>(), "strictly one after another");
    Ok(())
}

/// Nothing is lost, swapped or rounded.
pub async fn an_entry_reads_back_as_it_was_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let full = sample::record(3);
    let sparse = AuditRecord {
        actor: None,
        subject_hash: None,
        client_ip: None,
        peer_ip: None,
        client_prefix: None,
        user_agent: None,
        request_id: None,
        method: None,
        route: None,
        host: None,
        session: None,
        reason: None,
        count: None,
        meta: Vec::new(),
        truncated: Vec::new(),
        ..sample::record(40)
    };
    write(&*store, "node-1", vec![full.clone(), sparse.clone()]).await?;
    let rows = chain(&*store, "node-1").await?;
    assert_eq!(rows.iter().map(|row| row.record.clone()).collect::<Vec<_>>(), [full, sparse]);
    assert_eq!(rows.iter().map(|row| row.behind_ms).collect::<Vec<_>>(), [None, Some(37_000)]);
    assert_eq!(rows[1].prev_hash, rows[0].hash);
    assert!(rows.iter().all(|row| row.is_intact(&keys()) == Some(true)), "what was stored gives the same hash");
    Ok(())
}

/// Several hundred rows of one unit of work arrive in their order.
pub async fn many_entries_at_once_keep_their_order(store: Arc<dyn Store>) -> Result<(), StoreError> {
    for round in 0..3 {
        write(&*store, "node-1", (0..211).map(|number| sample::record(round * 1000 + number)).collect()).await?;
    }
    let rows = chain(&*store, "node-1").await?;
    let counts: Vec<_> = rows.iter().filter_map(|row| row.record.count).collect();
    let expected: Vec<_> = (0..3).flat_map(|round| (0..211).map(move |number| round * 1000 + number)).collect();
    assert_eq!(counts, expected);
    let mut tx = store.begin().await?;
    let head = tx.audit().lock_head("node-1").await?;
    let last = rows.last().map(|row| (row.seq, row.hash));
    assert_eq!(Some((head.seq, head.hash)), last);
    assert!(keys().is_sealed(&head));
    Ok(())
}

/// Each node has a chain of its own, and units of work of several nodes do not disturb each other.
pub async fn every_node_has_a_chain_of_its_own(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let racing = Arc::clone(&store);
    let deed = move |number: usize| {
        let store = Arc::clone(&racing);
        async move {
            write(&*store, if number.is_multiple_of(2) { "even" } else { "odd" }, vec![sample::record(1), sample::record(2)])
                .await
        }
    };
    assert_eq!(race(deed, Result::is_ok).await, RACERS);
    let mut tx = store.begin().await?;
    let heads: BTreeMap<_, _> = tx.audit().heads().await?.into_iter().map(|head| (head.node.clone(), head.seq)).collect();
    drop(tx);
    assert_eq!(heads, BTreeMap::from([("even".to_owned(), RACERS as u64), ("odd".to_owned(), RACERS as u64)]));
    assert_eq!(chain(&*store, "odd").await?.len(), RACERS);
    Ok(())
}

/// Newest first, page by page, only what fits.
pub async fn entries_are_found_by_what_they_say(store: Arc<dyn Store>) -> Result<(), StoreError> {
    for node in ["a", "b"] {
        write(&*store, node, (1..=10).map(sample::record).collect()).await?;
    }
    let odd =
        AuditRecord { event: AuditEvent::SignUp, outcome: Outcome::Success, actor: None, client_ip: None, ..sample::record(5) };
    write(&*store, "a", vec![odd]).await?;
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let mut tx = store.begin().await?;
        let page = tx.audit().search(&AuditFilter::default(), before.as_ref(), PageLimit::new(4)).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.cursor());
        found.extend(page);
    }
    assert_eq!(found.len(), 21);
    assert!(found.windows(2).all(|pair| (pair[0].record.at, &pair[0].record.node) >= (pair[1].record.at, &pair[1].record.node)));
    let count = async |filter: AuditFilter| {
        let mut tx = store.begin().await?;
        Ok::<_, StoreError>(tx.audit().search(&filter, None, PageLimit::new(100)).await?.len())
    };
    let all = AuditFilter::default;
    assert_eq!(count(AuditFilter { event: Some(AuditEvent::SignUp), ..all() }).await?, 1);
    assert_eq!(count(AuditFilter { outcome: Some(Outcome::Failure), ..all() }).await?, 20);
    assert_eq!(count(AuditFilter { client_ip: sample::record(1).client_ip, ..all() }).await?, 20);
    assert_eq!(count(AuditFilter { actor: sample::record(3).actor, ..all() }).await?, 2);
    assert_eq!(count(AuditFilter::of_actor(UserId::from_bytes([0; 16]))).await?, 0);
    let about = |digests: &[&str]| AuditFilter { subjects: digests.iter().map(ToString::to_string).collect(), ..all() };
    assert_eq!(count(about(&["0123abcd"])).await?, 21);
    assert_eq!(count(about(&["", "x' OR '1'='1", "0123abcd"])).await?, 21);
    assert_eq!(count(about(&["", "x' OR '1'='1"])).await?, 0);
    assert_eq!(count(AuditFilter { since: Some(sample::at(-4)), until: Some(sample::at(-3)), ..all() }).await?, 4);
    Ok(())
}

/// Old rows go, up to where the first younger one stands; the floor is kept, and what is left still hangs together.
pub async fn pruning_leaves_a_floor(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let records = [9, 8, 1, 7, 6].map(sample::record).to_vec();
    write(&*store, "node-1", records).await?;
    let before = sample::at(0) - Duration::from_secs(5);
    let mut tx = store.begin().await?;
    assert_eq!(tx.audit().prunable("node-1", before, 1).await?.map(|(seq, _)| seq), Some(1), "no further than asked for");
    let Some((seq, hash)) = tx.audit().prunable("node-1", before, 100).await? else { return Err(StoreError::Conflict) };
    assert_eq!(seq, 2, "no hole before the younger third");
    let mut head = tx.audit().lock_head("node-1").await?;
    keys().raise_floor(&mut head, seq, hash);
    assert_eq!(tx.audit().prune(&head).await?, 2);
    tx.commit().await?;
    let rows = chain(&*store, "node-1").await?;
    assert_eq!(rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(rows[0].prev_hash, hash);
    let mut tx = store.begin().await?;
    assert_eq!(tx.audit().prunable("node-1", before, 100).await?, None);
    let head = tx.audit().lock_head("node-1").await?;
    assert!(keys().is_sealed(&head) && (head.floor_seq, head.floor_hash) == (2, hash));
    Ok(())
}
