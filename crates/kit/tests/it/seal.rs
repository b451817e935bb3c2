//! What is sealed opens where it belongs, under the keys that may know it, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::ring::Rotation;
use doorward_kit::{Clock as _, KeyPurpose, KeyRing, ManualClock, Seal, SealError, SharedRing, SystemEntropy, Timestamp};

const MASTER: &str = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";
const NEXT: &[u8] = b"bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2";
const TEXT: &[u8] = b"twenty octets or more";

fn ring(clock: &Arc<ManualClock>) -> SharedRing {
    SharedRing::new(KeyRing::parse(MASTER).expect("a ring"), Arc::clone(clock) as Arc<dyn doorward_kit::Clock>)
}

/// The next key begins in a minute; the former retires an hour later.
fn rotate(ring: &SharedRing, clock: &ManualClock) {
    let now = clock.now();
    let from = now + Duration::from_secs(60);
    let rotation = Rotation { material: NEXT, from, until: from + Duration::from_secs(3600), now };
    let text = KeyRing::rotated(MASTER, &rotation).expect("rotated");
    ring.replace(KeyRing::parse(&text).expect("a ring"));
}

#[test]
fn what_was_sealed_with_a_key_that_retired_opens_for_good_and_not_otherwise() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap()));
    let ring = ring(&clock);
    let seal = Seal::new(ring.of(KeyPurpose::AccountSecret));
    let sealed = seal.seal(b"here", TEXT, &SystemEntropy).unwrap();
    rotate(&ring, &clock);
    clock.advance(Duration::from_secs(600));
    assert_eq!(seal.open(b"here", &sealed).unwrap().as_slice(), TEXT, "the former key lives");
    clock.advance(Duration::from_secs(3600));
    assert_eq!(seal.open(b"here", &sealed).unwrap_err(), SealError);
    assert_eq!(seal.open_for_good(b"here", &sealed).unwrap().as_slice(), TEXT);
    let anew = seal.seal(b"here", TEXT, &SystemEntropy).unwrap();
    assert_eq!(seal.open(b"here", &anew).unwrap().as_slice(), TEXT, "the new key sealed it");
    assert!(seal.open_for_good(b"there", &sealed).is_err(), "another place");
}

#[test]
fn neither_another_purpose_nor_a_changed_or_cut_octet_opens_anything() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_second(1_700_000_000).unwrap()));
    let ring = ring(&clock);
    let seal = Seal::new(ring.of(KeyPurpose::AccountSecret));
    let sealed = seal.seal(b"here", TEXT, &SystemEntropy).unwrap();
    let other = Seal::new(ring.of(KeyPurpose::Outbox));
    assert!(other.open(b"here", &sealed).is_err() && other.open_for_good(b"here", &sealed).is_err());
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(seal.open(b"here", &changed).is_err() && seal.open_for_good(b"here", &changed).is_err(), "octet {at}");
        assert!(seal.open(b"here", &sealed[..at]).is_err() && seal.open_for_good(b"here", &sealed[..at]).is_err(), "cut at {at}");
    }
}
