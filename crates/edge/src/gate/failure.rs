//! Failed attempts, counted per caller prefix and per user name in a sliding window (GATE-16).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_kit::Prefix;
use doorward_policy::Quota;
use tokio::time::Instant;

/// Most keys that are remembered; when all of them are fresh, whoever is new has to wait. Offenders are never forgotten early.
const KEYS_MAX: usize = 65_536;

/// Who failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// From where.
    Prefix(Prefix),
    /// As whom at which gate: a keyed digest, so that names of any length take the same room.
    User([u8; 32]),
}

/// Remembers failures.
pub(super) struct Failures {
    quota: Quota,
    any: Arc<AtomicBool>,
    seen: Arc<Mutex<HashMap<Key, VecDeque<Instant>>>>,
}

impl Failures {
    pub(super) fn new(quota: Quota) -> Self {
        Self { quota, any: Arc::default(), seen: Arc::default() }
    }

    /// Goes on with what was counted before, by the new quota.
    pub(super) fn following(&self, before: &Self) -> Self {
        Self { quota: self.quota, any: Arc::clone(&before.any), seen: Arc::clone(&before.seen) }
    }

    /// Whether nobody ever failed: then nobody needs to be looked up.
    pub(super) fn is_quiet(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// How long the caller has to wait; `None` when it may try.
    pub(super) fn wait(&self, keys: [Key; 2]) -> Option<Duration> {
        if self.is_quiet() {
            return None;
        }
        let now = Instant::now();
        let mut seen = self.lock();
        keys.into_iter().filter_map(|key| self.wait_of(&mut seen, key, now)).max()
    }

    fn wait_of(&self, seen: &mut HashMap<Key, VecDeque<Instant>>, key: Key, now: Instant) -> Option<Duration> {
        let Some(times) = seen.get_mut(&key) else {
            return (seen.len() >= KEYS_MAX).then_some(self.quota.window);
        };
        self.forget_old(times, now);
        if times.len() < self.limit() {
            return None;
        }
        // Free again when the oldest of the last `limit` failures leaves the window.
        let oldest = times.get(times.len() - self.limit())?;
        Some((*oldest + self.quota.window).saturating_duration_since(now))
    }

    /// Begins an attempt; it counts as a failure unless it is said to have succeeded.
    pub(super) fn begin(&self, keys: [Key; 2]) -> Attempt<'_> {
        Attempt { failures: self, keys, failed: true }
    }

    fn note(&self, keys: [Key; 2]) {
        let now = Instant::now();
        let mut seen = self.lock();
        self.make_room(&mut seen, now);
        for key in keys {
            seen.entry(key).or_default().push_back(now);
        }
        self.any.store(true, Ordering::Release);
    }

    fn make_room(&self, seen: &mut HashMap<Key, VecDeque<Instant>>, now: Instant) {
        if seen.len() >= KEYS_MAX / 2 {
            seen.retain(|_, times| {
                self.forget_old(times, now);
                !times.is_empty()
            });
        }
    }

    fn forget_old(&self, times: &mut VecDeque<Instant>, now: Instant) {
        while times.front().is_some_and(|time| now.saturating_duration_since(*time) >= self.quota.window) {
            times.pop_front();
        }
    }

    fn limit(&self) -> usize {
        usize::try_from(self.quota.count.get()).unwrap_or(usize::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, VecDeque<Instant>>> {
        // Nothing can leave the map half-changed.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt under way. One that is broken off, because its caller went away, has failed.
#[must_use]
pub(super) struct Attempt<'a> {
    failures: &'a Failures,
    keys: [Key; 2],
    failed: bool,
}

impl Attempt<'_> {
    pub(super) fn succeeded(mut self) {
        self.failed = false;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.failed {
            self.failures.note(self.keys);
        }
    }
}
