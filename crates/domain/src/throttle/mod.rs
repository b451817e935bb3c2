//! Rate limits: one port, exact in every interval of the window (APP-RL-04).
//!
//! Comes in: a key, a quota, an instant. Goes out: a [`Decision`]. Must never know whose key it is, or what came of the attempt.

mod charge;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod failure;
mod fallback;
mod key;
mod memory;
mod patience;
mod remote;
mod window;

use std::time::Duration;

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_policy::Quota;

pub(crate) use charge::{Charger, Subject};
pub use failure::Failures;
pub use fallback::FallbackCounters;
pub use key::counter_key;
pub use memory::MemoryCounters;
pub use patience::within;
pub use remote::{CountersError, REMOTE_BUDGET, RemoteCounters};

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
    ///
    /// A refused attempt takes nothing, so `retry_after` holds for whoever waits it out.
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision;

    /// Gives every permit of `key` back: a success forgives the failures before it, of this one key (APP-RL-10).
    async fn reset(&self, key: [u8; 16]);
}
