//! The port to consecutive failures.

use async_trait::async_trait;
use doorward_kit::Timestamp;

use super::{PageLimit, StoreError};
use crate::throttle::Failures;

/// Consecutive failures by subject (a keyed digest of the canonical address) within a unit of work. A subject without an account has a
/// row like any other (APP-RL-07).
#[async_trait]
pub trait SignInFailures: Send {
    /// Counts one more; returns the new count.
    async fn add(&mut self, subject: &[u8; 32], at: Timestamp) -> Result<u32, StoreError>;

    /// Forgets them: a success, or a reset of the password. Returns how many there were.
    async fn clear(&mut self, subject: &[u8; 32]) -> Result<u32, StoreError>;

    /// Removes up to `limit` of those whose last one was at or before `before`; counts the rows. What a flow holds is left for the next
    /// time.
    async fn sweep(&mut self, before: Timestamp, limit: PageLimit) -> Result<u64, StoreError>;

    /// What is counted so far.
    async fn lookup(&mut self, subject: &[u8; 32]) -> Result<Option<Failures>, StoreError>;
}
