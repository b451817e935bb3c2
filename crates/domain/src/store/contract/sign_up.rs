//! Pending sign-ups.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{RACERS, race, sample};
use crate::store::{PageLimit, Store, StoreError};
use crate::verification::PendingSignUp;

/// Nothing is lost, swapped or rounded.
pub async fn a_pending_sign_up_reads_back_as_it_was_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let written = sample::sign_up(1);
    add(&store, &[1]).await?;
    let mut tx = store.begin().await?;
    let only = tx.sign_ups().find_only(&written.email.canonical, sample::at(99)).await?;
    assert!(only.is_some_and(|read| same(&read, &written)));
    let consumed = tx.sign_ups().consume(&written.digest, sample::at(99)).await?;
    assert!(consumed.is_some_and(|read| same(&read, &written)));
    Ok(())
}

fn same(left: &PendingSignUp, right: &PendingSignUp) -> bool {
    left.id == right.id
        && left.email == right.email
        && left.display_name == right.display_name
        && left.password_hash == right.password_hash
        && left.digest == right.digest
        && left.created_at == right.created_at
        && left.expires_at == right.expires_at
}

async fn add(store: &Arc<dyn Store>, numbers: &[u32]) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in numbers {
        tx.sign_ups().add(&sample::sign_up(*number)).await?;
    }
    tx.commit().await
}

/// Check and removal are one (EMAIL-05).
pub async fn a_token_is_consumed_exactly_once_however_many_race_for_it(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2]).await?;
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let consumed = tx.sign_ups().consume(&sample::digest(3, 1), sample::at(50)).await?;
            tx.commit().await?;
            Ok(consumed)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(Some(_)))).await, 1);
    let mut tx = store.begin().await?;
    assert!(tx.sign_ups().consume(&sample::digest(3, 2), sample::at(50)).await?.is_some(), "the other token is untouched");
    Ok(())
}

/// From the very instant of its end.
pub async fn an_expired_token_is_not_consumed(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1]).await?;
    let mut tx = store.begin().await?;
    assert!(tx.sign_ups().consume(&sample::digest(3, 1), sample::at(100)).await?.is_none());
    assert!(tx.sign_ups().find_only("person.0@example.org", sample::at(100)).await?.is_none());
    assert!(tx.sign_ups().consume(&sample::digest(3, 1), sample::at(99)).await?.is_some());
    Ok(())
}

/// The old token is worthless, the new one has the new end.
pub async fn a_rotated_token_replaces_the_old_one(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1]).await?;
    let mut tx = store.begin().await?;
    assert!(tx.sign_ups().rotate(sample::sign_up(1).id, &sample::digest(8, 8), sample::at(200)).await?);
    assert!(!tx.sign_ups().rotate(sample::sign_up(2).id, &sample::digest(8, 9), sample::at(200)).await?);
    assert!(tx.sign_ups().consume(&sample::digest(3, 1), sample::at(50)).await?.is_none());
    assert!(tx.sign_ups().consume(&sample::digest(8, 8), sample::at(150)).await?.is_some());
    Ok(())
}

/// Two are none: which of them is meant cannot be told. One that has expired does not count.
pub async fn of_several_live_sign_ups_none_is_the_only_one(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2]).await?;
    let mut tx = store.begin().await?;
    assert!(tx.sign_ups().find_only("person.0@example.org", sample::at(50)).await?.is_none());
    tx.sign_ups().rotate(sample::sign_up(2).id, &sample::digest(3, 2), sample::at(40)).await?;
    let only = tx.sign_ups().find_only("person.0@example.org", sample::at(50)).await?;
    assert_eq!(only.map(|pending| pending.id), Some(sample::sign_up(1).id));
    Ok(())
}

/// Other addresses are left alone.
pub async fn all_sign_ups_of_one_address_are_removed(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[9, 8]).await?;
    let mut tx = store.begin().await?;
    let elsewhere = PendingSignUp { email: sample::user(5).email, ..sample::sign_up(1) };
    tx.sign_ups().add(&elsewhere).await?;
    assert_eq!(tx.sign_ups().remove_all("person.0@example.org").await?, 2);
    for (number, is_left) in [(9, false), (8, false), (1, true)] {
        let consumed = tx.sign_ups().consume(&sample::digest(3, number), sample::at(50)).await?;
        assert_eq!(consumed.is_some(), is_left, "sign-up {number}");
    }
    Ok(())
}

/// At the very instant of their end.
pub async fn expired_sign_ups_are_swept(store: Arc<dyn Store>) -> Result<(), StoreError> {
    add(&store, &[1, 2]).await?;
    let mut tx = store.begin().await?;
    tx.sign_ups().rotate(sample::sign_up(2).id, &sample::digest(3, 2), sample::at(101)).await?;
    assert_eq!(tx.sign_ups().sweep(sample::at(100), PageLimit::new(10)).await?, 1);
    assert!(tx.sign_ups().consume(&sample::digest(3, 2), sample::at(50)).await?.is_some());
    Ok(())
}

/// Whoever verifies takes its own row and then all others of the address: several at once neither wait crosswise nor win twice.
pub async fn links_of_one_address_at_once_settle_it_once(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let numbers: Vec<_> = (0..RACERS).map(|number| u32::try_from(number).unwrap_or(u32::MAX)).collect();
    add(&store, &numbers).await?;
    let racing = Arc::clone(&store);
    let deed = move |number| {
        let store = Arc::clone(&racing);
        async move {
            let digest = sample::digest(3, u32::try_from(number).unwrap_or(u32::MAX));
            let mut tx = store.begin().await?;
            let consumed = tx.sign_ups().consume(&digest, sample::at(50)).await?;
            if let Some(pending) = &consumed {
                tx.sign_ups().remove_all(&pending.email.canonical).await?;
            }
            tx.commit().await?;
            Ok::<_, StoreError>(consumed)
        }
    };
    let mut outcomes = JoinSet::new();
    for number in 0..RACERS {
        outcomes.spawn(deed(number));
    }
    let outcomes = outcomes.join_all().await;
    assert_eq!(outcomes.iter().filter(|outcome| matches!(outcome, Ok(Some(_)))).count(), 1);
    assert!(outcomes.iter().all(Result::is_ok), "nobody is told to try again");
    Ok(())
}
