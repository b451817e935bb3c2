//! The text of a key ring, held against everything that it could be, and what its keys know when.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_kit::ring::{KeyTimes, RING_MAX_BYTES, RING_MAX_KEYS, RingChange, Rotation, is_pattern};
use doorward_kit::{Clock as _, KeyPurpose, KeyRing, ManualClock, MasterKey, RingError, SharedRing, Timestamp};
use proptest::prelude::*;

const SECRET: &str = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

/// Octets that no judge takes for a pattern.
fn material(seed: u8) -> Vec<u8> {
    let noise = |at: u8| seed.wrapping_mul(31) ^ at.wrapping_mul(at).wrapping_mul(37).wrapping_add(at.wrapping_mul(11));
    (0..48).map(noise).collect()
}

fn key(seed: u8) -> String {
    STANDARD.encode(material(seed))
}

fn rotated(text: &str, seed: u8, from: i64, until: i64, now: i64) -> Result<String, RingError> {
    let rotation = Rotation { material: &material(seed), from: at(from), until: at(until), now: at(now) };
    KeyRing::rotated(text, &rotation).map(|text| text.as_str().to_owned())
}

#[test]
fn one_secret_is_version_one_and_stays_the_same_key_when_it_becomes_a_line() {
    let alone = KeyRing::parse(SECRET).expect("a secret");
    assert_eq!((alone.newest(), alone.current(at(0))), (1, 1));
    let text = rotated(SECRET, 1, 100, 500, 100).expect("rotated");
    let ring = KeyRing::parse(&text).expect("a ring");
    let times: Vec<_> = ring.versions().collect();
    let newest = KeyTimes { from: Some(at(100)), until: None };
    assert_eq!(times, [(2, newest), (1, KeyTimes { from: None, until: Some(at(500)) })]);
    let shared = SharedRing::new(ring, Arc::new(ManualClock::at(at(100))));
    let former = shared.of(KeyPurpose::Csrf).now().of_version(1).expect("there").key.mac(b"x");
    assert_eq!(former, MasterKey::new(SECRET.as_bytes()).expect("long").derive(KeyPurpose::Csrf).mac(b"x"));
}

#[test]
fn a_new_key_begins_at_its_time_and_the_former_one_knows_until_its_own() {
    let clock = Arc::new(ManualClock::at(at(50)));
    let ring = KeyRing::parse(&rotated(SECRET, 1, 100, 500, 50).expect("rotated")).expect("a ring");
    let shared = SharedRing::new(ring, clock.clone());
    let versions = |second| {
        clock.set(at(second));
        let keys = shared.of(KeyPurpose::SessionToken).now();
        (keys.current().version, keys.alive().map(|key| key.version).collect::<Vec<_>>(), keys.all().count())
    };
    assert_eq!(versions(50), (1, vec![1, 2], 2), "what another node makes ahead of time is known");
    assert_eq!(versions(99), (1, vec![1, 2], 2));
    assert_eq!(versions(100), (2, vec![2, 1], 2));
    assert_eq!(versions(499), (2, vec![2, 1], 2));
    assert_eq!(versions(500), (2, vec![2], 2), "and for good, to those who ask for its version");
    assert!(clock.now() == at(500) && shared.of(KeyPurpose::AuditChain).now().of_version(1).is_some());
}

#[test]
fn a_ring_is_replaced_for_all_at_once_but_never_by_one_that_lacks_a_key() {
    let clock = Arc::new(ManualClock::at(at(1000)));
    let first = KeyRing::parse(SECRET).expect("a secret");
    let shared = SharedRing::new(first.clone(), clock);
    let csrf = shared.of(KeyPurpose::Csrf);
    let before = csrf.now().current().key.mac(b"x");
    let text = rotated(SECRET, 1, 1000, 2000, 1000).expect("rotated");
    let second = KeyRing::parse(&text).expect("a ring");
    assert_eq!(shared.replace(second.clone()), RingChange::Replaced);
    assert_eq!(shared.replace(second), RingChange::Same);
    assert_ne!(csrf.now().current().key.mac(b"x"), before, "whoever holds the purpose sees it");
    assert_eq!(shared.replace(first), RingChange::Lacks(2));
    let other = KeyRing::parse(&text.replace(&key(1), &key(2))).expect("a ring");
    assert_eq!(shared.replace(other), RingChange::Lacks(2), "another key under the same version");
    assert_eq!(shared.ring().newest(), 2);
}

#[test]
fn faults_name_the_line_and_never_what_stands_there() {
    let (new, old) = (key(1), key(2));
    let until = "until=2030-01-01T00:00:00Z";
    let table = [
        (format!("2 {new} trailing"), RingError::Line(1)),
        (format!("2 {new}="), RingError::Line(1)),
        (format!("2 {new} until=soon"), RingError::Line(1)),
        (format!("2 {new} {until} from=2020-01-01T00:00:00Z"), RingError::Line(1)),
        ("2 ".to_owned() + &STANDARD.encode([7; 48]), RingError::Weak(1)),
        ("2 ".to_owned() + &STANDARD.encode(&material(1)[..31]), RingError::Weak(1)),
        (format!("2 {new} {until}"), RingError::Retirement(1)),
        (format!("2 {new}\n1 {old}"), RingError::Retirement(2)),
        (format!("# two\n\n2 {new}\n2 {old} {until}"), RingError::Order(4)),
        (format!("2 {new}\n3 {old} {until}"), RingError::Order(2)),
        (format!("3 {new}\n1 {old} {until}"), RingError::Gap(2)),
        (format!("4 {new}\n# three\n3 {old} {until}\n1 {} {until}", key(3)), RingError::Gap(4)),
        (format!("2 {new}\n1 {new} {until}"), RingError::Twice(2)),
        (format!("2 {new} from=2031-01-01T00:00:00Z\n1 {old} {until}"), RingError::Times(2)),
        (format!("2 {new} from=2020-01-01T00:00:00Z\n1 {old} from=2021-01-01T00:00:00Z {until}"), RingError::Times(2)),
        (format!("2 {new}\n01 {old} {until}"), RingError::Line(2)),
        ("too short".to_owned(), RingError::Short),
        (String::new(), RingError::Short),
    ];
    for (text, fault) in table {
        let found = KeyRing::parse(&text).expect_err(&text);
        assert_eq!(found, fault, "{text}");
        let shown = format!("{found} {found:?}");
        assert!(!shown.contains(&new) && !shown.contains(&old) && !shown.contains("too short"), "{shown}");
    }
    let ring = KeyRing::parse(&format!("2 {new}\n1 {old} {until}")).expect("a ring");
    assert!(!format!("{ring:?}").contains(&new));
}

#[test]
fn blank_lines_comments_and_line_ends_of_another_system_mean_nothing() {
    let (new, old) = (key(1), key(2));
    let text =
        format!("# ours\r\n\r\n  2 {new}   from=2020-01-01T00:00:00Z\r\n# older\r\n1 {old} until=2030-01-01T00:00:00Z\r\n\r\n");
    assert_eq!(KeyRing::parse(&text).expect("a ring").versions().map(|(version, _)| version).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_key_that_has_not_begun_is_not_overtaken() {
    let pending = rotated(SECRET, 1, 100, 500, 50).expect("rotated");
    assert_eq!(rotated(&pending, 2, 200, 600, 99), Err(RingError::Pending(2)));
    assert!(rotated(&pending, 2, 200, 600, 100).is_ok());
    assert_eq!(rotated(SECRET, 1, 100, 99, 50), Err(RingError::Times(2)), "no time without a key");
    assert_eq!(
        KeyRing::rotated(SECRET, &Rotation { material: &[9; 48], from: at(1), until: at(1), now: at(1) }).err(),
        Some(RingError::Weak(1))
    );
}

#[test]
fn a_ring_takes_64_keys_which_fit_into_its_file_and_no_more() {
    let mut text = SECRET.to_owned();
    for turn in 1..RING_MAX_KEYS {
        let now = i64::try_from(turn).expect("small") * 1000;
        text = rotated(&text, u8::try_from(turn).expect("small"), now, now + 500, now).expect("room");
    }
    assert!(text.len() as u64 <= RING_MAX_BYTES, "{}", text.len());
    assert_eq!(KeyRing::parse(&text).expect("a ring").versions().count(), RING_MAX_KEYS);
    assert_eq!(rotated(&text, 200, 99_000, 99_500, 99_000), Err(RingError::Full));
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_be_judged(text in any::<String>()) {
        let _ = KeyRing::parse(&text);
        let _ = rotated(&text, 1, 100, 200, 100);
    }

    #[test]
    fn no_line_is_too_odd_to_be_judged(lines in proptest::collection::vec("[0-9]{0,8} [A-Za-z0-9+/=]{0,70}( from=[0-9TZ:-]{0,22})?( until=[0-9TZ:-]{0,22})?", 0..6)) {
        let _ = KeyRing::parse(&lines.join("\n"));
    }

    /// However often and with whatever times it is rotated: every text that comes out is a ring with every key that was in it, there is
    /// a current key at every moment, and it is alive.
    #[test]
    fn rotations_lose_no_key_and_leave_no_moment_without_one(
        turns in proptest::collection::vec((0_i64..5000, 0_i64..5000, 0_i64..20_000), 1..8),
        moment in 0_i64..100_000,
    ) {
        let (mut text, mut now) = (SECRET.to_owned(), 0);
        for (turn, (delay, overlap, pause)) in turns.iter().enumerate() {
            let before = KeyRing::parse(&text).unwrap();
            let from = now + delay;
            text = rotated(&text, u8::try_from(turn).unwrap() + 1, from, from + overlap, now).unwrap();
            let shared = SharedRing::new(before, Arc::new(ManualClock::at(at(now))));
            prop_assert_eq!(shared.replace(KeyRing::parse(&text).unwrap()), RingChange::Replaced);
            now = from + pause;
        }
        let ring = KeyRing::parse(&text).unwrap();
        prop_assert_eq!(ring.versions().count(), turns.len() + 1);
        let shared = SharedRing::new(ring, Arc::new(ManualClock::at(at(moment))));
        let keys = shared.of(KeyPurpose::SessionToken).now();
        prop_assert!(keys.current().times.is_alive(at(moment)));
        prop_assert!(keys.alive().filter(|key| key.version == keys.current().version).count() == 1);
    }

    #[test]
    fn random_octets_are_never_taken_for_a_pattern(octets in proptest::collection::vec(any::<u8>(), 32..64)) {
        let kinds = octets.iter().collect::<std::collections::BTreeSet<_>>().len();
        prop_assume!(kinds > 16);
        prop_assert!(!is_pattern(&octets));
    }

    #[test]
    fn a_piece_over_and_over_is_a_pattern(piece in proptest::collection::vec(any::<u8>(), 1..24), times in 2_usize..9, cut in 0_usize..24) {
        let mut text = piece.repeat(times);
        text.extend_from_slice(&piece[..cut.min(piece.len())]);
        prop_assert!(is_pattern(&text));
    }
}
