//! Live sessions, remembered for a moment, so that a request costs no query.
//!
//! A revocation on this node is seen at once, one on another node after [`MAX_AGE`] at the latest.
//!
//! How a look-up that runs beside a revocation cannot put the dead session back:
//!
//! ```text
//! look-up:     e = epoch · read row ················ insert · epoch == e ? keep : remove
//! revocation:                        commit · epoch += 1 · remove
//! ```
//!
//! Either the insert comes before the removal, which takes it away, or it comes after, and then the epoch has moved.
//!
//! Entries are found by the digest of the credential that was *presented*. A session has two of them for some seconds after a rotation,
//! with one [`Activity`] between them; whoever ends a session forgets both. A rotation hands the activity on and forgets the old entry, which
//! is read again as that of the previous credential; a node that has not heard of it may go on with its own copy for [`MAX_AGE`], well within the time
//! for which the previous credential is good anyway.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use doorward_kit::{Timestamp, TokenDigest};
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::ActiveSession;

/// How long an entry may be used before the store is asked again.
const MAX_AGE: Duration = Duration::from_secs(1);

/// Sessions remembered at most.
const CAPACITY: usize = 50_000;

/// Last requests of a session, shared by all entries it ever has in the cache.
#[derive(Debug)]
pub(crate) struct Activity {
    /// Microsecond of the last request.
    seen: AtomicI64,
    /// Microsecond of the last request that was written back.
    written: AtomicI64,
}

impl Activity {
    fn new(seen: Timestamp) -> Self {
        Self { seen: AtomicI64::new(seen.as_microsecond()), written: AtomicI64::new(seen.as_microsecond()) }
    }

    pub(crate) fn seen(&self) -> i64 {
        self.seen.load(Ordering::Relaxed)
    }

    /// Notes a request; says whether it is time to write it back, to exactly one caller.
    pub(crate) fn note(&self, now: Timestamp, write_every: Duration) -> bool {
        let now = now.as_microsecond();
        self.seen.fetch_max(now, Ordering::Relaxed);
        let written = self.written.load(Ordering::Relaxed);
        let is_due = i128::from(now) - i128::from(written) >= i128::try_from(write_every.as_micros()).unwrap_or(i128::MAX);
        is_due && self.written.compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// What is remembered of one session.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) active: Arc<ActiveSession>,
    pub(crate) activity: Arc<Activity>,
    read_at: Instant,
}

impl Entry {
    fn is_fresh(&self) -> bool {
        self.read_at.elapsed() < MAX_AGE
    }
}

pub(crate) struct SessionCache {
    entries: Cache<TokenDigest, Entry>,
    epoch: AtomicU64,
}

impl SessionCache {
    pub(crate) fn new() -> Self {
        Self { entries: Cache::new(CAPACITY), epoch: AtomicU64::new(0) }
    }

    /// A fresh entry.
    pub(crate) fn get(&self, digest: &TokenDigest) -> Option<Entry> {
        self.entries.get(digest).filter(Entry::is_fresh)
    }

    /// To be asked before the store is read; goes back in with [`Self::insert`].
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Remembers what the store said. Requests seen since the last write-back are carried over from an entry that was too old.
    pub(crate) fn insert(&self, active: Arc<ActiveSession>, epoch: u64) -> Entry {
        let known = self.known(&active);
        self.put(active, epoch, known, Instant::now())
    }

    /// Remembers a session under its new credential, and what was known of its account as what it is: no younger than it was. Else whoever
    /// renews again and again would keep a role that was taken away.
    pub(crate) fn hand_on(&self, active: Arc<ActiveSession>, epoch: u64) {
        let Some(known) = self.known(&active) else { return };
        let read_at = known.read_at;
        self.put(active, epoch, Some(known), read_at);
    }

    fn known(&self, active: &ActiveSession) -> Option<Entry> {
        std::iter::once(&active.presented).chain(active.session.digests()).find_map(|digest| self.entries.peek(digest))
    }

    fn put(&self, active: Arc<ActiveSession>, epoch: u64, known: Option<Entry>, read_at: Instant) -> Entry {
        let digest = active.presented;
        let activity = known.map_or_else(|| Arc::new(Activity::new(active.session.last_seen_at)), |entry| entry.activity);
        activity.seen.fetch_max(active.session.last_seen_at.as_microsecond(), Ordering::Relaxed);
        let entry = Entry { active, activity, read_at };
        self.entries.insert(digest, entry.clone());
        if self.epoch() != epoch {
            self.entries.remove(&digest);
        }
        entry
    }

    /// How many are remembered.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Forgets sessions that were just revoked in the store.
    pub(crate) fn evict<'a>(&self, digests: impl IntoIterator<Item = &'a TokenDigest>) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
        for digest in digests {
            self.entries.remove(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use doorward_kit::{ClientAddr, SessionId, Timestamp, TokenDigest, UserId};

    use super::SessionCache;
    use crate::account::User;
    use crate::session::{ActiveSession, Session};

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    fn active() -> Arc<ActiveSession> {
        let id = UserId::from_bytes([1; 16]);
        let session = Session {
            id: SessionId::from_bytes([2; 16]),
            user_id: id,
            digest: TokenDigest([3; 32]),
            previous: None,
            rotated_at: START,
            authenticated_at: START,
            is_two_factor: false,
            is_remembered: false,
            created_at: START,
            last_seen_at: START,
            expires_at: START,
            user_agent: String::new(),
            client: ClientAddr::new([192, 0, 2, 1].into()),
        };
        let user = User {
            id,
            email: "ann@example.org".parse().unwrap(),
            display_name: String::new(),
            avatar_url: None,
            bio: None,
            password_hash: None,
            roles: Vec::new(),
            disabled_at: None,
            credential_version: 1,
            has_second_factor: false,
            created_at: START,
        };
        Arc::new(ActiveSession { presented: session.digest, session, user, has_password: true, is_outdated: false })
    }

    #[test]
    fn a_row_read_before_a_revocation_is_not_remembered_after_it() {
        let (cache, active) = (SessionCache::new(), active());
        let digest = active.session.digest;
        let before = cache.epoch();
        cache.evict([&digest]);
        cache.insert(Arc::clone(&active), before);
        assert!(cache.get(&digest).is_none());
        cache.insert(active, cache.epoch());
        assert!(cache.get(&digest).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_asked_for_again_after_a_second_and_keeps_the_last_request() {
        let (cache, active) = (SessionCache::new(), active());
        let digest = active.session.digest;
        let entry = cache.insert(Arc::clone(&active), cache.epoch());
        assert!(!entry.activity.note(Timestamp::from_second(59).unwrap(), Duration::from_secs(60)));
        tokio::time::advance(Duration::from_millis(999)).await;
        assert!(cache.get(&digest).is_some());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(cache.get(&digest).is_none());
        let again = cache.insert(active, cache.epoch());
        assert_eq!(again.activity.seen(), 59_000_000);
    }
}
