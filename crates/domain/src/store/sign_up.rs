//! The port to sign-ups that wait for their verification.

use async_trait::async_trait;
use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, TokenDigest};

use super::{PageLimit, StoreError};
use crate::verification::PendingSignUp;

/// Pending sign-ups within a unit of work. One address may have several: none of them is an account (ENUM-14).
#[async_trait]
pub trait SignUps: Send {
    /// Adds one.
    async fn add(&mut self, pending: &PendingSignUp) -> Result<(), StoreError>;

    /// Takes the one that a token proves, if it has not expired by `now`: exactly one caller ever gets it (EMAIL-05).
    async fn consume(&mut self, digest: &TokenDigest, now: Timestamp) -> Result<Option<PendingSignUp>, StoreError>;

    /// The one of an address that has not expired by `now`; `None` as well where there are several.
    async fn find_only(&mut self, canonical: &str, now: Timestamp) -> Result<Option<PendingSignUp>, StoreError>;

    /// Gives one a new token and a new end; the old token is worthless from then on. Says whether it was there.
    async fn rotate(&mut self, id: SignUpId, digest: &TokenDigest, expires_at: Timestamp) -> Result<bool, StoreError>;

    /// Removes all of an address; counts them.
    async fn remove_all(&mut self, canonical: &str) -> Result<u64, StoreError>;

    /// Removes up to `limit` of those that expired at or before `now`; counts them. What a flow holds is left for the next time.
    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError>;
}
