//! Known devices.

use std::sync::Arc;

use super::sample;
use crate::store::{PageLimit, Store, StoreError};

/// A subject that has no failures.
const NOBODY: [u8; 32] = [0; 32];

/// Until the very instant of its end, and for its own account.
pub async fn a_device_names_its_account_until_it_ends(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, device) = (sample::user(1), sample::device(&sample::user(1), 1));
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.devices().add(&device, 10).await?;
    tx.commit().await?;
    for (instant, expected) in [(99, Some(owner.email.canonical.clone())), (100, None)] {
        let (failures, canonical) = store.find_hindrance(&NOBODY, &device.digest, sample::at(instant)).await?;
        assert!(failures.is_none());
        assert_eq!(canonical, expected, "at {instant}");
    }
    let (_, canonical) = store.find_hindrance(&NOBODY, &sample::digest(9, 1), sample::at(50)).await?;
    assert!(canonical.is_none(), "an unknown one names nobody");
    Ok(())
}

/// With everything that was written, newest first, to their account alone, which may forget each.
pub async fn devices_are_listed_and_forgotten_one_by_one(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.users().add(&other).await?;
    for (whose, number) in [(&owner, 1), (&owner, 3), (&other, 2)] {
        tx.devices().add(&sample::device(whose, number), 10).await?;
    }
    let (early, late) = (sample::device(&owner, 1), sample::device(&owner, 3));
    assert_eq!(tx.devices().list(owner.id).await?, [late.clone(), early.clone()]);
    assert!(!tx.devices().remove(other.id, late.id).await?, "another's");
    assert!(tx.devices().remove(owner.id, late.id).await?);
    assert!(!tx.devices().remove(owner.id, late.id).await?, "a second time there is nothing");
    assert_eq!(tx.devices().list(owner.id).await?, [early]);
    assert_eq!(tx.devices().list(other.id).await?, [sample::device(&other, 2)]);
    Ok(())
}

/// A stolen cookie is of no use to another account.
pub async fn a_device_is_renewed_for_its_own_account_only(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let device = sample::device(&owner, 1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.users().add(&other).await?;
    tx.devices().add(&device, 10).await?;
    assert!(!tx.devices().renew(other.id, &device.digest, sample::at(500)).await?);
    assert!(!tx.devices().renew(owner.id, &sample::digest(9, 1), sample::at(500)).await?);
    assert!(tx.devices().renew(owner.id, &device.digest, sample::at(500)).await?);
    tx.commit().await?;
    let (_, canonical) = store.find_hindrance(&NOBODY, &device.digest, sample::at(499)).await?;
    assert_eq!(canonical, Some(owner.email.canonical));
    Ok(())
}

/// Those that were added last, and none of another account's.
pub async fn of_an_accounts_devices_the_newest_stay(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.users().add(&other).await?;
    tx.devices().add(&sample::device(&other, 9), 3).await?;
    for number in [2, 1, 5, 3, 4] {
        tx.devices().add(&sample::device(&owner, number), 3).await?;
    }
    for number in 1..=5 {
        let digest = sample::device(&owner, number).digest;
        assert_eq!(tx.devices().renew(owner.id, &digest, sample::at(100)).await?, number >= 3, "device {number}");
    }
    assert_eq!(tx.devices().remove_all(owner.id).await?, 3);
    assert_eq!(tx.devices().remove_all(other.id).await?, 1);
    Ok(())
}

/// So many at a time, at the very instant of their end.
pub async fn ended_devices_are_swept_in_batches(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    for number in 1..=5 {
        let device = sample::device(&owner, number);
        tx.devices().add(&device, 10).await?;
        tx.devices().renew(owner.id, &device.digest, sample::at(i64::from(number))).await?;
    }
    for expected in [2, 1, 0] {
        assert_eq!(tx.devices().sweep(sample::at(3), PageLimit::new(2)).await?, expected);
    }
    assert_eq!(tx.devices().remove_all(owner.id).await?, 2);
    Ok(())
}
