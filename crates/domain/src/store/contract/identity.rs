//! Links with providers.

use std::sync::Arc;

use super::{race, sample};
use crate::account::User;
use crate::federation::Identity;
use crate::store::{Store, StoreError};

async fn store_accounts(store: &dyn Store) -> Result<[User; 2], StoreError> {
    let both = [1, 2].map(sample::user);
    let mut tx = store.begin().await?;
    for user in &both {
        tx.users().add(user).await?;
    }
    tx.commit().await?;
    Ok(both)
}

/// Nothing is lost, swapped or rounded; oldest first, and none of another's.
pub async fn identities_read_back_as_they_were_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let late = sample::identity(&user, 3);
    let early = Identity { grant: None, ..sample::identity(&user, 1) };
    let mut tx = store.begin().await?;
    for identity in [&late, &early, &sample::identity(&other, 2)] {
        tx.identities().add(identity).await?;
    }
    assert_eq!(tx.identities().find(&late.issuer, &late.subject).await?.as_ref(), Some(&late));
    assert_eq!(tx.identities().list(user.id).await?, [early, late]);
    Ok(())
}

/// Issuer and subject together, each as it is, to the letter (OAUTH-08).
pub async fn an_identity_is_found_by_issuer_and_subject_alone(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let identity = Identity { issuer: "https://a.example".into(), subject: "Sub".into(), ..sample::identity(&user, 1) };
    let elsewhere = Identity { issuer: "https://b.example".into(), subject: "Sub".into(), ..sample::identity(&other, 2) };
    let mut tx = store.begin().await?;
    tx.identities().add(&identity).await?;
    tx.identities().add(&elsewhere).await?;
    assert_eq!(tx.identities().find("https://a.example", "Sub").await?, Some(identity.clone()));
    assert_eq!(tx.identities().find("https://b.example", "Sub").await?, Some(elsewhere));
    for (issuer, subject) in [
        ("https://a.example", "sub"),
        ("https://a.example", "Sub "),
        ("https://A.example", "Sub"),
        ("https://a.example/", "Sub"),
        ("https://a.example", &identity.label),
    ] {
        assert!(tx.identities().find(issuer, subject).await?.is_none(), "{issuer} {subject:?}");
    }
    Ok(())
}

/// However many link it at once, whoever they are, and the database itself sees to it.
pub async fn an_account_at_a_provider_is_linked_once_however_many_race_for_it(store: Arc<dyn Store>) -> Result<(), StoreError> {
    store_accounts(&*store).await?;
    let racing = Arc::clone(&store);
    let deed = move |number| {
        let store = Arc::clone(&racing);
        async move {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let Identity { issuer, subject, .. } = sample::identity(&sample::user(1), 0);
            let own = Identity { issuer, subject, ..sample::identity(&sample::user(1 + number % 2), 1 + number) };
            let mut tx = store.begin().await?;
            tx.identities().add(&own).await?;
            tx.commit().await
        }
    };
    let racers = race(deed, |outcome| matches!(outcome, Ok(()) | Err(StoreError::Conflict))).await;
    assert_eq!(racers, super::RACERS, "won, or told that it is linked already");
    let mut tx = store.begin().await?;
    let mut links = tx.identities().list(sample::user(1).id).await?;
    links.extend(tx.identities().list(sample::user(2).id).await?);
    assert_eq!(links.len(), 1);
    Ok(())
}

/// What came along last is what is kept; a sign-in that is noted late moves nothing back.
pub async fn a_sign_in_with_an_identity_is_noted(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, _] = store_accounts(&*store).await?;
    let identity = sample::identity(&user, 1);
    let mut tx = store.begin().await?;
    tx.identities().add(&identity).await?;
    for (at, grant, seen) in [(80, Some(b"new".as_slice()), 80), (60, None, 80)] {
        assert!(tx.identities().touch(identity.id, sample::at(at), grant).await?);
        let expected = Identity { last_used_at: sample::at(seen), grant: grant.map(<[u8]>::to_vec), ..identity.clone() };
        assert_eq!(tx.identities().list(user.id).await?, [expected]);
    }
    assert!(!tx.identities().touch(sample::identity(&user, 2).id, sample::at(80), None).await?);
    Ok(())
}

/// By its own account alone, and all of one provider; then another account may have it.
pub async fn identities_are_removed_by_account_and_provider(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let of = |whose: &User, provider: &str, number| Identity { provider: provider.to_owned(), ..sample::identity(whose, number) };
    let mut tx = store.begin().await?;
    for identity in [of(&user, "a", 1), of(&user, "a", 2), of(&user, "b", 3), of(&other, "a", 4)] {
        tx.identities().add(&identity).await?;
    }
    assert!(tx.identities().remove(other.id, "b").await?.is_empty());
    let mut removed = tx.identities().remove(user.id, "a").await?;
    removed.sort_by_key(|identity| identity.created_at);
    assert_eq!(removed, [of(&user, "a", 1), of(&user, "a", 2)]);
    assert_eq!(tx.identities().list(user.id).await?, [of(&user, "b", 3)]);
    assert_eq!(tx.identities().list(other.id).await?, [of(&other, "a", 4)]);
    tx.identities().add(&Identity { user_id: other.id, ..of(&user, "a", 1) }).await?;
    Ok(())
}

/// And nothing of another's.
pub async fn identities_go_with_their_account(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let (own, of_other) = (sample::identity(&user, 1), sample::identity(&other, 2));
    let mut tx = store.begin().await?;
    tx.identities().add(&own).await?;
    tx.identities().add(&of_other).await?;
    assert!(tx.users().remove(user.id).await?);
    assert!(tx.identities().find(&own.issuer, &own.subject).await?.is_none());
    assert!(tx.identities().find(&of_other.issuer, &of_other.subject).await?.is_some());
    Ok(())
}
