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
}
