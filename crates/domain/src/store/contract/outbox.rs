//! Mail that waits.

use std::sync::Arc;

use super::{race, sample};
use crate::store::{Delivery, MailFilter, MailState, PageLimit, Store, StoreError};

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

/// Waiting, withheld or sent; nobody else's.
pub async fn every_mail_to_an_address_can_be_removed(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2], Delivery::Due).await?;
    let mut tx = store.begin().await?;
    let withheld = crate::outbox::SealedMail { to: sample::mail(1).to, ..sample::mail(3) };
    tx.outbox().add(&withheld, Delivery::Withheld).await?;
    assert_eq!(tx.outbox().remove_all(&sample::mail(1).to).await?, 2);
    assert_eq!(tx.outbox().remove_all(&sample::mail(1).to).await?, 0);
    let left = tx.outbox().list(MailFilter::default(), PageLimit::new(10)).await?;
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), [sample::mail(2).id]);
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

/// It waits no longer, keeps its sealed body for whoever has it tried again, and is then due as if it were new.
pub async fn a_dead_mail_waits_no_longer_until_it_is_retried(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2], Delivery::Due).await?;
    let id = sample::mail(1).id;
    let mut tx = store.begin().await?;
    assert_eq!(tx.outbox().count_waiting().await?, 2);
    assert!(!tx.outbox().retry(id, sample::at(20)).await?, "it is not dead");
    assert_eq!(tx.outbox().claim(sample::at(10), sample::at(20), 1).await?.len(), 1);
    assert!(tx.outbox().bury(id, sample::at(15), "recipient 550").await?);
    assert!(!tx.outbox().bury(id, sample::at(16), "again").await?, "it waits no longer");
    assert!(!tx.outbox().mark_sent(id, sample::at(16)).await?);
    assert_eq!((tx.outbox().count_waiting().await?, tx.outbox().attempts(id).await?), (1, None));
    let row = tx.outbox().lookup(id).await?.ok_or(StoreError::Conflict)?;
    assert_eq!((row.state, row.attempts, row.next_at, row.sent_at), (MailState::Dead, 1, None, None));
    assert_eq!(row.last_error.as_deref(), Some("recipient 550"));
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert!(tx.outbox().retry(id, sample::at(30)).await?);
    assert!(!tx.outbox().retry(id, sample::at(31)).await?);
    let row = tx.outbox().lookup(id).await?.ok_or(StoreError::Conflict)?;
    assert_eq!((row.state, row.attempts, row.next_at), (MailState::Waiting, 0, Some(sample::at(30))));
    let due = tx.outbox().claim(sample::at(30), sample::at(50), 10).await?;
    let again = due.iter().find(|mail| mail.id == id).ok_or(StoreError::Conflict)?;
    assert!(again.body == sample::mail(1).body && again.attempts == 1);
    Ok(())
}

/// By what became of them, newest first, page by page; one by its name.
pub async fn mail_is_listed_by_what_became_of_it(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2, 3, 4], Delivery::Due).await?;
    add(&store, &[5], Delivery::Withheld).await?;
    let mut tx = store.begin().await?;
    tx.outbox().mark_sent(sample::mail(2).id, sample::at(20)).await?;
    tx.outbox().bury(sample::mail(3).id, sample::at(20), "refused").await?;
    let states = [
        (None, vec![5, 4, 3, 2, 1]),
        (Some(MailState::Waiting), vec![4, 1]),
        (Some(MailState::Sent), vec![2]),
        (Some(MailState::Dead), vec![3]),
        (Some(MailState::Withheld), vec![5]),
    ];
    for (state, expected) in states {
        let rows = tx.outbox().list(MailFilter { state, before: None }, PageLimit::new(10)).await?;
        let expected: Vec<_> = expected.into_iter().map(|number| sample::mail(number).id).collect();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected, "{state:?}");
        assert!(rows.iter().all(|row| state.is_none_or(|state| row.state == state)));
    }
    let before = Some(sample::mail(4).id);
    let page = tx.outbox().list(MailFilter { state: None, before }, PageLimit::new(2)).await?;
    assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [sample::mail(3).id, sample::mail(2).id]);
    let row = tx.outbox().lookup(sample::mail(2).id).await?.ok_or(StoreError::Conflict)?;
    let written = sample::mail(2);
    assert_eq!(
        (row.kind, row.to, row.queued_at, row.sent_at),
        (written.kind, written.to, written.queued_at, Some(sample::at(20)))
    );
    assert!(tx.outbox().lookup(sample::mail(9).id).await?.is_none());
    Ok(())
}

/// What waits or can be retried is kept longer than what is settled; so many go at a time.
pub async fn settled_mail_is_swept_first_and_in_batches(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2, 3, 4, 5], Delivery::Due).await?;
    let mut tx = store.begin().await?;
    for number in [1, 3, 4] {
        tx.outbox().mark_sent(sample::mail(number).id, sample::at(20)).await?;
    }
    tx.outbox().bury(sample::mail(2).id, sample::at(20), "refused").await?;
    for expected in [2, 1, 0] {
        assert_eq!(tx.outbox().sweep(sample::at(5), sample::at(0), PageLimit::new(2)).await?, expected);
    }
    assert_eq!(tx.outbox().lookup(sample::mail(2).id).await?.map(|row| row.state), Some(MailState::Dead));
    assert_eq!(tx.outbox().sweep(sample::at(5), sample::at(2), PageLimit::new(2)).await?, 1);
    assert_eq!(tx.outbox().count_waiting().await?, 1);
    Ok(())
}
