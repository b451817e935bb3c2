//! The audit trail.

use std::sync::Arc;

use super::{RACERS, race, sample};
use crate::audit::AuditRecord;
use crate::store::{PageLimit, Store, StoreError};

/// The sequence only grows, though each entry's clock shows an earlier time than the one before, and no number is missing.
pub async fn entries_keep_their_order_whatever_the_clock_said(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let racing = Arc::clone(&store);
    let deed = move |number| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            tx.audit().add(&sample::record(u32::try_from(number).unwrap_or(u32::MAX))).await?;
            tx.commit().await
        }
    };
    assert_eq!(race(deed, Result::is_ok).await, RACERS);
    let mut tx = store.begin().await?;
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let rows = tx.audit().list(after, PageLimit::new(7)).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        seen.extend(rows.iter().map(|row| row.seq));
    }
    assert_eq!(seen.len(), RACERS);
    assert!(seen.windows(2).all(|pair| pair[0] + 1 == pair[1]), "strictly one after another");
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
        ..sample::record(4)
    };
    let mut tx = store.begin().await?;
    tx.audit().add(&full).await?;
    tx.audit().add(&sparse).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let read: Vec<_> = tx.audit().list(0, PageLimit::new(10)).await?.into_iter().map(|row| row.record).collect();
    assert_eq!(read, [full, sparse]);
    Ok(())
}
