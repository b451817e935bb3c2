//! How often and how soon it is tried again (TLS-13).
//!
//! Comes in: failures with their names, times, and what the authority asked for. Goes out: the earliest time of the next attempt.
//! Must never know: sockets, the clock (times are arguments).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use doorward_kit::{Entropy, Host, Timestamp};

use crate::issuer::IssuerTimes;

/// So many failures an hour may a name have; the authority's own limit of failed validations is the same.
pub const FAILURES_PER_HOUR: usize = 5;

const HOUR: Duration = Duration::from_secs(3600);
/// A `Retry-After` beyond this is taken as this: its longest limit is counted by the week.
const LONGEST_WISH: Duration = Duration::from_secs(7 * 24 * 3600);

/// Remembers failures.
#[derive(Debug, Default)]
pub struct Ledger {
    failed: HashMap<Host, VecDeque<Timestamp>>,
    in_a_row: u32,
    not_before: Option<Timestamp>,
    wished: bool,
}

impl Ledger {
    /// Did the authority ask for the present pause?
    #[must_use]
    pub fn wished(&self) -> bool {
        self.wished
    }

    /// Has one of the names used up its failures of this hour?
    #[must_use]
    pub fn is_full(&self, names: &[Host], now: Timestamp) -> bool {
        names.iter().filter_map(|name| self.full_until(name)).any(|until| now < until)
    }

    /// May these names be ordered now? Otherwise from when on.
    #[must_use]
    pub fn next(&self, names: &[Host], now: Timestamp) -> Timestamp {
        let full = names.iter().filter_map(|name| self.full_until(name));
        full.chain(self.not_before).fold(now, Timestamp::max)
    }

    /// When a name that failed too often may be ordered again.
    fn full_until(&self, name: &Host) -> Option<Timestamp> {
        let failed = self.failed.get(name)?;
        if failed.len() < FAILURES_PER_HOUR { None } else { failed.front().map(|first| later(*first, HOUR)) }
    }

    /// Notes a failure and answers with the earliest time of the next attempt: what the authority asked for or a pause that doubles,
    /// whichever is longer, and never a sixth failure of a name within an hour.
    pub fn failure(
        &mut self,
        names: &[Host],
        now: Timestamp,
        wish: Option<Duration>,
        times: &IssuerTimes,
        entropy: &dyn Entropy,
    ) -> Timestamp {
        // Names that are no longer configured would stay for ever; for an hour they count, as they may come back.
        self.failed.retain(|name, failed| names.contains(name) || failed.back().is_some_and(|last| now < later(*last, HOUR)));
        for name in names {
            let failed = self.failed.entry(name.clone()).or_default();
            if failed.len() == FAILURES_PER_HOUR {
                failed.pop_front();
            }
            failed.push_back(now);
        }
        let pause = jittered(doubled(times, self.in_a_row), entropy);
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.wished = wish.is_some();
        self.not_before = Some(later(now, pause.max(wish.unwrap_or_default().min(LONGEST_WISH))));
        self.next(names, now)
    }

    /// Notes that other names are ordered from now on: a pause of our own was for the order that failed and ends, so that a mended list
    /// is tried at once. Failures of the last hour still count, and what the authority asked for still holds.
    pub fn other_names(&mut self) {
        if !self.wished {
            (self.in_a_row, self.not_before) = (0, None);
        }
    }

    /// Notes a success: pauses begin anew. Failures of the last hour still count.
    pub fn success(&mut self) {
        (self.in_a_row, self.not_before, self.wished) = (0, None, false);
    }
}

fn doubled(times: &IssuerTimes, in_a_row: u32) -> Duration {
    let factor = 1_u32.checked_shl(in_a_row.min(31)).unwrap_or(u32::MAX);
    times.first_pause.saturating_mul(factor).min(times.longest_pause)
}

/// Between the pause and a quarter more, so that many nodes that fail together do not come back together.
fn jittered(pause: Duration, entropy: &dyn Entropy) -> Duration {
    pause + fraction(pause / 4, entropy)
}

/// A uniformly drawn part of a span.
pub(crate) fn fraction(span: Duration, entropy: &dyn Entropy) -> Duration {
    let mut drawn = [0; 4];
    entropy.fill(&mut drawn);
    let share = f64::from(u32::from_le_bytes(drawn)) / (f64::from(u32::MAX) + 1.0);
    span.mul_f64(share)
}

/// The end of time instead of a panic.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
