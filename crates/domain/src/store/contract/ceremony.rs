//! Ceremonies.

use std::sync::Arc;

use super::{RACERS, race, sample};
use crate::account::User;
use crate::ceremony::{Ceremony, CeremonyKind};
use crate::session::Session;
use crate::store::{PageLimit, Store, StoreError};

const KIND: CeremonyKind = CeremonyKind::SecondFactor;

/// Two accounts with a session each.
async fn store_accounts(store: &dyn Store) -> Result<[(User, Session); 2], StoreError> {
    let both = [1, 2].map(|number| (sample::user(number), sample::session(&sample::user(number), number)));
    let mut tx = store.begin().await?;
    for (user, session) in &both {
        tx.users().add(user).await?;
        tx.sessions().add(session).await?;
    }
    tx.commit().await?;
    Ok(both)
}

/// Nothing is lost, swapped or rounded, whatever it hangs on.
pub async fn a_ceremony_reads_back_as_it_was_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(user, session), _] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    for (kind, number) in CeremonyKind::ALL.into_iter().zip(1..) {
        let (user_id, session_id) = match number % 3 {
            0 => (None, None),
            1 => (Some(user.id), None),
            _ => (Some(user.id), Some(session.id)),
        };
        let written = Ceremony { user_id, session_id, attempts: number, ..sample::ceremony(kind, number) };
        tx.ceremonies().add(&written).await?;
        assert_eq!(tx.ceremonies().consume(kind, &written.digest, sample::at(99)).await?, Some(written), "{kind:?}");
    }
    Ok(())
}

/// A ceremony of one kind is worthless for every other, and the attempt does not use it up.
pub async fn a_ceremony_is_good_for_its_kind_alone(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for (kind, number) in CeremonyKind::ALL.into_iter().zip(1..) {
        let ceremony = sample::ceremony(kind, number);
        tx.ceremonies().add(&ceremony).await?;
        for other in CeremonyKind::ALL.into_iter().filter(|other| *other != kind) {
            assert!(tx.ceremonies().consume(other, &ceremony.digest, sample::at(50)).await?.is_none(), "{other:?} by {kind:?}");
            assert!(
                tx.ceremonies().attempt(other, &ceremony.digest, 9, sample::at(50)).await?.is_none(),
                "{other:?} by {kind:?}"
            );
        }
        let consumed = tx.ceremonies().consume(kind, &ceremony.digest, sample::at(50)).await?;
        assert_eq!(consumed.map(|read| read.attempts), Some(0), "{kind:?}");
        assert!(tx.ceremonies().consume(kind, &ceremony.digest, sample::at(50)).await?.is_none(), "{kind:?} a second time");
    }
    Ok(())
}

/// Check and removal are one (OAUTH-02).
pub async fn of_many_that_race_for_a_ceremony_one_gets_it(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(user, session), _] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    let ceremony = sample::ceremony(KIND, 1);
    tx.ceremonies().add(&Ceremony { user_id: Some(user.id), session_id: Some(session.id), ..ceremony }).await?;
    tx.commit().await?;
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let consumed = tx.ceremonies().consume(KIND, &sample::ceremony(KIND, 1).digest, sample::at(50)).await?;
            tx.commit().await?;
            Ok(consumed)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(Some(_)))).await, 1);
    Ok(())
}

/// However many try at once, so many get to.
pub async fn a_ceremony_is_tried_so_often_and_no_more(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    tx.ceremonies().add(&sample::ceremony(KIND, 1)).await?;
    tx.commit().await?;
    let digest = sample::ceremony(KIND, 1).digest;
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let tried = tx.ceremonies().attempt(KIND, &digest, 5, sample::at(50)).await?;
            tx.commit().await?;
            Ok(tried)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(Some(_)))).await, 5);
    let mut tx = store.begin().await?;
    assert!(tx.ceremonies().attempt(KIND, &digest, 5, sample::at(50)).await?.is_none());
    let tried = tx.ceremonies().attempt(KIND, &digest, 6, sample::at(50)).await?;
    assert_eq!(tried.map(|read| read.attempts), Some(6), "as it is then");
    let consumed = tx.ceremonies().consume(KIND, &digest, sample::at(50)).await?;
    assert_eq!(consumed.map(|read| read.attempts), Some(6), "the last attempt may be the right one");
    Ok(())
}

/// From the very instant of its end.
pub async fn an_expired_ceremony_is_neither_tried_nor_consumed(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let ceremony = sample::ceremony(KIND, 1);
    let mut tx = store.begin().await?;
    tx.ceremonies().add(&ceremony).await?;
    assert!(tx.ceremonies().attempt(KIND, &ceremony.digest, 9, sample::at(100)).await?.is_none());
    assert!(tx.ceremonies().consume(KIND, &ceremony.digest, sample::at(100)).await?.is_none());
    assert!(tx.ceremonies().attempt(KIND, &ceremony.digest, 9, sample::at(99)).await?.is_some());
    assert!(tx.ceremonies().consume(KIND, &ceremony.digest, sample::at(99)).await?.is_some());
    Ok(())
}

/// Without counting, and as strictly as when it is taken.
pub async fn a_ceremony_is_looked_at_and_stays_as_it_is(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let ceremony = sample::ceremony(KIND, 1);
    let mut tx = store.begin().await?;
    tx.ceremonies().add(&ceremony).await?;
    assert!(tx.ceremonies().lookup(CeremonyKind::Provider, &ceremony.digest, sample::at(50)).await?.is_none());
    assert!(tx.ceremonies().lookup(KIND, &sample::ceremony(KIND, 2).digest, sample::at(50)).await?.is_none());
    assert!(tx.ceremonies().lookup(KIND, &ceremony.digest, sample::at(100)).await?.is_none());
    for _ in 0..2 {
        let read = tx.ceremonies().lookup(KIND, &ceremony.digest, sample::at(99)).await?;
        assert_eq!(read.as_ref(), Some(&ceremony));
    }
    Ok(())
}

/// Those of an account and of these kinds; others and those of nobody stay.
pub async fn ceremonies_are_revoked_by_account_and_kind(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(user, _), (other, _)] = store_accounts(&*store).await?;
    let [asked, twice, spared] = [KIND, CeremonyKind::TotpEnrolment, CeremonyKind::Provider];
    let of = |user_id, kind, number| Ceremony { user_id, ..sample::ceremony(kind, number) };
    let all = [
        (of(Some(user.id), asked, 1), false),
        (of(Some(user.id), twice, 2), false),
        (of(Some(user.id), spared, 3), true),
        (of(Some(other.id), asked, 4), true),
        (of(None, asked, 5), true),
    ];
    let mut tx = store.begin().await?;
    for (ceremony, _) in &all {
        tx.ceremonies().add(ceremony).await?;
    }
    tx.ceremonies().revoke_all(user.id, &[]).await?;
    tx.ceremonies().revoke_all(user.id, &[asked, twice]).await?;
    for (ceremony, is_left) in &all {
        let read = tx.ceremonies().lookup(ceremony.kind, &ceremony.digest, sample::at(50)).await?;
        assert_eq!(read.is_some(), *is_left, "{:?} of {:?}", ceremony.kind, ceremony.user_id);
    }
    Ok(())
}

/// With the session that it began in, with the account that it is about, and with nothing of another's.
pub async fn a_ceremony_ends_with_what_it_hangs_on(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(user, session), (other, of_other)] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    let hanging = [
        (1, None, Some(session.id)),
        (2, Some(user.id), None),
        (3, None, Some(of_other.id)),
        (4, Some(other.id), None),
        (5, None, None),
    ];
    for (number, user_id, session_id) in hanging {
        tx.ceremonies().add(&Ceremony { user_id, session_id, ..sample::ceremony(KIND, number) }).await?;
    }
    assert!(tx.sessions().revoke(session.id).await?);
    assert!(tx.users().remove(other.id).await?);
    for (number, is_left) in [(1, false), (2, true), (3, false), (4, false), (5, true)] {
        let digest = sample::ceremony(KIND, number).digest;
        assert_eq!(tx.ceremonies().consume(KIND, &digest, sample::at(50)).await?.is_some(), is_left, "ceremony {number}");
    }
    let unknown = Ceremony { session_id: Some(session.id), ..sample::ceremony(KIND, 6) };
    let outcome = tx.ceremonies().add(&unknown).await;
    assert!(matches!(outcome, Err(StoreError::Conflict)), "a session that is gone: {outcome:?}");
    Ok(())
}

/// Whoever takes a ceremony goes on to its account and session; whoever has those may be about to remove it. Neither waits crosswise.
pub async fn a_ceremony_and_what_it_hangs_on_are_locked_in_one_order(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [(user, _), _] = store_accounts(&*store).await?;
    for round in 0..10 {
        let session = sample::session(&user, 100 + round);
        let ceremony = Ceremony { session_id: Some(session.id), ..sample::ceremony(KIND, 100 + round) };
        let mut tx = store.begin().await?;
        tx.sessions().add(&session).await?;
        tx.ceremonies().add(&ceremony).await?;
        tx.commit().await?;
        let racing = Arc::clone(&store);
        let deed = move |number: usize| {
            let store = Arc::clone(&racing);
            async move {
                let user = sample::user(1);
                let (session, digest) = (sample::session(&user, 100 + round), sample::ceremony(KIND, 100 + round).digest);
                let mut tx = store.begin().await?;
                match number % 5 {
                    0 => {
                        tx.users().lookup(user.id).await?;
                        tx.sessions().revoke(session.id).await?;
                    }
                    // As a sign-out does: the session alone.
                    1 => {
                        tx.sessions().revoke(session.id).await?;
                    }
                    2 => {
                        tx.ceremonies().attempt(KIND, &digest, 1000, sample::at(50)).await?;
                    }
                    _ => {
                        tx.ceremonies().consume(KIND, &digest, sample::at(50)).await?;
                        tx.users().lookup(user.id).await?;
                        tx.sessions().authenticate(session.id, sample::at(60), true).await?;
                    }
                }
                tx.commit().await
            }
        };
        assert_eq!(race(deed, Result::is_ok).await, RACERS);
    }
    Ok(())
}

/// So many at a time, the longest dead first, and never a live one.
pub async fn expired_ceremonies_are_swept_in_batches(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in 0..7 {
        let expires_at = sample::at(i64::from(number));
        tx.ceremonies().add(&Ceremony { expires_at, ..sample::ceremony(KIND, number) }).await?;
    }
    for expected in [3, 2, 0] {
        assert_eq!(tx.ceremonies().sweep(sample::at(4), PageLimit::new(3)).await?, expected);
    }
    for (number, is_left) in [(4, false), (5, true), (6, true)] {
        let digest = sample::ceremony(KIND, number).digest;
        assert_eq!(tx.ceremonies().consume(KIND, &digest, sample::at(0)).await?.is_some(), is_left, "ceremony {number}");
    }
    Ok(())
}
