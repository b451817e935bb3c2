//! One counter: the permits of the last window.
//!
//! Up to [`EXACT_LIMIT`] permits are remembered one by one. Above that, permits share [`BUCKETS`] buckets, and a bucket counts until its
//! *end* has left the window: memory stays small, a permit may come back late by one bucket, and no interval ever holds too many.

use std::collections::VecDeque;
use std::time::Duration;

use doorward_policy::Quota;

use super::Decision;

/// Largest quota whose permits are remembered one by one.
const EXACT_LIMIT: u32 = 128;

/// Into how many parts a window of a large quota is cut.
const BUCKETS: i64 = 64;

/// A clock that is further behind than this was set back; one that is less far was read before another caller's.
const STEP_BACK: i64 = 1_000_000;

/// Permits that were given at about one time, and when they leave the window.
#[derive(Debug, Clone, Copy)]
struct Given {
    /// Microseconds; exclusive, the permit is back at this instant.
    until: i64,
    count: u32,
}

/// The permits of one key that are still within the window, oldest first.
#[derive(Debug, Default)]
pub(super) struct Window {
    given: VecDeque<Given>,
    total: u32,
    /// Latest instant seen, on the clock as it goes now.
    seen: i64,
}

impl Window {
    /// Takes a permit at `now` (microseconds), or says how long to wait.
    pub(super) fn take(&mut self, quota: Quota, now: i64) -> Decision {
        let decision = self.peek(quota, now);
        if decision == Decision::Allowed {
            self.note(quota);
        }
        decision
    }

    /// What [`Self::take`] would say.
    pub(super) fn peek(&mut self, quota: Quota, now: i64) -> Decision {
        self.follow(now);
        self.drop_returned();
        if self.total >= quota.count.get() {
            return Decision::Refused { retry_after: self.wait(quota.count.get()) };
        }
        Decision::Allowed
    }

    /// Whether nothing is left to remember at `now`.
    pub(super) fn is_idle(&self, now: i64) -> bool {
        self.given.back().is_none_or(|last| last.until <= now.max(self.seen))
    }

    /// Latest instant this key was asked for.
    pub(super) fn seen(&self) -> i64 {
        self.seen
    }

    /// Permits out at the moment.
    pub(super) fn total(&self) -> u32 {
        self.total
    }

    /// When the clock was set back, everything moves with it: no permit comes back early, and none later than a window.
    fn follow(&mut self, now: i64) {
        let back = self.seen.saturating_sub(now);
        if back <= STEP_BACK {
            self.seen = self.seen.max(now);
            return;
        }
        for given in &mut self.given {
            given.until = given.until.saturating_sub(back);
        }
        self.seen = now;
    }

    fn drop_returned(&mut self) {
        while let Some(first) = self.given.front().filter(|first| first.until <= self.seen) {
            self.total -= first.count;
            self.given.pop_front();
        }
    }

    fn note(&mut self, quota: Quota) {
        let window = micros(quota.window);
        let until = if quota.count.get() <= EXACT_LIMIT {
            self.seen.saturating_add(window)
        } else {
            let width = (window / BUCKETS).max(1);
            (self.seen.div_euclid(width) + 1).saturating_mul(width).saturating_add(window)
        };
        self.total += 1;
        match self.given.back_mut() {
            Some(last) if last.until == until => last.count += 1,
            _ => self.given.push_back(Given { until, count: 1 }),
        }
    }

    /// Time until enough permits are back for one more. A quota that was lowered meanwhile may need several.
    fn wait(&self, count: u32) -> Duration {
        let mut left = self.total;
        for given in &self.given {
            left -= given.count;
            if left < count {
                return Duration::from_micros(given.until.saturating_sub(self.seen).max(1).unsigned_abs());
            }
        }
        Duration::from_micros(1)
    }
}

/// Microseconds of a window: at most a day by configuration, so it fits.
fn micros(window: Duration) -> i64 {
    i64::try_from(window.as_micros()).unwrap_or(i64::MAX)
}
