//! Mail that waits.

use std::sync::Arc;

use super::{race, sample};
use crate::store::{Delivery, PageLimit, Store, StoreError};

async fn add(store: &Arc<dyn Store>, numbers: &[u32], delivery: Delivery) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in numbers {
        tx.outbox().add(&sample::mail(*number), delivery).await?;
    }
    tx.commit().await
}

/// Oldest first, whole, and counted as an attempt.
pub async fn a_claimed_mail_is_not_due_again_before_its_lease_ends(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2, 3], Delivery::Due).await?;
    let mut tx = store.begin().await?;
    assert!(tx.outbox().claim(sample::at(0), sample::at(50), 10).await?.is_empty(), "nothing is due before it was queued");
    let first = tx.outbox().claim(sample::at(10), sample::at(50), 2).await?;
    let written = sample::mail(1);
    assert_eq!(first.iter().map(|mail| mail.id).collect::<Vec<_>>(), [written.id, sample::mail(2).id]);
    let read = &first[0];
    assert!(read.to == written.to && read.subject == written.subject && read.body == written.body && read.attempts == 1);
    assert_eq!(read.queued_at, written.queued_at);
    assert_eq!(tx.outbox().claim(sample::at(10), sample::at(50), 10).await?.len(), 1);
    assert!(tx.outbox().claim(sample::at(49), sample::at(90), 10).await?.is_empty());
    let again = tx.outbox().claim(sample::at(50), sample::at(90), 10).await?;
    assert_eq!(again.iter().map(|mail| mail.attempts).collect::<Vec<_>>(), [2, 2, 2]);
    Ok(())
}

/// Many nodes, one mail.
pub async fn one_mail_is_claimed_by_one_of_many_senders(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1], Delivery::Due).await?;
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let claimed = tx.outbox().claim(sample::at(10), sample::at(50), 5).await?;
            tx.commit().await?;
            Ok(claimed)
        }
    };
    assert_eq!(race(deed, |outcome| outcome.as_ref().is_ok_and(|claimed| !claimed.is_empty())).await, 1);
    Ok(())
}

/// Marked once, and neither claimed, deferred nor counted afterwards.
pub async fn a_sent_mail_keeps_no_body_and_never_comes_back(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1], Delivery::Due).await?;
    let id = sample::mail(1).id;
    let mut tx = store.begin().await?;
    assert!(tx.outbox().mark_sent(id, sample::at(20)).await?);
    assert!(!tx.outbox().mark_sent(id, sample::at(21)).await?);
    assert!(!tx.outbox().defer(id, sample::at(30), "busy").await?);
    assert_eq!(tx.outbox().attempts(id).await?, None);
    assert!(tx.outbox().claim(sample::at(10_000), sample::at(10_001), 5).await?.is_empty());
    Ok(())
}

/// It is a row, and nothing more.
pub async fn a_withheld_mail_is_never_due(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1], Delivery::Withheld).await?;
    let mut tx = store.begin().await?;
    assert!(tx.outbox().claim(sample::at(10_000), sample::at(10_001), 5).await?.is_empty());
    assert!(!tx.outbox().defer(sample::mail(1).id, sample::at(30), "busy").await?);
    assert_eq!(tx.outbox().sweep(sample::at(1), sample::at(0), PageLimit::new(10)).await?, 1);
    Ok(())
}

/// The back-off is kept, not cut short by the lease.
pub async fn a_deferred_mail_is_due_again_later(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1], Delivery::Due).await?;
    let id = sample::mail(1).id;
    let mut tx = store.begin().await?;
    assert_eq!(tx.outbox().claim(sample::at(10), sample::at(20), 5).await?.len(), 1);
    assert_eq!(tx.outbox().attempts(id).await?, Some(1));
    assert!(tx.outbox().defer(id, sample::at(40), "busy").await?);
    assert!(tx.outbox().claim(sample::at(39), sample::at(60), 5).await?.is_empty());
    assert_eq!(tx.outbox().claim(sample::at(40), sample::at(60), 5).await?.len(), 1);
    Ok(())
}

/// Sent or not.
pub async fn old_mail_is_swept(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2, 3], Delivery::Due).await?;
    let mut tx = store.begin().await?;
    tx.outbox().mark_sent(sample::mail(1).id, sample::at(2)).await?;
    assert_eq!(tx.outbox().sweep(sample::at(2), sample::at(2), PageLimit::new(10)).await?, 2);
    assert_eq!(tx.outbox().claim(sample::at(10), sample::at(20), 5).await?.len(), 1);
    Ok(())
}
