//! Accounts.

use std::sync::Arc;

use super::{RACERS, race, sample};
use crate::account::User;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::store::{PageLimit, Store, StoreError};

/// Nothing is lost, swapped or rounded.
pub async fn an_account_reads_back_as_it_was_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let plain =
        User { avatar_url: None, bio: None, password_hash: None, roles: Vec::new(), disabled_at: None, ..sample::user(2) };
    for written in [sample::user(1), plain] {
        let mut tx = store.begin().await?;
        tx.users().add(&written).await?;
        assert!(tx.users().lookup(written.id).await?.is_some_and(|read| same(&read, &written)));
        tx.commit().await?;
        let read = store.find_user_by_email(&written.email.canonical).await?;
        assert!(read.is_some_and(|read| same(&read, &written)));
        assert!(store.find_user_by_email(&written.email.display).await?.is_none(), "only the canonical form is compared");
    }
    Ok(())
}

pub(super) fn same(left: &User, right: &User) -> bool {
    left.id == right.id
        && left.email == right.email
        && left.display_name == right.display_name
        && left.avatar_url == right.avatar_url
        && left.bio == right.bio
        && left.password_hash == right.password_hash
        && left.roles == right.roles
        && left.disabled_at == right.disabled_at
        && left.credential_version == right.credential_version
        && left.created_at == right.created_at
}

/// The database itself keeps an address unique: a flow's own look is not enough (ENUM-06).
pub async fn one_canonical_address_has_one_account_however_many_race_for_it(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let racing = Arc::clone(&store);
    let deed = move |number| {
        let store = Arc::clone(&racing);
        async move {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let user = User { email: sample::user(0).email, ..sample::user(number + 1) };
            let mut tx = store.begin().await?;
            tx.users().add(&user).await?;
            tx.commit().await
        }
    };
    let lost = race(deed, |outcome| matches!(outcome, Err(StoreError::Conflict))).await;
    assert_eq!(lost, RACERS - 1, "all but one are told of a conflict");
    let mut tx = store.begin().await?;
    assert_eq!(tx.users().list(None, PageLimit::new(100)).await?.items.len(), 1);
    Ok(())
}

/// Whoever changed the password meanwhile wins.
pub async fn a_password_hash_is_replaced_only_where_it_is_the_expected_one(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let user = sample::user(1);
    let mut tx = store.begin().await?;
    tx.users().add(&user).await?;
    assert!(!tx.users().replace_password_hash(user.id, "another", "new").await?);
    assert!(tx.users().replace_password_hash(user.id, "$argon2id$hash-1", "new").await?);
    assert!(!tx.users().replace_password_hash(sample::user(2).id, "new", "newer").await?);
    let read = tx.users().lookup(user.id).await?;
    assert_eq!(read.and_then(|user| user.password_hash).as_deref(), Some("new"));
    Ok(())
}

/// Every account is listed once, in pages of any size.
pub async fn accounts_are_listed_page_by_page(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let mut tx = store.begin().await?;
    for number in 0..25 {
        tx.users().add(&sample::user(number)).await?;
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = tx.users().list(after, PageLimit::new(5)).await?;
        assert_eq!(page.items.len(), 5);
        seen.extend(page.items.iter().map(|user| user.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..25).map(|number| sample::user(number).id).collect();
    assert_eq!(seen, expected);
    Ok(())
}

/// Set, lifted, and "no such account" is told apart.
pub async fn a_disabled_mark_is_set_and_lifted(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let user = User { disabled_at: None, ..sample::user(1) };
    let mut tx = store.begin().await?;
    tx.users().add(&user).await?;
    for mark in [Some(sample::at(5)), None] {
        assert!(tx.users().set_disabled(user.id, mark).await?);
        assert_eq!(tx.users().lookup(user.id).await?.and_then(|user| user.disabled_at), mark);
    }
    assert!(!tx.users().set_disabled(sample::user(2).id, None).await?);
    Ok(())
}

/// Whatever it was before, or none; what was issued under the former credential is outdated from then on.
pub async fn a_password_hash_is_set_and_the_credential_version_moves(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (user, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    tx.users().add(&user).await?;
    tx.users().add(&other).await?;
    for (hash, moved) in [(Some("new"), 1), (None, 2), (Some("newer"), 3)] {
        assert!(tx.users().set_password_hash(user.id, hash).await?);
        let read = tx.users().lookup(user.id).await?;
        let read = read.map(|user| (user.password_hash, user.credential_version));
        assert_eq!(read, Some((hash.map(str::to_owned), user.credential_version + moved)));
    }
    assert!(!tx.users().set_password_hash(sample::user(3).id, Some("new")).await?);
    assert!(tx.users().lookup(other.id).await?.is_some_and(|read| same(&read, &other)), "another's is as it was");
    Ok(())
}

/// Both spellings; the old address is free from then on, and one that is taken is a conflict that the database itself sees (ENUM-06).
pub async fn an_address_is_moved_and_a_taken_one_is_a_conflict(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (user, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    tx.users().add(&user).await?;
    tx.users().add(&other).await?;
    tx.commit().await?;
    let mut tx = store.begin().await?;
    let new = sample::user(9).email;
    assert!(tx.users().set_email(user.id, &new).await?);
    assert!(!tx.users().set_email(sample::user(3).id, &sample::user(8).email).await?);
    tx.commit().await?;
    let read = store.find_user_by_email(&new.canonical).await?;
    let read = read.map(|user| (user.id, user.email, user.credential_version));
    assert_eq!(read, Some((user.id, new, user.credential_version + 1)));
    assert!(store.find_user_by_email(&user.email.canonical).await?.is_none());
    let mut tx = store.begin().await?;
    let taken = tx.users().set_email(user.id, &other.email).await;
    assert!(matches!(taken, Err(StoreError::Conflict)), "{taken:?}");
    Ok(())
}

/// The profile and the roles, and nothing else.
pub async fn a_profile_and_roles_are_set(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let user = sample::user(1);
    let changed = User { display_name: "'; --".to_owned(), avatar_url: None, bio: Some(String::new()), ..user.clone() };
    let mut tx = store.begin().await?;
    tx.users().add(&user).await?;
    assert!(tx.users().set_profile(&changed).await?);
    assert!(tx.users().lookup(user.id).await?.is_some_and(|read| same(&read, &changed)));
    let roles = vec!["editor".to_owned()];
    assert!(tx.users().set_roles(user.id, &roles).await?);
    assert!(tx.users().lookup(user.id).await?.is_some_and(|read| same(&read, &User { roles, ..changed })));
    assert!(!tx.users().set_profile(&sample::user(2)).await?);
    assert!(!tx.users().set_roles(sample::user(2).id, &[]).await?);
    Ok(())
}

/// With everything that opens it, and nothing of another's.
pub async fn a_removed_account_takes_what_hangs_on_it_along(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let (owner, other) = (sample::user(1), sample::user(2));
    let mut tx = store.begin().await?;
    for (user, number) in [(&owner, 1), (&other, 2)] {
        tx.users().add(user).await?;
        tx.sessions().add(&sample::session(user, number)).await?;
        tx.devices().add(&sample::device(user, number), 5).await?;
        tx.one_times().add(&recovery(user, number)).await?;
    }
    tx.commit().await?;
    let mut tx = store.begin().await?;
    assert!(tx.users().remove(owner.id).await?);
    assert!(!tx.users().remove(owner.id).await?);
    for (user, number, is_left) in [(&owner, 1, false), (&other, 2, true)] {
        let (session, token) = (sample::session(user, number), recovery(user, number));
        assert_eq!(tx.users().find_by_email(&user.email.canonical).await?.is_some(), is_left);
        assert_eq!(tx.sessions().lookup(session.id).await?.is_some(), is_left);
        assert_eq!(tx.devices().renew(user.id, &sample::device(user, number).digest, sample::at(9)).await?, is_left);
        assert_eq!(tx.one_times().consume(PurposeKind::Recovery, &token.digest, sample::at(9)).await?.is_some(), is_left);
    }
    Ok(())
}

fn recovery(user: &User, number: u32) -> OneTime {
    let canonical = user.email.canonical.clone();
    sample::one_time(Purpose::Recovery { user: user.id, canonical, version: user.credential_version }, number)
}
