//! Sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use doorward_kit::SessionId;

use super::{race, sample, user};
use crate::session::Session;
use crate::store::{PageLimit, SessionFilter, Store, StoreError};

/// Nothing is lost, swapped or rounded, and the account is the right one.
pub async fn a_session_reads_back_with_its_account(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let written = sample::session(&owner, 1);
    let mut tx = store.begin().await?;
    tx.users().add(&other).await?;
    tx.users().add(&owner).await?;
    tx.sessions().add(&written).await?;
    assert!(tx.sessions().lookup(written.id).await?.is_some_and(|read| same(&read, &written)));
    assert!(tx.sessions().find_by_digest(&written.digest).await?.is_some_and(|read| same(&read, &written)));
    tx.commit().await?;
    let found = store.find_session(&written.digest).await?;
    assert!(found.is_some_and(|(session, account)| same(&session, &written) && user::same(&account, &owner)));
    assert!(store.find_session(&sample::digest(9, 9)).await?.is_none());
    Ok(())
}

pub(super) fn same(left: &Session, right: &Session) -> bool {
    left.id == right.id
        && left.user_id == right.user_id
        && left.digest == right.digest
        && left.previous.map(|previous| (previous.digest, previous.until))
            == right.previous.map(|previous| (previous.digest, previous.until))
        && left.rotated_at == right.rotated_at
        && left.authenticated_at == right.authenticated_at
        && left.is_two_factor == right.is_two_factor
        && left.is_remembered == right.is_remembered
        && left.created_at == right.created_at
        && left.last_seen_at == right.last_seen_at
        && left.expires_at == right.expires_at
        && left.user_agent == right.user_agent
        && left.client == right.client
}

/// Exactly those that are asked for and there; a thousand at once are no burden.
pub async fn many_sessions_are_found_by_id_in_one_read(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let kept = [sample::session(&owner, 1), sample::session(&other, 2)];
    let (unasked, revoked) = (sample::session(&owner, 3), sample::session(&owner, 4));
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.users().add(&other).await?;
    for session in kept.iter().chain([&unasked, &revoked]) {
        tx.sessions().add(session).await?;
    }
    assert!(tx.sessions().revoke(revoked.id).await?);
    tx.commit().await?;
    let strangers = (0..1000_u128).map(|number| SessionId::from_bytes((u128::MAX - number).to_be_bytes()));
    let asked: Vec<_> = strangers.chain([kept[1].id, revoked.id, kept[0].id, kept[1].id]).collect();
    let mut found = store.find_sessions(&asked).await?;
    found.sort_by_key(|(session, _)| session.last_seen_at);
    assert_eq!(found.len(), kept.len(), "each once");
    for (wanted, account) in kept.iter().zip([&owner, &other]) {
        assert!(found.iter().any(|(session, user)| same(session, wanted) && user::same(user, account)));
    }
    assert!(store.find_sessions(&[]).await?.is_empty());
    Ok(())
}

/// What is committed as revoked is not found by the next read, on whatever connection.
pub async fn a_revoked_session_is_gone_for_every_reader(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    for number in 0..20 {
        let session = sample::session(&owner, number);
        let mut tx = store.begin().await?;
        if number == 0 {
            tx.users().add(&owner).await?;
        }
        tx.sessions().add(&session).await?;
        tx.commit().await?;
        assert!(store.find_session(&session.digest).await?.is_some());
        let mut tx = store.begin().await?;
        assert!(tx.sessions().revoke(session.id).await?);
        assert!(!tx.sessions().revoke(session.id).await?, "a second time there is nothing to revoke");
        tx.commit().await?;
        assert!(store.find_session(&session.digest).await?.is_none());
    }
    Ok(())
}

/// The cursor is the session's own, and sessions that began at the same instant are neither skipped nor repeated.
pub async fn many_sessions_of_one_account_are_listed_page_by_page(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.users().add(&other).await?;
    for number in 0..60 {
        let whose = if number % 3 == 2 { &other } else { &owner };
        let created_at = sample::at(i64::from(number / 10));
        tx.sessions().add(&Session { created_at, ..sample::session(whose, number) }).await?;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = tx.sessions().list(SessionFilter::new().for_user(owner.id), after, PageLimit::new(7)).await?;
        seen.extend(page.items.iter().map(|session| (session.created_at, session.id)));
        assert!(page.items.iter().all(|session| session.user_id == owner.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 40);
    assert!(seen.is_sorted(), "oldest first");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 40);
    let late = SessionFilter::new().active_at(sample::at(1000));
    assert!(tx.sessions().list(late, None, PageLimit::new(100)).await?.items.is_empty());
    let live = SessionFilter::new().active_at(sample::at(999));
    assert_eq!(tx.sessions().list(live, None, PageLimit::new(100)).await?.items.len(), 60);
    Ok(())
}

/// All of one, none of another; the digests come back for the cache.
pub async fn revoking_all_spares_other_accounts(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.users().add(&other).await?;
    for number in 0..6 {
        let whose = if number < 4 { &owner } else { &other };
        tx.sessions().add(&sample::session(whose, number)).await?;
    }
    let mut digests: Vec<_> = tx.sessions().revoke_all(owner.id, None).await?.iter().map(|digest| digest.0).collect();
    digests.sort_unstable();
    let mut expected: Vec<_> = (0..4).flat_map(|number| [sample::digest(2, number).0, sample::digest(8, number).0]).collect();
    expected.sort_unstable();
    assert_eq!(digests, expected);
    assert_eq!(tx.sessions().list(SessionFilter::new(), None, PageLimit::new(10)).await?.items.len(), 2);
    Ok(())
}

/// Write-backs may arrive out of order.
pub async fn a_touch_never_moves_back(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let session = sample::session(&owner, 1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.sessions().add(&session).await?;
    for (touch, expected) in [(50, 50), (30, 50), (60, 60)] {
        tx.sessions().touch(session.id, sample::at(touch)).await?;
        assert_eq!(tx.sessions().lookup(session.id).await?.map(|read| read.last_seen_at), Some(sample::at(expected)));
    }
    Ok(())
}

/// Either clock ends a session, at its very instant.
pub async fn ended_sessions_are_swept_and_live_ones_stay(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let base = sample::session(&owner, 0);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    for (number, seen, expires) in [(1, 500, 600), (2, 500, 601), (3, 100, 900), (4, 101, 900)] {
        let times = Session {
            last_seen_at: sample::at(seen),
            expires_at: sample::at(expires),
            previous: None,
            is_remembered: false,
            ..base.clone()
        };
        let of_own = sample::session(&owner, number);
        tx.sessions().add(&Session { id: of_own.id, digest: of_own.digest, ..times }).await?;
    }
    assert_eq!(tx.sessions().sweep(sample::at(600), sample::at(100), sample::at(50), PageLimit::new(10)).await?.len(), 2);
    for (number, is_left) in [(1, false), (2, true), (3, false), (4, true)] {
        let id = sample::session(&owner, number).id;
        assert_eq!(tx.sessions().lookup(id).await?.is_some(), is_left, "session {number}");
    }
    Ok(())
}

/// The one that asks goes on; the digests that come back are those of the ended ones.
pub async fn revoking_all_spares_the_one_that_asks(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    for number in 0..3 {
        tx.sessions().add(&sample::session(&owner, number)).await?;
    }
    let spared = sample::session(&owner, 1);
    let digests: BTreeSet<_> = tx.sessions().revoke_all(owner.id, Some(spared.id)).await?.iter().map(|digest| digest.0).collect();
    let expected = [0, 2].into_iter().flat_map(|number| [sample::digest(2, number).0, sample::digest(8, number).0]);
    assert_eq!(digests, expected.collect());
    let left = tx.sessions().list(SessionFilter::new(), None, PageLimit::new(10)).await?.items;
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [spared.id]);
    Ok(())
}

/// By whoever still has the credential that is replaced, once; the old one is found as the previous one, the one before it no more.
pub async fn a_credential_is_rotated_once_and_the_former_one_is_remembered(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let session = sample::session(&owner, 1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.sessions().add(&session).await?;
    let (until, at) = (sample::at(40), sample::at(30));
    assert!(!tx.sessions().rotate(session.id, &sample::digest(9, 9), &sample::digest(9, 1), until, at).await?);
    assert!(tx.sessions().rotate(session.id, &session.digest, &sample::digest(9, 1), until, at).await?);
    assert!(!tx.sessions().rotate(session.id, &session.digest, &sample::digest(9, 2), until, at).await?, "it is another by now");
    assert!(tx.sessions().authenticate(session.id, sample::at(77), false).await?);
    assert!(tx.sessions().lookup(session.id).await?.is_some_and(|read| read.is_two_factor), "what was shown stays shown");
    assert!(!tx.sessions().authenticate(sample::session(&owner, 2).id, sample::at(77), false).await?);
    tx.commit().await?;
    for digest in [&sample::digest(9, 1), &session.digest] {
        let (read, account) = store.find_session(digest).await?.ok_or(StoreError::Conflict)?;
        assert_eq!((read.id, account.id, read.digest), (session.id, owner.id, sample::digest(9, 1)));
        assert_eq!(read.previous.map(|previous| (previous.digest, previous.until)), Some((session.digest, until)));
        assert_eq!((read.rotated_at, read.authenticated_at), (at, sample::at(77)));
        let mut tx = store.begin().await?;
        assert_eq!(tx.sessions().find_by_digest(digest).await?.map(|read| read.id), Some(session.id));
    }
    assert!(store.find_session(&sample::digest(8, 1)).await?.is_none(), "the one before the former one");
    Ok(())
}

/// One of many that find the credential due replaces it (SES-13).
pub async fn of_many_that_rotate_one_session_one_does(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    tx.sessions().add(&sample::session(&owner, 1)).await?;
    tx.commit().await?;
    let racing = Arc::clone(&store);
    let deed = move |number| {
        let store = Arc::clone(&racing);
        async move {
            let session = sample::session(&sample::user(1), 1);
            let new = sample::digest(9, u32::try_from(number).unwrap_or(u32::MAX));
            let mut tx = store.begin().await?;
            let rotated = tx.sessions().rotate(session.id, &session.digest, &new, sample::at(40), sample::at(30)).await?;
            tx.commit().await?;
            Ok(rotated)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(true))).await, 1);
    Ok(())
}

/// A remembered one has a longer rest, and no more go at once than were asked for.
pub async fn sessions_are_swept_in_batches_and_remembered_ones_later(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let owner = sample::user(1);
    let mut tx = store.begin().await?;
    tx.users().add(&owner).await?;
    for number in 0..8 {
        let is_remembered = number >= 4;
        tx.sessions().add(&Session { is_remembered, last_seen_at: sample::at(20), ..sample::session(&owner, number) }).await?;
    }
    let (now, early, late) = (sample::at(60), sample::at(10), sample::at(20));
    for expected in [3, 1, 0] {
        let swept = tx.sessions().sweep(now, late, early, PageLimit::new(3)).await?;
        assert_eq!(swept.len(), expected);
        assert!(swept.iter().all(|session| !session.is_remembered));
    }
    assert_eq!(tx.sessions().sweep(now, early, late, PageLimit::new(10)).await?.len(), 4);
    Ok(())
}
