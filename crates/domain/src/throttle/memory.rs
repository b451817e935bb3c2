//! Counters in this process: exact, bounded, sharded.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_policy::Quota;
use tokio::time::Instant;

use super::window::Window;
use super::{Counters, Decision};

/// How many keys are remembered by default: a few dozen MiB when all of them are busy with small quotas.
const DEFAULT_KEYS: usize = 200_000;

/// Locks, so that two callers rarely meet.
const SHARDS: usize = 64;

/// Part of a full shard that is forgotten in one go, so that making room costs little per new key.
const EVICTED_PART: usize = 32;

/// Microseconds before a shard is searched again in which there was nothing to forget.
const SEARCH_EVERY: i64 = 1_000_000;

/// [`Counters`] of one process.
///
/// # Security
/// A flood of new keys cannot grow the table: idle keys are forgotten first, then the longest unasked. A key whose quota is used up is
/// never forgotten to make room (EDGE-RL-08): when there is nothing else left, new keys of a quota share one count.
pub struct MemoryCounters {
    shards: Vec<Mutex<Shard>>,
    keys_per_shard: usize,
    /// When set, the time of the callers is not used, but the time since.
    began: Option<Instant>,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<[u8; 16], Slot>,
    /// Counts of those for whom there was no room, by quota.
    crowd: HashMap<Quota, Window>,
    /// When everything was found to be in use.
    packed_at: Option<i64>,
}

struct Slot {
    window: Window,
    limit: u32,
}

impl Default for MemoryCounters {
    fn default() -> Self {
        Self::with_capacity(NonZeroUsize::new(DEFAULT_KEYS).unwrap_or(NonZeroUsize::MIN))
    }
}

impl MemoryCounters {
    /// Remembers about `keys` keys at most (rounded up to a multiple of the number of shards).
    #[must_use]
    pub fn with_capacity(keys: NonZeroUsize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, keys_per_shard: keys.get().div_ceil(SHARDS), began: None }
    }

    /// Goes by the process's monotonic clock from now on, whatever time the callers name: a wall clock that is set, by hand or by a leap
    /// second, neither frees nor freezes anybody (EDGE-RL-09).
    #[must_use]
    pub fn monotonic(self) -> Self {
        Self { began: Some(Instant::now()), ..self }
    }

    /// Keys remembered at the moment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).slots.len()).sum()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// [`Counters::take`] without waiting.
    pub(super) fn take_at(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        self.take_now(key, quota, self.micros(now))
    }

    /// What [`Self::take_at`] would say.
    pub(super) fn peek(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        let now = self.micros(now);
        let Some(shard) = self.shards.get(usize::from(key[0]) % SHARDS) else { return Decision::Allowed };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.slots.get_mut(&key).map_or(Decision::Allowed, |slot| slot.window.peek(quota, now))
    }

    fn take_now(&self, key: [u8; 16], quota: Quota, now: i64) -> Decision {
        let Some(shard) = self.shards.get(usize::from(key[0]) % SHARDS) else { return Decision::Allowed };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.window(key, quota, now, self.keys_per_shard).take(quota, now)
    }

    fn micros(&self, now: Timestamp) -> i64 {
        let since = |began: Instant| i64::try_from(began.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.began.map_or_else(|| now.as_microsecond(), since)
    }
}

impl Shard {
    /// The key's own count; the one it shares where there is no room.
    fn window(&mut self, key: [u8; 16], quota: Quota, now: i64, keys: usize) -> &mut Window {
        let has_room = self.slots.len() < keys || self.slots.contains_key(&key) || self.make_room(now);
        if !has_room {
            return self.crowd.entry(quota).or_default();
        }
        let slot = self.slots.entry(key).or_insert_with(|| Slot { window: Window::default(), limit: 0 });
        slot.limit = quota.count.get();
        &mut slot.window
    }

    /// Forgets what is idle; if nothing is, some of what was not asked for the longest. Says whether there is room now.
    fn make_room(&mut self, now: i64) -> bool {
        if self.packed_at.is_some_and(|at| (at..at.saturating_add(SEARCH_EVERY)).contains(&now)) {
            return false;
        }
        let before = self.slots.len();
        self.slots.retain(|_, slot| !slot.window.is_idle(now));
        self.crowd.retain(|_, window| !window.is_idle(now));
        if self.slots.len() == before {
            self.forget_longest_unasked();
        }
        let has_room = self.slots.len() < before;
        self.packed_at = (!has_room).then_some(now);
        has_room
    }

    fn forget_longest_unasked(&mut self) {
        let is_forgettable = |slot: &Slot| slot.window.total() < slot.limit;
        let mut rank: Vec<(i64, [u8; 16])> =
            self.slots.iter().filter(|(_, slot)| is_forgettable(slot)).map(|(key, slot)| (slot.window.seen(), *key)).collect();
        let part = (self.slots.len() / EVICTED_PART).max(1).min(rank.len());
        if part == 0 {
            return;
        }
        rank.select_nth_unstable(part - 1);
        for (_, key) in &rank[..part] {
            self.slots.remove(key);
        }
    }
}

#[async_trait]
impl Counters for MemoryCounters {
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        self.take_at(key, quota, now)
    }

    async fn reset(&self, key: [u8; 16]) {
        if let Some(shard) = self.shards.get(usize::from(key[0]) % SHARDS) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).slots.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroUsize};
    use std::sync::Arc;
    use std::time::Duration;

    use doorward_policy::Quota;

    use super::{Decision, MemoryCounters};
    use crate::throttle::Counters;

    mod contract {
        use super::{Arc, Counters, MemoryCounters};

        fn fresh() -> std::future::Ready<(Arc<dyn Counters>, ())> {
            std::future::ready((Arc::new(MemoryCounters::default()), ()))
        }

        crate::counters_contract!(fresh);
    }

    fn key(number: u64) -> [u8; 16] {
        let mut key = [0; 16];
        // The first octet picks the shard: all keys land in one.
        key[8..].copy_from_slice(&number.to_be_bytes());
        key
    }

    #[test]
    fn a_flood_of_keys_forgets_idle_ones_and_keeps_offenders() {
        let counters = MemoryCounters::with_capacity(NonZeroUsize::new(64 * 100).unwrap());
        let quota = Quota { count: NonZeroU32::new(2).unwrap(), window: Duration::from_secs(60) };
        for _ in 0..3 {
            let _ = counters.take_now(key(0), quota, 1);
        }
        for number in 1..10_000 {
            let _ = counters.take_now(key(number), quota, 2);
        }
        assert!(counters.len() <= 100);
        assert!(matches!(counters.take_now(key(0), quota, 3), Decision::Refused { .. }), "the offender is still known");
    }

    fn small(count: u32, seconds: u64) -> Quota {
        Quota { count: NonZeroU32::new(count).unwrap(), window: Duration::from_secs(seconds) }
    }

    #[test]
    fn where_every_key_is_used_up_none_is_forgotten_and_new_ones_share_a_count() {
        let counters = MemoryCounters::with_capacity(NonZeroUsize::new(64 * 100).unwrap());
        let quota = small(1, 60);
        let passed = (0..10_000).filter(|number| counters.take_now(key(*number), quota, 1) == Decision::Allowed).count();
        assert_eq!(passed, 101, "a hundred of their own and one for everybody else");
        for number in 0..100 {
            assert!(matches!(counters.take_now(key(number), quota, 2), Decision::Refused { .. }), "{number} is still known");
        }
        assert_eq!(counters.take_now(key(20_000), small(3, 60), 2), Decision::Allowed, "another quota has a count of its own");
        assert_eq!(counters.take_now(key(20_000), quota, 61_000_000), Decision::Allowed, "room comes back with time");
        assert_eq!(counters.len(), 1);
    }

    /// `spread` over all shards, as digests are.
    fn spread(number: u64) -> [u8; 16] {
        let mut key = key(number);
        key[0] = number.to_le_bytes()[0];
        key
    }

    fn flood(keys: u64) {
        let counters = MemoryCounters::default();
        let quota = small(5, 60);
        let offender = spread(0);
        while counters.take_now(offender, quota, 0) == Decision::Allowed {}
        for number in 1..=keys {
            // A hundred thousand new keys a second; the offender keeps trying.
            let now = i64::try_from(number).unwrap() * 10;
            let _ = counters.take_now(spread(number), quota, now);
            if number % 1000 == 0 && now < 60_000_000 {
                assert!(matches!(counters.take_now(offender, quota, now), Decision::Refused { .. }), "freed by key {number}");
            }
        }
        assert!(counters.len() <= super::DEFAULT_KEYS + super::SHARDS, "{}", counters.len());
    }

    #[test]
    fn a_million_keys_neither_grow_the_table_nor_free_an_offender() {
        flood(1_000_000);
    }

    #[test]
    #[ignore = "ten million keys take a while without optimisation; run it with --ignored"]
    fn ten_million_keys_neither_grow_the_table_nor_free_an_offender() {
        flood(10_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn by_the_monotonic_clock_no_step_of_the_wall_clock_frees_or_freezes() {
        let counters = MemoryCounters::default().monotonic();
        let quota = small(2, 60);
        let at = |seconds: i64| doorward_kit::Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        assert_eq!(counters.take(key(1), quota, at(0)).await, Decision::Allowed);
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(counters.take(key(1), quota, at(-3_600)).await, Decision::Allowed);
        assert_eq!(counters.take(key(1), quota, at(3_600)).await, Decision::Refused { retry_after: Duration::from_secs(30) });
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(counters.take(key(1), quota, at(-3_600)).await, Decision::Allowed);
        assert!(matches!(counters.take(key(1), quota, at(7_200)).await, Decision::Refused { .. }));
    }

    #[test]
    fn keys_of_a_past_window_make_room_at_once() {
        let counters = MemoryCounters::with_capacity(NonZeroUsize::new(64 * 10).unwrap());
        let quota = Quota { count: NonZeroU32::new(1).unwrap(), window: Duration::from_secs(1) };
        for number in 0..10 {
            let _ = counters.take_now(key(number), quota, 0);
        }
        let _ = counters.take_now(key(10), quota, 1_000_000);
        assert_eq!(counters.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn app_rl_04_no_sequence_of_attempts_passes_the_limit(count in 1_u32..6, steps in proptest::collection::vec(0_i64..400, 1..200)) {
            let counters = MemoryCounters::default();
            let quota = Quota { count: NonZeroU32::new(count).unwrap(), window: Duration::from_micros(1000) };
            let (mut now, mut given) = (0, Vec::new());
            for step in steps {
                now += step;
                if counters.take_now(key(1), quota, now) == Decision::Allowed {
                    given.push(now);
                }
            }
            for window in given.windows(usize::try_from(count).unwrap() + 1) {
                proptest::prop_assert!(window[window.len() - 1] - window[0] >= 1000);
            }
        }

        #[test]
        fn a_told_wait_lets_through_and_no_shorter_one_does(count in 1_u32..6, steps in proptest::collection::vec(0_i64..400, 1..60)) {
            let counters = MemoryCounters::default();
            let quota = Quota { count: NonZeroU32::new(count).unwrap(), window: Duration::from_micros(1000) };
            let mut now = 0;
            for step in steps {
                now += step;
                if let Decision::Refused { retry_after } = counters.take_now(key(1), quota, now) {
                    let wait = i64::try_from(retry_after.as_micros()).unwrap();
                    let too_early = matches!(counters.take_now(key(1), quota, now + wait - 1), Decision::Refused { .. });
                    proptest::prop_assert!(too_early);
                    now += wait;
                    proptest::prop_assert_eq!(counters.take_now(key(1), quota, now), Decision::Allowed);
                }
            }
        }
    }
}
