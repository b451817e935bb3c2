//! Consecutive failures.

use std::sync::Arc;

use super::{RACERS, race, sample};
use crate::store::{PageLimit, Store, StoreError};

const ANN: [u8; 32] = [1; 32];
const BOB: [u8; 32] = [2; 32];

/// Of that subject alone; the time of the last one never moves back.
pub async fn failures_are_counted_until_they_are_forgotten(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (second, count) in [(10, 1), (30, 2), (20, 3)] {
        assert_eq!(tx.failures().add(&ANN, sample::at(second)).await?, count);
    }
    assert_eq!(tx.failures().add(&BOB, sample::at(5)).await?, 1);
    let read = tx.failures().lookup(&ANN).await?.map(|failures| (failures.count, failures.last_at));
    assert_eq!(read, Some((3, sample::at(30))));
    tx.commit().await?;
    let (failures, canonical) = store.find_hindrance(&ANN, &sample::digest(9, 9), sample::at(0)).await?;
    assert_eq!(failures.map(|failures| (failures.count, failures.last_at)), Some((3, sample::at(30))));
    assert!(canonical.is_none());
    let mut tx = store.begin().await?;
    assert_eq!(tx.failures().clear(&ANN).await?, 3);
    assert_eq!(tx.failures().clear(&ANN).await?, 0);
    assert!(tx.failures().lookup(&ANN).await?.is_none());
    assert_eq!(tx.failures().lookup(&BOB).await?.map(|failures| failures.count), Some(1));
    Ok(())
}

/// None is lost, and no two are told the same count.
pub async fn failures_that_race_are_all_counted(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let count = tx.failures().add(&ANN, sample::at(1)).await?;
            tx.commit().await?;
            Ok(count)
        }
    };
    assert_eq!(race(deed, Result::is_ok).await, RACERS);
    let mut tx = store.begin().await?;
    assert_eq!(tx.failures().clear(&ANN).await?, u32::try_from(RACERS).unwrap_or(u32::MAX));
    Ok(())
}

/// So many at a time, at the very instant.
pub async fn old_failures_are_swept_in_batches(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in 0..6_u8 {
        tx.failures().add(&[number; 32], sample::at(i64::from(number))).await?;
    }
    for expected in [2, 2, 0] {
        assert_eq!(tx.failures().sweep(sample::at(3), PageLimit::new(2)).await?, expected);
    }
    for number in 0..6_u8 {
        assert_eq!(tx.failures().lookup(&[number; 32]).await?.is_some(), number > 3, "subject {number}");
    }
    Ok(())
}
