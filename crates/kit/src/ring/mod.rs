//! The master keys of a site in their order (CFG-02): the newest makes everything new, former ones know what is older until they retire,
//! and what has to be known for good (peppers, audit chains) for good.
//!
//! Comes in: the text of a key file. Goes out: the key of a purpose, of the version that is asked for.
//! Must never know: files, who uses a key for what.

mod fault;
mod random;
mod shared;
mod stack;
mod text;

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::key::{KeyPurpose, MasterKey, SubKey};

pub use fault::RingError;
pub use random::is_pattern;
pub use shared::{PurposeKeys, PurposeRing, RingChange, SharedRing};
use stack::Stack;
pub use text::{RING_MAX_BYTES, Rotation, is_ring};

/// More master keys than this in one ring are refused: none is ever taken out, and a ring is read at every start.
pub const RING_MAX_KEYS: usize = 64;

/// A master key with its version and times.
#[derive(Clone)]
struct RingKey {
    version: u32,
    times: KeyTimes,
    key: MasterKey,
}

/// When a key is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyTimes {
    /// Makes new values from here on; `None` from the beginning.
    pub from: Option<Timestamp>,
    /// Knows short-lived values until here; `None` for the newest key.
    pub until: Option<Timestamp>,
}

impl KeyTimes {
    /// Whether it makes new values, or did.
    #[must_use]
    pub fn has_begun(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now)
    }

    /// Whether a short-lived value may still be known by it. A key that has not begun is alive: another node's clock may be ahead.
    #[must_use]
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What a key of a ring is to one purpose.
#[derive(Debug, Clone)]
pub struct VersionedKey {
    /// 1 to 999 999; the highest is the newest.
    pub version: u32,
    /// When it is used.
    pub times: KeyTimes,
    /// The key of the purpose.
    pub key: SubKey,
}

/// A site's master keys, newest first, never empty. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing(Arc<Stack<RingKey>>);

impl KeyRing {
    /// The version that makes new values at an instant: the newest that has begun, or else the oldest there is.
    #[must_use]
    pub fn current(&self, now: Timestamp) -> u32 {
        self.0.iter().find(|key| key.times.has_begun(now)).unwrap_or_else(|| self.0.oldest()).version
    }

    /// The highest version, whether it is in use yet or not.
    #[must_use]
    pub fn newest(&self) -> u32 {
        self.0.newest.version
    }

    /// Versions with their times, newest first.
    pub fn versions(&self) -> impl Iterator<Item = (u32, KeyTimes)> {
        self.0.iter().map(|key| (key.version, key.times))
    }

    /// Whether the ring has a version.
    #[must_use]
    pub fn has(&self, version: u32) -> bool {
        self.0.iter().any(|key| key.version == version)
    }

    /// The keys for one purpose, retired ones included.
    fn derive(&self, purpose: KeyPurpose) -> Arc<Stack<VersionedKey>> {
        let derive = |key: &RingKey| VersionedKey { version: key.version, times: key.times, key: key.key.derive(purpose) };
        Arc::new(self.0.map(derive))
    }

    /// A version of this ring that `other` lacks or has another key for.
    fn missing_in(&self, other: &Self) -> Option<u32> {
        let print = |key: &RingKey| *key.key.derive(KeyPurpose::RingCheck).expose_bytes();
        let is_there = |key: &RingKey| other.0.iter().any(|has| has.version == key.version && print(has) == print(key));
        self.0.iter().find(|key| !is_there(key)).map(|key| key.version)
    }
}

impl From<MasterKey> for KeyRing {
    /// A ring of one key, version 1.
    fn from(key: MasterKey) -> Self {
        Self(Arc::new(Stack::new(RingKey { version: 1, times: KeyTimes::default(), key }, Vec::new())))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.versions()).finish()
    }
}
