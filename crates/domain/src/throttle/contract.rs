//! What every implementation of [`Counters`] must do: one suite for all of them.
//!
//! Time is an argument, so nothing here waits. Every check gets counters of its own with nothing in them.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::Timestamp;
use doorward_policy::Quota;
use tokio::task::JoinSet;

use super::{Counters, Decision};

/// One key.
const KEY: [u8; 16] = [1; 16];

fn quota(count: u32, seconds: u64) -> Quota {
    Quota { count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN), window: Duration::from_secs(seconds) }
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap_or(Timestamp::UNIX_EPOCH)
}

async fn allowed(counters: &dyn Counters, key: [u8; 16], quota: Quota, micros: i64, attempts: u32) -> u32 {
    let mut passed = 0;
    for _ in 0..attempts {
        if counters.take(key, quota, at(micros)).await == Decision::Allowed {
            passed += 1;
        }
    }
    passed
}

/// No interval of the window's length holds more than the limit, wherever it is laid (APP-RL-04): the fixed-window double dip.
pub async fn app_rl_04_no_interval_of_the_window_holds_more_than_the_limit(counters: Arc<dyn Counters>) {
    let quota = quota(5, 60);
    assert_eq!(allowed(&*counters, KEY, quota, 59_999_999, 8).await, 5);
    assert_eq!(allowed(&*counters, KEY, quota, 60_000_001, 8).await, 0);
    assert_eq!(allowed(&*counters, KEY, quota, 119_999_998, 8).await, 0);
    assert_eq!(allowed(&*counters, KEY, quota, 119_999_999, 8).await, 5);
}

/// A large limit may be counted coarsely, but never over the limit, and it comes back in time.
pub async fn app_rl_04_a_large_limit_is_never_exceeded(counters: Arc<dyn Counters>) {
    let quota = quota(5_000, 60);
    let mut given: Vec<(i64, u32)> = Vec::new();
    for step in 0..800 {
        let now = step * 250_000;
        given.push((now, allowed(&*counters, KEY, quota, now, 40).await));
    }
    let from =
        |start: i64| given.iter().filter(move |(at, _)| (start..start + 60_000_000).contains(at)).map(|(_, passed)| passed);
    let most: u32 = given.iter().map(|(start, _)| from(*start).sum()).max().unwrap_or_default();
    assert!((4_000..=5_000).contains(&most), "most in one window: {most}");
    let all: u32 = given.iter().map(|(_, passed)| passed).sum();
    assert!(all > 12_000, "permits come back: {all}");
}

/// Whoever waits exactly as long as told is let through, and nobody is told to wait for longer than needed.
pub async fn the_told_wait_is_exact(counters: Arc<dyn Counters>) {
    let quota = quota(3, 10);
    for micros in [0, 1_500_000, 4_000_000] {
        assert_eq!(counters.take(KEY, quota, at(micros)).await, Decision::Allowed);
    }
    let told = counters.take(KEY, quota, at(6_000_000)).await;
    assert_eq!(told, Decision::Refused { retry_after: Duration::from_secs(4) });
    assert!(matches!(counters.take(KEY, quota, at(9_999_999)).await, Decision::Refused { .. }));
    assert_eq!(counters.take(KEY, quota, at(10_000_000)).await, Decision::Allowed);
}

/// Keys do not share.
pub async fn keys_are_counted_apart(counters: Arc<dyn Counters>) {
    let quota = quota(2, 60);
    for number in 0..100 {
        assert_eq!(allowed(&*counters, [number; 16], quota, 0, 5).await, 2);
    }
}

/// A clock set back gives nothing away, and does not lock anybody out for longer than a window.
pub async fn a_clock_set_back_gives_nothing_away(counters: Arc<dyn Counters>) {
    let quota = quota(2, 60);
    assert_eq!(allowed(&*counters, KEY, quota, 0, 5).await, 2);
    assert_eq!(allowed(&*counters, KEY, quota, -3_600_000_000, 5).await, 0);
    assert_eq!(allowed(&*counters, KEY, quota, 60_000_000, 5).await, 2);
}

/// A clock that jumped a year ahead for a moment locks nobody out until it gets there again.
pub async fn a_clock_that_jumped_ahead_and_back_locks_nobody_out(counters: Arc<dyn Counters>) {
    let quota = quota(2, 60);
    assert_eq!(allowed(&*counters, KEY, quota, 365 * 86_400_000_000, 5).await, 2);
    assert_eq!(allowed(&*counters, KEY, quota, 0, 5).await, 0);
    assert_eq!(allowed(&*counters, KEY, quota, 59_999_999, 5).await, 0);
    assert_eq!(allowed(&*counters, KEY, quota, 60_000_000, 5).await, 2);
}

/// Parallel attempts are decided one by one.
pub async fn parallel_attempts_never_pass_the_limit(counters: Arc<dyn Counters>) {
    let quota = quota(5, 60);
    let mut racers = JoinSet::new();
    for _ in 0..200 {
        let counters = Arc::clone(&counters);
        racers.spawn(async move { counters.take(KEY, quota, at(0)).await });
    }
    let passed = racers.join_all().await.iter().filter(|decision| **decision == Decision::Allowed).count();
    assert_eq!(passed, 5);
}

/// Declares the suite as tests: `counters_contract!(fresh)`, where `fresh` is an async function that returns an empty
/// `Arc<dyn Counters>` and whatever must live as long as it.
#[macro_export]
macro_rules! counters_contract {
    ($fresh:path) => {
        $crate::counters_contract!(@each $fresh;
            app_rl_04_no_interval_of_the_window_holds_more_than_the_limit,
            app_rl_04_a_large_limit_is_never_exceeded,
            the_told_wait_is_exact,
            keys_are_counted_apart,
            a_clock_set_back_gives_nothing_away,
            a_clock_that_jumped_ahead_and_back_locks_nobody_out,
            parallel_attempts_never_pass_the_limit,
        );
    };
    (@each $fresh:path; $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (counters, _keep) = $fresh().await;
                $crate::throttle::contract::$name(counters).await;
            }
        )*
    };
}
