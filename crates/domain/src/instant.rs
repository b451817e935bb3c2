//! Arithmetic on instants that cannot fail, and a clock that never goes back.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_kit::{Clock, Timestamp};
use tokio::time::Instant;

/// An instant further on; the end of time if it would lie beyond.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// An instant further back; the beginning of time if it would lie before.
pub(crate) fn earlier(from: Timestamp, by: Duration) -> Timestamp {
    from.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// A clock that is behind by less than this will have caught up before anybody notices.
const CATCHES_UP_MICROS: i64 = 1_000_000;

/// A clock that never goes back, in microseconds: what has ended stays ended when the given clock is set back (SES-11).
///
/// Nor does it stand still. While the given clock is behind the latest instant it has shown, the time goes on from that instant by the
/// monotonic clock; otherwise one glitch forward by a year would keep every later session alive for a year. What a glitch ended stays
/// ended, what began in it lives as long as anything else. After a restart nothing is known of the glitch, and what began in it has
/// begun in the future: `session::lookup` ends it.
pub(crate) struct HighWater {
    clock: Arc<dyn Clock>,
    mark: AtomicI64,
    /// Where the mark was when it was last moved by the monotonic clock, and when that was.
    behind: Mutex<Option<(i64, Instant)>>,
}

impl HighWater {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, mark: AtomicI64::new(i64::MIN), behind: Mutex::new(None) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        let shown = self.clock.now().as_microsecond();
        let mark = self.mark.fetch_max(shown, Ordering::Relaxed).max(shown);
        let mark = if mark.saturating_sub(shown) < CATCHES_UP_MICROS { mark } else { self.go_on(mark) };
        Timestamp::from_microsecond(mark).unwrap_or(Timestamp::MAX)
    }

    /// Moves the mark by the time since it was last moved here; not at all, if it was moved by the given clock meanwhile.
    fn go_on(&self, seen: i64) -> i64 {
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let mark = self.mark.load(Ordering::Relaxed).max(seen);
        let now = Instant::now();
        let elapsed = match *behind {
            Some((at, since)) if at == mark => i64::try_from(now.duration_since(since).as_micros()).unwrap_or(i64::MAX),
            Some(_) | None => 0,
        };
        let moved = self.mark.fetch_max(mark.saturating_add(elapsed), Ordering::Relaxed).max(mark.saturating_add(elapsed));
        *behind = Some((moved, now));
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use doorward_kit::{ManualClock, Timestamp};

    use super::HighWater;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn after_a_glitch_forward_the_time_goes_on_from_there_and_never_back() {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        let clock = Arc::new(ManualClock::at(start));
        let high_water = HighWater::new(clock.clone());
        assert_eq!(high_water.now(), start);
        let ahead = start + 1000 * HOUR;
        clock.set(ahead);
        assert_eq!(high_water.now(), ahead);
        clock.set(start);
        assert_eq!(high_water.now(), ahead);
        tokio::time::advance(HOUR).await;
        clock.advance(HOUR);
        assert_eq!(high_water.now(), ahead + HOUR, "it does not stand still");
        clock.set(ahead + 2 * HOUR);
        assert_eq!(high_water.now(), ahead + 2 * HOUR, "and follows a clock that has caught up");
        tokio::time::advance(1000 * HOUR).await;
        clock.set(start);
        assert_eq!(high_water.now(), ahead + 2 * HOUR, "time that the clock had shown is not counted twice");
    }
}
