//! Time as an argument: nobody below `main` asks the machine what time it is.

use std::sync::atomic::{AtomicI64, Ordering};

pub use jiff::Timestamp;

/// Tells the time in UTC.
pub trait Clock: Send + Sync + 'static {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the machine")]
        Timestamp::now()
    }
}

/// A clock that moves only when it is told to, with the precision of the real one (nanoseconds).
///
/// ```
/// use doorward_kit::{Clock, ManualClock, Timestamp};
/// let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
/// clock.advance(std::time::Duration::from_secs(90));
/// assert_eq!(clock.now().as_second(), 90);
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Starts at `start`; the range is that of an `i64` of nanoseconds, 1677 to 2262.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(saturate(start.as_nanosecond())))
    }

    /// Moves forward.
    pub fn advance(&self, by: std::time::Duration) {
        self.0.fetch_add(saturate(by.as_nanos().try_into().unwrap_or(i128::MAX)), Ordering::SeqCst);
    }

    /// Jumps to any instant, backwards too: what a stepped system clock does.
    pub fn set(&self, to: Timestamp) {
        self.0.store(saturate(to.as_nanosecond()), Ordering::SeqCst);
    }
}

fn saturate(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0.load(Ordering::SeqCst))).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
