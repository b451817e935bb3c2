//! Counters in this process: exact, bounded, sharded.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_policy::Quota;

use super::window::Window;
use super::{Counters, Decision};

/// How many keys are remembered by default: a few dozen MiB when all of them are busy with small quotas.
const DEFAULT_KEYS: usize = 200_000;

/// Locks, so that two callers rarely meet.
const SHARDS: usize = 64;

/// Part of a full shard that is forgotten in one go, so that making room costs little per new key.
const EVICTED_PART: usize = 32;

/// [`Counters`] for a single node.
///
/// # Security
/// A flood of new keys cannot grow the table: idle keys are forgotten first, then the longest unasked, and keys whose quota is used up
/// only when nothing else is left.
pub struct MemoryCounters {
    shards: Vec<Mutex<HashMap<[u8; 16], Slot>>>,
    keys_per_shard: usize,
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
        let shards = (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect();
        Self { shards, keys_per_shard: keys.get().div_ceil(SHARDS) }
    }

    /// Keys remembered at the moment.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take_now(&self, key: [u8; 16], quota: Quota, now: i64) -> Decision {
        let Some(shard) = self.shards.get(usize::from(key[0]) % SHARDS) else { return Decision::Allowed };
        let mut slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if !slots.contains_key(&key) && slots.len() >= self.keys_per_shard {
            make_room(&mut slots, now);
        }
        let slot = slots.entry(key).or_insert_with(|| Slot { window: Window::default(), limit: 0 });
        slot.limit = quota.count.get();
        slot.window.take(quota, now)
    }
}

/// Forgets what is idle; if nothing is, the part of the rest that matters least.
fn make_room(slots: &mut HashMap<[u8; 16], Slot>, now: i64) {
    let before = slots.len();
    slots.retain(|_, slot| !slot.window.is_idle(now));
    if slots.len() < before {
        return;
    }
    let mut rank: Vec<(bool, i64, [u8; 16])> =
        slots.iter().map(|(key, slot)| (slot.window.total() >= slot.limit, slot.window.seen(), *key)).collect();
    let part = (before / EVICTED_PART).clamp(1, before);
    rank.select_nth_unstable(part - 1);
    for (_, _, key) in &rank[..part] {
        slots.remove(key);
    }
}

#[async_trait]
impl Counters for MemoryCounters {
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        self.take_now(key, quota, now.as_microsecond())
    }

    async fn reset(&self, key: [u8; 16]) {
        if let Some(shard) = self.shards.get(usize::from(key[0]) % SHARDS) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
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
