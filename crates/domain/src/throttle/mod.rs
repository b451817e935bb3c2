//! Rate limits: one port, exact in every interval of the window (APP-RL-04).

use std::time::Duration;

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_policy::Quota;

/// What a counter says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Not before this much time has passed; at least one second when told to a client.
    Refused {
        /// Time to the next permit.
        retry_after: Duration,
    },
}

/// Counts attempts.
#[async_trait]
pub trait Counters: Send + Sync + 'static {
    /// Takes one permit of `key` (a digest of scope and subject, never text a stranger chose) at `now`.
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision;
}
