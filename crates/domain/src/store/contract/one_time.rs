//! One-time tokens.

use std::sync::Arc;

use super::{race, sample};
use crate::account::EmailAddress;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::store::{PageLimit, Store, StoreError};

const KINDS: [PurposeKind; 5] =
    [PurposeKind::Recovery, PurposeKind::EmailChange, PurposeKind::EmailUndo, PurposeKind::EndSessions, PurposeKind::Invitation];

fn to() -> EmailAddress {
    EmailAddress { display: "New.Place@example.net".to_owned(), canonical: "new.place@example.net".to_owned() }
}

/// Numbers 1 … 4 are of the four kinds and belong to the account of that number, as far as they belong to one.
fn of_kind(kind: PurposeKind, number: u32) -> OneTime {
    let (user, canonical, version) = (sample::user(number).id, format!("person.{number}@example.org"), number + 7);
    let purpose = match kind {
        PurposeKind::Recovery => Purpose::Recovery { user, canonical, version },
        PurposeKind::EmailChange => Purpose::EmailChange { user, canonical, version, to: to() },
        PurposeKind::EmailUndo => Purpose::EmailUndo { user, canonical, to: to() },
        PurposeKind::EndSessions => Purpose::EndSessions { user, canonical },
        PurposeKind::Invitation => {
            Purpose::Invitation { email: Some(to()), roles: vec!["editor".to_owned(), "staff".to_owned()] }
        }
    };
    sample::one_time(purpose, number)
}

async fn store_accounts(store: &dyn Store) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in 1..=4 {
        tx.users().add(&sample::user(number)).await?;
    }
    tx.commit().await
}

fn same(left: &OneTime, right: &OneTime) -> bool {
    left.id == right.id
        && left.digest == right.digest
        && left.purpose == right.purpose
        && left.created_at == right.created_at
        && left.expires_at == right.expires_at
}

/// Nothing is lost, swapped or rounded, whatever it is for.
pub async fn a_one_time_token_reads_back_as_it_was_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    let anybody = sample::one_time(Purpose::Invitation { email: None, roles: Vec::new() }, 9);
    let all = KINDS.iter().zip(1..).map(|(kind, number)| of_kind(*kind, number)).chain([anybody]);
    for written in all {
        tx.one_times().add(&written).await?;
        let read = tx.one_times().consume(written.purpose.kind(), &written.digest, sample::at(99)).await?;
        assert!(read.is_some_and(|read| same(&read, &written)), "{:?}", written.purpose);
    }
    Ok(())
}

/// A token of one purpose is worthless for every other, and the attempt does not use it up (RESET-08).
pub async fn a_one_time_token_is_good_for_its_purpose_alone(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    for (kind, number) in KINDS.iter().zip(1..) {
        let token = of_kind(*kind, number);
        tx.one_times().add(&token).await?;
        for other in KINDS.iter().filter(|other| *other != kind) {
            assert!(tx.one_times().consume(*other, &token.digest, sample::at(50)).await?.is_none(), "{other:?} by {kind:?}");
        }
        assert!(tx.one_times().consume(*kind, &token.digest, sample::at(50)).await?.is_some(), "{kind:?}");
        assert!(tx.one_times().consume(*kind, &token.digest, sample::at(50)).await?.is_none(), "{kind:?} a second time");
    }
    Ok(())
}

/// Check and removal are one (RESET-02).
pub async fn a_one_time_token_is_consumed_exactly_once_however_many_race_for_it(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    tx.one_times().add(&of_kind(PurposeKind::Recovery, 1)).await?;
    tx.commit().await?;
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let digest = of_kind(PurposeKind::Recovery, 1).digest;
            let consumed = tx.one_times().consume(PurposeKind::Recovery, &digest, sample::at(50)).await?;
            tx.commit().await?;
            Ok(consumed)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(Some(_)))).await, 1);
    Ok(())
}

/// Whoever consumes a token needs its account next; whoever has the account may be about to remove the token. Neither waits crosswise.
pub async fn a_token_and_its_account_are_locked_in_one_order(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store_accounts(&*store).await?;
    for round in 0..10 {
        let token = OneTime { digest: sample::digest(6, 100 + round), ..of_kind(PurposeKind::Recovery, 1) };
        let mut tx = store.begin().await?;
        tx.one_times().add(&token).await?;
        tx.commit().await?;
        let racing = Arc::clone(&store);
        let deed = move |number: usize| {
            let store = Arc::clone(&racing);
            async move {
                let mut tx = store.begin().await?;
                let owner = sample::user(1).id;
                if number.is_multiple_of(2) {
                    tx.one_times().consume(PurposeKind::Recovery, &sample::digest(6, 100 + round), sample::at(50)).await?;
                    tx.users().lookup(owner).await?;
                } else {
                    tx.users().lookup(owner).await?;
                    tx.one_times().revoke(owner, &[PurposeKind::Recovery]).await?;
                }
                tx.commit().await
            }
        };
        assert_eq!(race(deed, Result::is_err).await, 0);
    }
    Ok(())
}

/// From the very instant of its end.
pub async fn an_expired_one_time_token_is_neither_consumed_nor_listed(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let token = of_kind(PurposeKind::Invitation, 4);
    let mut tx = store.begin().await?;
    tx.one_times().add(&token).await?;
    assert!(tx.one_times().consume(PurposeKind::Invitation, &token.digest, sample::at(100)).await?.is_none());
    assert!(tx.one_times().list(PurposeKind::Invitation, sample::at(100), PageLimit::new(10)).await?.is_empty());
    assert_eq!(tx.one_times().list(PurposeKind::Invitation, sample::at(99), PageLimit::new(10)).await?.len(), 1);
    Ok(())
}

/// Those of other purposes and of other accounts stay, and those issued before.
pub async fn tokens_are_revoked_by_account_purpose_and_age(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    let undo = |number: u32, user: u32, issued: i64| OneTime {
        created_at: sample::at(issued),
        ..sample::one_time(Purpose::EmailUndo { user: sample::user(user).id, canonical: "c".to_owned(), to: to() }, number)
    };
    for token in [of_kind(PurposeKind::Recovery, 1), undo(11, 1, 10), undo(12, 1, 20), undo(13, 1, 30), undo(14, 2, 30)] {
        tx.one_times().add(&token).await?;
    }
    let owner = sample::user(1).id;
    assert_eq!(tx.one_times().revoke(owner, &[PurposeKind::EmailChange]).await?, 0);
    assert_eq!(tx.one_times().revoke_since(owner, PurposeKind::EmailUndo, sample::at(20)).await?, 2, "that instant and later");
    let left = tx.one_times().list(PurposeKind::EmailUndo, sample::at(50), PageLimit::new(10)).await?;
    assert_eq!(left.iter().map(|token| token.id).collect::<Vec<_>>(), [undo(11, 1, 10).id, undo(14, 2, 30).id], "oldest first");
    assert_eq!(tx.one_times().revoke(owner, &[PurposeKind::Recovery, PurposeKind::EmailUndo]).await?, 2);
    assert!(tx.one_times().remove(undo(14, 2, 30).id).await?);
    assert!(!tx.one_times().remove(undo(14, 2, 30).id).await?, "a second time there is nothing");
    Ok(())
}

/// So many at a time, the longest dead first, and never a live one.
pub async fn expired_one_time_tokens_are_swept_in_batches(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in 0..7 {
        let token = sample::one_time(Purpose::Invitation { email: None, roles: Vec::new() }, number);
        tx.one_times().add(&OneTime { expires_at: sample::at(i64::from(number)), ..token }).await?;
    }
    for expected in [3, 2, 0] {
        assert_eq!(tx.one_times().sweep(sample::at(4), PageLimit::new(3)).await?, expected);
    }
    assert_eq!(tx.one_times().list(PurposeKind::Invitation, sample::at(0), PageLimit::new(10)).await?.len(), 2);
    Ok(())
}
