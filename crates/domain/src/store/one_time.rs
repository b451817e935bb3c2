//! The port to one-time tokens.

use async_trait::async_trait;
use doorward_kit::id::OneTimeId;
use doorward_kit::{Timestamp, TokenDigest, UserId};

use super::{PageLimit, StoreError};
use crate::one_time::{OneTime, PurposeKind};

/// One-time tokens within a unit of work.
#[async_trait]
pub trait OneTimes: Send {
    /// Adds one.
    async fn add(&mut self, token: &OneTime) -> Result<(), StoreError>;

    /// Takes the one of a digest if it is for `purpose` and has not expired by `now`: exactly one caller ever gets it (RESET-02).
    async fn consume(
        &mut self,
        purpose: PurposeKind,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<OneTime>, StoreError>;

    /// Removes every token of an account that is for one of `purposes`; counts them.
    async fn revoke(&mut self, user: UserId, purposes: &[PurposeKind]) -> Result<u64, StoreError>;

    /// Removes every token of an account that is for `purpose` and was issued at or after `since`; counts them.
    async fn revoke_since(&mut self, user: UserId, purpose: PurposeKind, since: Timestamp) -> Result<u64, StoreError>;

    /// Removes one by its name; says whether it was there.
    async fn remove(&mut self, id: OneTimeId) -> Result<bool, StoreError>;

    /// Those of one purpose that have not expired by `now`, oldest first.
    async fn list(&mut self, purpose: PurposeKind, now: Timestamp, limit: PageLimit) -> Result<Vec<OneTime>, StoreError>;

    /// Removes up to `limit` of those that expired at or before `now`; counts them. What a flow holds is left for the next time.
    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError>;
}
