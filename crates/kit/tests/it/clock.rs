//! Clocks and ids.

use std::time::Duration;

use doorward_kit::{Clock, ManualClock, SystemClock, SystemEntropy, Timestamp, UserId};

#[test]
fn a_manual_clock_has_the_precision_of_the_real_one() {
    let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(clock.now().as_nanosecond(), 1);
    clock.set(Timestamp::UNIX_EPOCH);
    assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
}

#[test]
fn a_manual_clock_goes_backwards_when_set_and_survives_absurd_steps() {
    let clock = ManualClock::at(Timestamp::from_second(1_000).expect("in range"));
    clock.set(Timestamp::from_second(10).expect("in range"));
    assert_eq!(clock.now().as_second(), 10);
    clock.set(Timestamp::MAX);
    let _ = clock.now();
    assert!(SystemClock.now() > Timestamp::UNIX_EPOCH);
}

#[test]
fn ids_are_random_and_read_back() {
    let (one, two) = (UserId::random(&SystemEntropy), UserId::random(&SystemEntropy));
    assert_ne!(one, two);
    assert_eq!(one.to_string().parse::<UserId>().ok(), Some(one));
    assert_eq!(UserId::from_bytes(*one.as_bytes()), one);
    assert_eq!(one.to_string().as_bytes()[14], b'4', "version 4: no time, no sequence");
    for bad in ["", "1", "not-an-id", "00000000-0000-0000-0000-00000000000g"] {
        assert!(bad.parse::<UserId>().is_err(), "{bad:?}");
    }
}
