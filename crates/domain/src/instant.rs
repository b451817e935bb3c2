//! Arithmetic on instants that cannot fail, and a clock that never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use doorward_kit::{Clock, Timestamp};

/// An instant further on; the end of time if it would lie beyond.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// An instant further back; the beginning of time if it would lie before.
pub(crate) fn earlier(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// The latest instant the given clock has ever shown, in microseconds: what has ended stays ended when the clock is set back (SES-11).
pub(crate) struct HighWater {
    clock: Arc<dyn Clock>,
    mark: AtomicI64,
}

impl HighWater {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, mark: AtomicI64::new(i64::MIN) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let shown = self.clock.now().as_microsecond();
        let mark = self.mark.fetch_max(shown, Ordering::Relaxed).max(shown);
        Timestamp::from_microsecond(mark).unwrap_or(Timestamp::MAX)
    }
}
