//! Leaving out an address that fails, for a time that grows with every relapse.
//!
//! Only what a client cannot bring about alone counts: that nobody accepts the connection, and that nobody answers in time. A wrong
//! answer to one odd request does not take a server away from everybody else.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that leave an address out; after a relapse one is enough.
const STRIKES: u32 = 3;

/// The first time out; doubled with every relapse.
const FIRST: Duration = Duration::from_secs(5);

/// The longest time out.
const LONGEST: Duration = Duration::from_secs(160);

/// How one address fared lately. A success that follows successes costs two loads.
#[derive(Debug, Default)]
pub(super) struct Record {
    strikes: AtomicU32,
    relapses: AtomicU32,
    /// Left out until then, in milliseconds of [`now`]; 0 is never.
    out_until: AtomicU64,
}

impl Record {
    /// Whether it is left out at the moment.
    pub(super) fn is_out(&self) -> bool {
        let until = self.out_until.load(Relaxed);
        until != 0 && now() < until
    }

    /// An answer came. Answers whether that ends a time out.
    pub(super) fn note_success(&self) -> bool {
        if self.strikes.load(Relaxed) != 0 {
            self.strikes.store(0, Relaxed);
        }
        if self.relapses.load(Relaxed) == 0 || self.relapses.swap(0, Relaxed) == 0 {
            return false;
        }
        self.out_until.store(0, Relaxed);
        true
    }

    /// None came. Answers with the time that it is left out from now on, when it is.
    pub(super) fn note_failure(&self) -> Option<Duration> {
        if self.is_out() {
            return None;
        }
        let (strikes, relapses) = (self.strikes.fetch_add(1, Relaxed) + 1, self.relapses.load(Relaxed));
        if strikes < STRIKES && relapses == 0 {
            return None;
        }
        self.strikes.store(0, Relaxed);
        self.relapses.fetch_add(1, Relaxed);
        let time = FIRST.saturating_mul(1 << relapses.min(16)).min(LONGEST);
        self.out_until.store(now() + millis(time), Relaxed);
        Some(time)
    }
}

/// Milliseconds since the first call, and one more, so that it is never 0.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    millis(START.get_or_init(Instant::now).elapsed()) + 1
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FIRST, LONGEST, Record};

    #[tokio::test(start_paused = true)]
    async fn the_third_failure_in_a_row_leaves_out_and_every_relapse_for_longer() {
        let record = Record::default();
        for _ in 0..5 {
            assert_eq!((record.note_failure(), record.note_failure()), (None, None));
            assert!(!record.note_success());
        }
        assert_eq!((record.note_failure(), record.note_failure()), (None, None));
        assert_eq!(record.note_failure(), Some(FIRST));
        for times in [2, 4, 8, 16] {
            assert!(record.is_out());
            assert_eq!(record.note_failure(), None, "what was under way does not count again");
            tokio::time::advance(LONGEST).await;
            assert!(!record.is_out());
            assert_eq!(record.note_failure(), Some(FIRST * times));
        }
        tokio::time::advance(LONGEST).await;
        assert_eq!(record.note_failure(), Some(LONGEST));
        tokio::time::advance(LONGEST + Duration::from_millis(1)).await;
        assert!(record.note_success());
        assert_eq!(record.note_failure(), None, "a success forgives everything");
    }
}
