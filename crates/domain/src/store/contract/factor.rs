//! Second factors.

use std::sync::Arc;

use doorward_kit::TokenDigest;

use super::{race, sample};
use crate::account::User;
use crate::factor::{Factor, FactorKind};
use crate::store::{Store, StoreError, Tx};

async fn store_accounts(store: &dyn Store) -> Result<[User; 2], StoreError> {
    let both = [1, 2].map(sample::user);
    let mut tx = store.begin().await?;
    for user in &both {
        tx.users().add(user).await?;
    }
    tx.commit().await?;
    Ok(both)
}

fn codes(numbers: std::ops::Range<u32>) -> Vec<TokenDigest> {
    numbers.map(|number| sample::digest(13, number)).collect()
}

/// Nothing is lost, swapped or rounded; oldest first, and none of another's.
pub async fn factors_read_back_as_they_were_written(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let passkeys = [3, 1, 2].map(|number| sample::passkey(&user, number));
    let fresh = Factor { last_used_at: None, ..sample::totp(&user, 4) };
    let mut tx = store.begin().await?;
    for factor in passkeys.iter().chain([&fresh, &sample::totp(&other, 5)]) {
        tx.factors().add(factor).await?;
    }
    let [third, first, second] = passkeys;
    assert_eq!(tx.factors().list(user.id).await?, [first, second.clone(), third, fresh]);
    assert_eq!(tx.factors().find_passkey(&sample::credential(2)).await?, Some(second));
    assert!(tx.factors().find_passkey(&sample::credential(9)).await?.is_none());
    assert!(tx.factors().find_passkey(b"").await?.is_none(), "what has no credential is found by none");
    Ok(())
}

/// For every reader, from the first to the last one.
pub async fn an_account_knows_whether_it_has_a_second_factor(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let session = sample::session(&user, 1);
    let mut tx = store.begin().await?;
    tx.sessions().add(&session).await?;
    tx.commit().await?;
    assert_eq!(seen(&*store, &user).await?, [false; 5]);
    let mut tx = store.begin().await?;
    tx.factors().add(&sample::totp(&user, 1)).await?;
    tx.factors().add(&sample::passkey(&user, 2)).await?;
    tx.factors().replace_recovery_codes(other.id, &codes(0..2)).await?;
    tx.commit().await?;
    assert_eq!(seen(&*store, &user).await?, [true; 5]);
    for (number, is_left) in [(1, true), (2, false)] {
        let mut tx = store.begin().await?;
        assert!(tx.factors().remove(user.id, sample::passkey(&user, number).id).await?.is_some());
        tx.commit().await?;
        assert_eq!(seen(&*store, &user).await?, [is_left; 5]);
    }
    let mut tx = store.begin().await?;
    let read = tx.users().lookup(other.id).await?;
    assert!(read.is_some_and(|read| !read.has_second_factor), "codes alone are none");
    Ok(())
}

/// What each way to an account says.
async fn seen(store: &dyn Store, user: &User) -> Result<[bool; 5], StoreError> {
    let session = sample::session(user, 1);
    let by_email = store.find_user_by_email(&user.email.canonical).await?.is_some_and(|user| user.has_second_factor);
    let by_session = store.find_session(&session.digest).await?.is_some_and(|(_, user)| user.has_second_factor);
    let by_id = store.find_sessions(&[session.id]).await?.iter().any(|(_, user)| user.has_second_factor);
    let mut tx = store.begin().await?;
    let locked = tx.users().lookup(user.id).await?.is_some_and(|user| user.has_second_factor);
    let locked_by_email = tx.users().find_by_email(&user.email.canonical).await?.is_some_and(|user| user.has_second_factor);
    Ok([by_email, by_session, by_id, locked, locked_by_email])
}

/// Whoever waited for the account sees what was enrolled meanwhile: of many that would add the first factor, one does, and the others know.
/// Several rounds, since in the first one connections are still being made.
pub async fn a_factor_is_seen_by_whoever_locks_the_account_next(store: Arc<dyn Store>) -> Result<(), StoreError> {
    for round in 1..=6 {
        let user = sample::user(round);
        let mut tx = store.begin().await?;
        tx.users().add(&user).await?;
        tx.commit().await?;
        let racing = Arc::clone(&store);
        let deed = move |number| {
            let store = Arc::clone(&racing);
            async move {
                let number = 1000 * round + u32::try_from(number).unwrap_or(u32::MAX);
                let (id, email) = (sample::user(round).id, sample::user(round).email.canonical);
                let mut tx = store.begin().await?;
                let user = if number % 2 == 0 { tx.users().lookup(id).await? } else { tx.users().find_by_email(&email).await? };
                let user = user.ok_or(StoreError::Conflict)?;
                let is_first = !user.has_second_factor;
                if is_first {
                    tx.factors().add(&sample::passkey(&user, number)).await?;
                }
                tx.commit().await?;
                Ok(is_first)
            }
        };
        assert_eq!(race(deed, |outcome| matches!(outcome, Ok(true))).await, 1);
        let mut tx = store.begin().await?;
        assert_eq!(tx.factors().list(user.id).await?.len(), 1);
    }
    Ok(())
}

/// One credential is of one account, and one account has one shared key; the database itself sees to both.
pub async fn a_known_credential_and_a_second_shared_key_are_conflicts(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    for factor in [sample::totp(&user, 1), sample::passkey(&user, 2), sample::totp(&other, 3), sample::passkey(&other, 4)] {
        tx.factors().add(&factor).await?;
    }
    tx.commit().await?;
    let taken = Factor { credential: Some(sample::credential(2)), ..sample::passkey(&other, 5) };
    for another in [sample::totp(&user, 6), taken] {
        let mut tx = store.begin().await?;
        let outcome = tx.factors().add(&another).await;
        assert!(matches!(outcome, Err(StoreError::Conflict)), "{outcome:?}");
    }
    Ok(())
}

/// Of many that show the same code or counter one is believed (RFC 6238 §5.2).
pub async fn a_counter_moves_on_once_for_each_value(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, _] = store_accounts(&*store).await?;
    let factor = sample::totp(&user, 1);
    let mut tx = store.begin().await?;
    tx.factors().add(&factor).await?;
    tx.commit().await?;
    let (id, from) = (factor.id, factor.counter);
    let racing = Arc::clone(&store);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let moved = tx.factors().advance(id, from, from + 3, b"new", sample::at(70)).await?;
            tx.commit().await?;
            Ok(moved)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(true))).await, 1);
    let mut tx = store.begin().await?;
    let moved = Factor { counter: from + 3, secret: b"new".to_vec(), last_used_at: Some(sample::at(70)), ..factor };
    assert_eq!(tx.factors().list(user.id).await?, [moved]);
    assert!(!tx.factors().advance(sample::totp(&user, 9).id, 0, 1, b"", sample::at(70)).await?, "nobody's");
    Ok(())
}

/// By its own account alone.
pub async fn a_factor_is_renamed_and_removed_by_its_account(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let factor = sample::passkey(&user, 1);
    let mut tx = store.begin().await?;
    tx.factors().add(&factor).await?;
    assert!(!tx.factors().rename(other.id, factor.id, "mine").await?);
    assert!(tx.factors().rename(user.id, factor.id, "'; --").await?);
    assert!(tx.factors().remove(other.id, factor.id).await?.is_none());
    let renamed = Factor { name: "'; --".to_owned(), ..factor.clone() };
    assert_eq!(tx.factors().remove(user.id, factor.id).await?, Some(renamed));
    assert!(tx.factors().remove(user.id, factor.id).await?.is_none(), "a second time there is nothing");
    assert!(tx.factors().find_passkey(&sample::credential(1)).await?.is_none());
    Ok(())
}

/// Each once, by one of however many, and for its own account; new ones take the place of all.
pub async fn a_recovery_code_is_used_once(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    tx.factors().replace_recovery_codes(user.id, &codes(0..10)).await?;
    tx.factors().replace_recovery_codes(other.id, &codes(20..30)).await?;
    assert!(!tx.factors().consume_recovery_code(other.id, &sample::digest(13, 1)).await?, "another's");
    tx.commit().await?;
    let (racing, id) = (Arc::clone(&store), user.id);
    let deed = move |_| {
        let store = Arc::clone(&racing);
        async move {
            let mut tx = store.begin().await?;
            let used = tx.factors().consume_recovery_code(id, &sample::digest(13, 1)).await?;
            tx.commit().await?;
            Ok(used)
        }
    };
    assert_eq!(race(deed, |outcome| matches!(outcome, Ok(true))).await, 1);
    let mut tx = store.begin().await?;
    assert_eq!(left(&mut *tx, [&user, &other]).await?, [9, 10]);
    tx.factors().replace_recovery_codes(user.id, &codes(40..43)).await?;
    assert!(!tx.factors().consume_recovery_code(user.id, &sample::digest(13, 2)).await?, "a former one");
    assert!(tx.factors().consume_recovery_code(user.id, &sample::digest(13, 40)).await?);
    assert_eq!(left(&mut *tx, [&user, &other]).await?, [2, 10]);
    tx.factors().replace_recovery_codes(user.id, &[]).await?;
    assert_eq!(left(&mut *tx, [&user, &other]).await?, [0, 10]);
    Ok(())
}

async fn left(tx: &mut dyn Tx, users: [&User; 2]) -> Result<[u32; 2], StoreError> {
    let mut counts = [0; 2];
    for (count, user) in counts.iter_mut().zip(users) {
        *count = tx.factors().count_recovery_codes(user.id).await?;
    }
    Ok(counts)
}

/// And its codes, and nothing of another's.
pub async fn factors_go_with_their_account(store: Arc<dyn Store>) -> Result<(), StoreError> {
    let [user, other] = store_accounts(&*store).await?;
    let mut tx = store.begin().await?;
    for (whose, number) in [(&user, 1), (&other, 2)] {
        tx.factors().add(&sample::passkey(whose, number)).await?;
        tx.factors().add(&Factor { kind: FactorKind::Totp, ..sample::totp(whose, 10 + number) }).await?;
        tx.factors().replace_recovery_codes(whose.id, &codes(number..number + 5)).await?;
    }
    assert!(tx.users().remove(user.id).await?);
    assert!(tx.factors().list(user.id).await?.is_empty());
    assert!(tx.factors().find_passkey(&sample::credential(1)).await?.is_none());
    assert_eq!(tx.factors().list(other.id).await?.len(), 2);
    assert_eq!(left(&mut *tx, [&user, &other]).await?, [0, 5]);
    Ok(())
}
