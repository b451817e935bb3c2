//! The port to sessions.

use async_trait::async_trait;
use doorward_kit::{SessionId, Timestamp, TokenDigest, UserId};

use super::{Page, PageLimit, StoreError};
use crate::session::Session;

/// Which sessions to list.
#[derive(Debug, Clone, Copy, Default)]
pub struct SessionFilter {
    user: Option<UserId>,
    active_at: Option<Timestamp>,
}

impl SessionFilter {
    /// All of them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those of one account.
    #[must_use]
    pub fn for_user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Only those whose absolute end is after `now`.
    #[must_use]
    pub fn active_at(mut self, now: Timestamp) -> Self {
        self.active_at = Some(now);
        self
    }

    /// The account, if one was named.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.user
    }

    /// The instant of [`Self::active_at`].
    #[must_use]
    pub fn active_instant(&self) -> Option<Timestamp> {
        self.active_at
    }
}

/// Where a page of sessions begins: behind this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionCursor {
    /// When the last one of the page before began.
    pub created_at: Timestamp,
    /// Its id, for those that began together.
    pub id: SessionId,
}

/// Sessions within a unit of work.
#[async_trait]
pub trait Sessions: Send {
    /// By reference.
    async fn lookup(&mut self, id: SessionId) -> Result<Option<Session>, StoreError>;

    /// By the digest of the credential, its own or the previous one.
    async fn find_by_digest(&mut self, digest: &TokenDigest) -> Result<Option<Session>, StoreError>;

    /// Oldest first.
    async fn list(
        &mut self,
        filter: SessionFilter,
        after: Option<SessionCursor>,
        limit: PageLimit,
    ) -> Result<Page<Session, SessionCursor>, StoreError>;

    /// Adds a session.
    async fn add(&mut self, session: &Session) -> Result<(), StoreError>;

    /// Replaces the credential, provided that it still is `expected`; says whether it was (SES-13). `rotated_at` moves with it.
    async fn rotate(
        &mut self,
        id: SessionId,
        expected: &TokenDigest,
        replacement: &TokenDigest,
        previous_until: Timestamp,
        at: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Notes a fresh full proof of who it is, and whether a second factor was part of it: once it was, it stays so. Says whether the
    /// session was there.
    async fn authenticate(&mut self, id: SessionId, at: Timestamp, is_two_factor: bool) -> Result<bool, StoreError>;

    /// Moves the last request seen forward, never back.
    async fn touch(&mut self, id: SessionId, seen_at: Timestamp) -> Result<(), StoreError>;

    /// Ends one session; says whether it was there.
    async fn revoke(&mut self, id: SessionId) -> Result<bool, StoreError>;

    /// Ends every session of an account but `spared`; returns their digests, the previous ones among them, for the cache.
    async fn revoke_all(&mut self, user: UserId, spared: Option<SessionId>) -> Result<Vec<TokenDigest>, StoreError>;

    /// Removes up to `limit` sessions whose absolute end is at or before `now`, or whose last request was at or before `idle_before`
    /// (`remembered_before` for remembered ones), and returns them, so that each end can be told. What a flow holds is left for the next
    /// time.
    async fn sweep(
        &mut self,
        now: Timestamp,
        idle_before: Timestamp,
        remembered_before: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<Session>, StoreError>;
}
