//! Counters that several nodes share, and the ways in which they can fail.

use std::time::Duration;

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_policy::Quota;

use super::Decision;

/// Longest time one decision may wait for shared counters (APP-RL-15), as [`within`](super::within) counts it.
pub const REMOTE_BUDGET: Duration = Duration::from_millis(100);

/// Why shared counters did not decide. Says nothing of addresses, credentials or keys, so that it may be logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CountersError {
    /// No answer within [`REMOTE_BUDGET`].
    #[error("no answer in time")]
    Late,
    /// No connection, or it broke.
    #[error("no connection")]
    Unreachable,
    /// The certificate of the server was not accepted, or it speaks no TLS.
    #[error("no TLS connection")]
    Untrusted,
    /// User or password were refused, or the user may not run what counting needs.
    #[error("not permitted")]
    Denied,
    /// A replica, or a primary without enough of them.
    #[error("read-only")]
    ReadOnly,
    /// No memory left for another key.
    #[error("memory is full")]
    Full,
    /// It may drop keys before their time to make room, and with them the counts of an attacker (APP-RL-16).
    #[error("it may evict keys: set maxmemory-policy to noeviction")]
    Forgetful,
    /// It is starting, or busy with something else.
    #[error("not ready")]
    NotReady,
    /// An answer that is none of ours.
    #[error("unexpected answer")]
    Unexpected,
}

/// Counts attempts for several nodes, and may fail.
///
/// What [`Counters`](super::Counters) asks of every decision holds here as well; one suite checks both.
#[async_trait]
pub trait RemoteCounters: Send + Sync + 'static {
    /// Takes one permit, see [`Counters::take`](super::Counters::take). Decides within [`REMOTE_BUDGET`] or fails.
    ///
    /// # Errors
    /// [`CountersError`]; whether the permit was taken is not known then.
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Result<Decision, CountersError>;

    /// Gives every permit back, see [`Counters::reset`](super::Counters::reset).
    ///
    /// # Errors
    /// [`CountersError`].
    async fn reset(&self, key: [u8; 16]) -> Result<(), CountersError>;

    /// Whether decisions can be had: writes, as a decision does.
    ///
    /// # Errors
    /// [`CountersError`].
    async fn probe(&self) -> Result<(), CountersError>;
}
