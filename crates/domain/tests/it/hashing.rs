//! The hashing pool, with parameters that take microseconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use doorward_domain::credential::{Argon2Error, Argon2Pool, Argon2Settings};
use doorward_domain::{HashError, Password, PasswordCheck, PasswordHasher as _};
use doorward_kit::ring::{KeyTimes, VersionedKey};
use doorward_kit::{Entropy, PurposeRing, SubKey};

use crate::support::SeededEntropy;

const QUICK: Argon2Settings = Argon2Settings { memory_kib: 64, passes: 1, lanes: 1, threads: 2, queue_per_thread: 64 };

fn pool(settings: Argon2Settings, pepper: u8) -> Argon2Pool {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(9));
    Argon2Pool::start(settings, SubKey::new([pepper; 32]), &entropy).unwrap()
}

/// A pool with several peppers, the newest first.
fn pool_of(peppers: &[u8]) -> Argon2Pool {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(9));
    let key =
        |pepper: &u8| VersionedKey { version: u32::from(*pepper), times: KeyTimes::default(), key: SubKey::new([*pepper; 32]) };
    let older = peppers[1..].iter().map(key).collect();
    Argon2Pool::start(QUICK, PurposeRing::fixed(key(&peppers[0]), older), &entropy).unwrap()
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

#[tokio::test]
async fn a_hash_verifies_and_another_password_does_not() {
    let pool = pool(QUICK, 1);
    let stored = pool.hash(password("correct horse battery staple")).await.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1,keyid="), "{stored}");
    let check = |text: &'static str| pool.verify(password(text), Some(stored.clone()));
    assert_eq!(check("correct horse battery staple").await, Ok(PasswordCheck::Match));
    for wrong in ["", "correct horse battery stapl", "correct horse battery staple ", "Correct horse battery staple"] {
        assert_eq!(check(wrong).await, Ok(PasswordCheck::Mismatch), "{wrong:?}");
    }
}

#[tokio::test]
async fn two_hashes_of_one_password_differ() {
    let pool = pool(QUICK, 1);
    assert_ne!(pool.hash(password("same")).await, pool.hash(password("same")).await);
}

#[tokio::test]
async fn nothing_stored_is_never_a_match() {
    let pool = pool(QUICK, 1);
    for text in ["", "any"] {
        assert_eq!(pool.verify(password(text), None).await, Ok(PasswordCheck::Mismatch));
    }
}

#[tokio::test]
async fn a_stored_string_that_asks_for_too_much_or_is_none_is_unusable() {
    let pool = pool(QUICK, 1);
    let good = pool.hash(password("x")).await.unwrap();
    let bad = [
        String::new(),
        "plain text".to_owned(),
        "$2x$12$abcdefghijklmnopqrstuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu".to_owned(),
        good.replace("m=64", "m=4294967295"),
        good.replace("m=64", "m=1048577"),
        good.replace("t=1", "t=17"),
        good.replace("p=1", "p=5"),
        good.replace("v=19", "v=18"),
        good.replace("argon2id", "argon2x"),
        good.rsplit_once('$').unwrap().0.to_owned(),
        format!("{good}{}", "A".repeat(600)),
    ];
    for stored in bad {
        assert_eq!(pool.verify(password("x"), Some(stored.clone())).await, Err(HashError::Unusable), "{stored}");
    }
}

#[tokio::test]
async fn a_hash_with_another_pepper_is_unusable_and_one_without_is_upgraded() {
    let stored = pool(QUICK, 1).hash(password("x")).await.unwrap();
    assert_eq!(pool(QUICK, 2).verify(password("x"), Some(stored)).await, Err(HashError::Unusable));
    let plain = plain_hash("password");
    assert_eq!(pool(QUICK, 1).verify(password("password"), Some(plain.clone())).await, Ok(PasswordCheck::MatchRehash));
    assert_eq!(pool(QUICK, 1).verify(password("passwort"), Some(plain)).await, Ok(PasswordCheck::Mismatch));
}

/// A hash as another application would have stored it: no pepper.
fn plain_hash(text: &str) -> String {
    use argon2::password_hash::PasswordHasher as _;
    let params = argon2::Params::new(64, 2, 1, Some(32)).unwrap();
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let hash: argon2::PasswordHash = argon2.hash_password_with_salt(text.as_bytes(), b"sixteen octets!!").unwrap();
    hash.to_string()
}

#[tokio::test]
async fn weaker_parameters_ask_for_a_rehash_and_stronger_ones_do_not() {
    let stored = pool(QUICK, 1).hash(password("x")).await.unwrap();
    let more_memory = Argon2Settings { memory_kib: 128, ..QUICK };
    let more_passes = Argon2Settings { passes: 2, ..QUICK };
    let less_memory = Argon2Settings { memory_kib: 32, ..QUICK };
    for (settings, expected) in [
        (more_memory, PasswordCheck::MatchRehash),
        (more_passes, PasswordCheck::MatchRehash),
        (less_memory, PasswordCheck::Match),
    ] {
        assert_eq!(pool(settings, 1).verify(password("x"), Some(stored.clone())).await, Ok(expected));
        assert_eq!(pool(settings, 1).verify(password("y"), Some(stored.clone())).await, Ok(PasswordCheck::Mismatch));
    }
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_was_queued_is_done() {
    let slow = Argon2Settings { memory_kib: 4096, passes: 4, threads: 1, queue_per_thread: 4, ..QUICK };
    let pool = Arc::new(pool(slow, 1));
    let mut jobs = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let pool = Arc::clone(&pool);
        jobs.spawn(async move { pool.hash(password("x")).await });
    }
    let outcomes = jobs.join_all().await;
    let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let busy = outcomes.iter().filter(|outcome| **outcome == Err(HashError::Busy)).count();
    assert_eq!(done + busy, 40);
    assert!(done >= 4 && busy >= 1, "{done} done, {busy} busy");
    assert!(pool.hash(password("x")).await.is_ok(), "and it goes on");
}

/// Chance that fails at chosen calls: the only way to make a thread of the real pool panic from outside.
struct BrittleEntropy {
    inner: SeededEntropy,
    calls: AtomicU32,
    fails_at: std::ops::Range<u32>,
}

impl Entropy for BrittleEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(!self.fails_at.contains(&call), "no entropy at call {call}");
        self.inner.fill(bytes);
    }
}

#[tokio::test]
async fn a_panic_ends_one_hash_and_neither_its_thread_nor_the_queue() {
    // Call 0 is the dummy's salt; the first eight hashes then panic, on one thread with a queue of two.
    let entropy: Arc<dyn Entropy> =
        Arc::new(BrittleEntropy { inner: SeededEntropy::new(9), calls: AtomicU32::new(0), fails_at: 1..9 });
    let settings = Argon2Settings { threads: 1, queue_per_thread: 2, ..QUICK };
    let pool = Argon2Pool::start(settings, SubKey::new([1; 32]), &entropy).unwrap();
    for attempt in 0..8 {
        assert_eq!(pool.hash(password("x")).await, Err(HashError::Busy), "attempt {attempt} is told to come back");
    }
    let stored = pool.hash(password("x")).await.expect("the thread goes on, and no place in the queue was lost");
    assert_eq!(pool.verify(password("x"), Some(stored)).await, Ok(PasswordCheck::Match));
}

#[test]
fn parameters_out_of_range_do_not_start() {
    let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(9));
    let nothing = Argon2Settings { memory_kib: 0, ..QUICK };
    assert_eq!(Argon2Pool::start(nothing, SubKey::new([1; 32]), &entropy).err(), Some(Argon2Error::Settings));
}

#[test]
fn a_password_is_normalised_once_and_never_trimmed_or_folded() {
    let text = |password: Password| password.normalised().0.expose().clone();
    assert_eq!(text(password("u\u{308}ber ")), "über ");
    assert_eq!(text(password(" A\tb ")), " A\tb ");
    // Compatibility forms stay what they are: NFC, not NFKC.
    assert_eq!(text(password("ﬁ①")), "ﬁ①");
    assert_eq!(format!("{:?}", password("hidden")), "Password(Secret(..))");
}

#[tokio::test]
async fn a_hash_with_a_former_pepper_matches_and_is_to_be_made_again() {
    let old = pool_of(&[1]).hash(password("correct horse")).await.unwrap();
    let both = pool_of(&[2, 1]);
    let check = |text: &'static str, stored: &str| both.verify(password(text), Some(stored.to_owned()));
    assert_eq!(check("correct horse", &old).await, Ok(PasswordCheck::MatchRehash));
    assert_eq!(check("correct horsf", &old).await, Ok(PasswordCheck::Mismatch));
    let new = both.hash(password("correct horse")).await.unwrap();
    assert_eq!(check("correct horse", &new).await, Ok(PasswordCheck::Match));
    let keyid = |stored: &str| stored.split_once("keyid=").unwrap().1.split(['$', ',']).next().unwrap().to_owned();
    assert_ne!(keyid(&old), keyid(&new));
    // The name of a pepper is not the pepper: with the other one's name on it the hash is nothing.
    assert_eq!(check("correct horse", &old.replace(&keyid(&old), &keyid(&new))).await, Ok(PasswordCheck::Mismatch));
    let only_new = pool_of(&[2]);
    assert_eq!(only_new.verify(password("correct horse"), Some(old)).await, Err(HashError::Unusable));
}
