//! How often and how soon it is tried again (TLS-13).
//!
//! Comes in: attempts with their names, times, and what the authority asked for. Goes out: the earliest time of the next attempt.
//! Two things are kept apart: [`Ledger`] is the limit, lies in the vault, and holds for every start and every node; [`Pauses`] is
//! politeness, and begins anew with each issuer, so that whoever has mended something and starts again is served at once.
//! Must never know: sockets, the clock (times are arguments).

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_kit::{Entropy, Host, Timestamp};

use crate::issuer::IssuerTimes;

/// So many failures an hour may a name have; the authority's own limit of failed validations is the same.
pub const FAILURES_PER_HOUR: usize = 5;

const HOUR: Duration = Duration::from_secs(3600);
/// A `Retry-After` beyond this is taken as this: its longest limit is counted by the week.
pub(crate) const LONGEST_WISH: Duration = Duration::from_secs(7 * 24 * 3600);
/// So many names are remembered; an order has a hundred at most. With five times each they fit into 256 KiB, however long they are.
const MOST_NAMES: usize = 500;

/// The attempts of the last hour that did not succeed, or are not known to have: an attempt is noted before it is made, so that one
/// that is cut off counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// When each name was tried.
    pub attempts: BTreeMap<Host, Vec<Timestamp>>,
    /// Until when the authority asked to be left alone.
    pub wish: Option<Timestamp>,
}

impl Ledger {
    /// May these names be ordered now? Otherwise from when on.
    #[must_use]
    pub fn next(&self, names: &[Host], now: Timestamp) -> Timestamp {
        let full = names.iter().filter_map(|name| self.full_until(name, now));
        // An hour of grace as for attempts: nodes need not agree on the second.
        let wish = self.wish.filter(|until| *until <= later(now, LONGEST_WISH + HOUR));
        full.chain(wish).chain(self.crowded_until(names, now)).fold(now, Timestamp::max)
    }

    /// When a name that was tried too often may be tried again.
    fn full_until(&self, name: &Host, now: Timestamp) -> Option<Timestamp> {
        let mut times: Vec<_> = self.attempts.get(name)?.iter().copied().filter(|at| counts(*at, now)).collect();
        times.sort_unstable();
        let first = times.len().checked_sub(FAILURES_PER_HOUR)?;
        times.get(first).map(|at| later(*at, HOUR))
    }

    /// When there is room for these names beside those that were ordered before them: nothing is forgotten to make room.
    fn crowded_until(&self, names: &[Host], now: Timestamp) -> Option<Timestamp> {
        let others = self.attempts.iter().filter(|(name, _)| !names.contains(name));
        let last_of = |times: &Vec<Timestamp>| times.iter().copied().filter(|at| counts(*at, now)).max();
        let mut leave: Vec<_> = others.filter_map(|(_, times)| last_of(times)).map(|last| later(last, HOUR)).collect();
        leave.sort_unstable();
        let too_many = (leave.len() + names.len()).saturating_sub(MOST_NAMES);
        leave.get(too_many.checked_sub(1)?).copied()
    }

    /// Notes an attempt that is about to be made, and forgets what does not count any more.
    pub fn attempt(&mut self, names: &[Host], now: Timestamp) {
        self.attempts.retain(|_, times| {
            times.retain(|at| counts(*at, now));
            !times.is_empty()
        });
        for name in names {
            let times = self.attempts.entry(name.clone()).or_default();
            times.push(now);
            times.sort_unstable();
            let excess = times.len().saturating_sub(FAILURES_PER_HOUR);
            times.drain(..excess);
        }
    }

    /// Notes that the authority wants to be left alone until then. A longer wish stays.
    pub fn heed(&mut self, until: Timestamp) {
        self.wish = self.wish.max(Some(until));
    }

    /// Takes away the note of the attempt that was begun then, and the wish. The failures before it still count.
    pub fn success(&mut self, names: &[Host], begun: Timestamp) {
        for name in names {
            let Some(times) = self.attempts.get_mut(name) else { continue };
            if let Some(at) = times.iter().position(|at| *at == begun) {
                times.remove(at);
            }
        }
        self.attempts.retain(|_, times| !times.is_empty());
        self.wish = None;
    }
}

/// Is this time within an hour, in either direction? What lies further ahead was written while a clock was wrong, and would otherwise
/// count until the clock gets there.
fn counts(at: Timestamp, now: Timestamp) -> bool {
    now < later(at, HOUR) && at <= later(now, HOUR)
}

/// The pauses of one issuer after failures in a row.
#[derive(Debug, Default)]
pub struct Pauses {
    in_a_row: u32,
    not_before: Option<Timestamp>,
}

impl Pauses {
    /// The end of the present pause, or now.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        self.not_before.map_or(now, |until| until.max(now))
    }

    /// Notes a failure and answers with the earliest time of the next attempt: what the authority asked for or a pause that doubles,
    /// whichever is later.
    pub fn failure(&mut self, now: Timestamp, wish: Option<Timestamp>, times: &IssuerTimes, entropy: &dyn Entropy) -> Timestamp {
        let pause = jittered(doubled(times, self.in_a_row), entropy);
        self.in_a_row = self.in_a_row.saturating_add(1);
        let until = wish.into_iter().fold(later(now, pause), Timestamp::max);
        self.not_before = Some(until);
        until
    }

    /// Notes a success: pauses begin anew.
    pub fn success(&mut self) {
        *self = Self::default();
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
