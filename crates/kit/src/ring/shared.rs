//! The ring in force, shared by everything that uses a key: replaced in one place, it is replaced for all.

use std::sync::{Arc, PoisonError, RwLock};

use super::{KeyRing, KeyTimes, Stack, VersionedKey};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::key::{KeyPurpose, MasterKey, SubKey};

/// A ring that can be replaced while it is used. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct SharedRing(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    inner: RwLock<Derived>,
}

/// A ring with the keys of every purpose, derived once.
struct Derived {
    ring: KeyRing,
    keys: [Arc<Stack<VersionedKey>>; KeyPurpose::ALL.len()],
}

impl Derived {
    fn of(ring: KeyRing) -> Self {
        Self { keys: KeyPurpose::ALL.map(|purpose| ring.derive(purpose)), ring }
    }
}

/// What became of a ring that was to be put in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingChange {
    /// It is in force and says what the former one said.
    Same,
    /// It is in force.
    Replaced,
    /// It is not: this version of the ring in force is missing in it, or is another key there.
    Lacks(u32),
}

impl SharedRing {
    /// Puts a ring in force; `clock` says which of its keys is the current one.
    #[must_use]
    pub fn new(ring: KeyRing, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared { clock, inner: RwLock::new(Derived::of(ring)) }))
    }

    /// The ring in force.
    #[must_use]
    pub fn ring(&self) -> KeyRing {
        self.0.inner.read().unwrap_or_else(PoisonError::into_inner).ring.clone()
    }

    /// Puts another ring in force, at once and for everybody. One that lacks a key of the present ring is not taken: whatever was made
    /// with that key would be nothing from then on, which is for a start to decide and not for a moment in between.
    pub fn replace(&self, ring: KeyRing) -> RingChange {
        let mut inner = self.0.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = inner.ring.missing_in(&ring) {
            return RingChange::Lacks(version);
        }
        let is_same = inner.ring.versions().eq(ring.versions());
        *inner = Derived::of(ring);
        if is_same { RingChange::Same } else { RingChange::Replaced }
    }

    /// The keys of one purpose, whatever ring is in force when they are asked for.
    #[must_use]
    pub fn of(&self, purpose: KeyPurpose) -> PurposeRing {
        PurposeRing(Source::Shared(self.clone(), purpose))
    }

    fn keys(&self, purpose: KeyPurpose) -> PurposeKeys {
        let keys = self.0.inner.read().unwrap_or_else(PoisonError::into_inner).keys[purpose.index()].clone();
        PurposeKeys { keys, now: self.0.clock.now() }
    }
}

impl From<MasterKey> for SharedRing {
    /// A ring of one key, which is the current one at every time.
    fn from(key: MasterKey) -> Self {
        Self::new(key.into(), Arc::new(SystemClock))
    }
}

/// The keys of one purpose: of the ring in force, or fixed ones. Cheap to clone.
#[derive(Clone)]
pub struct PurposeRing(Source);

#[derive(Clone)]
enum Source {
    Fixed(Arc<Stack<VersionedKey>>),
    Shared(SharedRing, KeyPurpose),
}

impl PurposeRing {
    /// Keys that do not change; the older ones newest first.
    #[must_use]
    pub fn fixed(newest: VersionedKey, older: Vec<VersionedKey>) -> Self {
        Self(Source::Fixed(Arc::new(Stack::new(newest, older))))
    }

    /// The keys as they are now.
    #[must_use]
    pub fn now(&self) -> PurposeKeys {
        match &self.0 {
            Source::Fixed(keys) => PurposeKeys { keys: keys.clone(), now: Timestamp::MAX },
            Source::Shared(ring, purpose) => ring.keys(*purpose),
        }
    }
}

impl From<SubKey> for PurposeRing {
    /// One key, version 1.
    fn from(key: SubKey) -> Self {
        Self::fixed(VersionedKey { version: 1, times: KeyTimes::default(), key }, Vec::new())
    }
}

impl From<&SubKey> for PurposeRing {
    fn from(key: &SubKey) -> Self {
        key.clone().into()
    }
}

/// The keys of one purpose at one moment.
#[derive(Debug, Clone)]
pub struct PurposeKeys {
    keys: Arc<Stack<VersionedKey>>,
    now: Timestamp,
}

impl PurposeKeys {
    /// The key that makes new values.
    #[must_use]
    pub fn current(&self) -> &VersionedKey {
        self.current_at(self.now)
    }

    /// The key that makes values of an instant: the newest that has begun, or else the oldest.
    #[must_use]
    pub fn current_at(&self, at: Timestamp) -> &VersionedKey {
        self.keys.iter().find(|key| key.times.has_begun(at)).unwrap_or_else(|| self.keys.oldest())
    }

    /// The keys by which a short-lived value may be known: the current one first, then the others, newest first.
    pub fn alive(&self) -> impl Iterator<Item = &VersionedKey> {
        let current = self.current();
        let others = self.all().filter(|key| key.version != current.version && key.times.is_alive(self.now));
        std::iter::once(current).chain(others)
    }

    /// The key of a version, retired or not: for what lives for good.
    #[must_use]
    pub fn of_version(&self, version: u32) -> Option<&VersionedKey> {
        self.all().find(|key| key.version == version)
    }

    /// Every key, retired or not, newest first.
    pub fn all(&self) -> impl Iterator<Item = &VersionedKey> {
        self.keys.iter()
    }
}
