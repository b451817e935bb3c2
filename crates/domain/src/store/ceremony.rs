//! The port to ceremonies.

use async_trait::async_trait;
use doorward_kit::{Timestamp, TokenDigest, UserId};

use super::{PageLimit, StoreError};
use crate::ceremony::{Ceremony, CeremonyKind};

/// Ceremonies within a unit of work. They go with the session or the account that they hang on.
#[async_trait]
pub trait Ceremonies: Send {
    /// Adds one.
    async fn add(&mut self, ceremony: &Ceremony) -> Result<(), StoreError>;

    /// Takes the one of a digest if it is of this kind and has not expired by `now`: exactly one caller ever gets it.
    async fn consume(&mut self, kind: CeremonyKind, digest: &TokenDigest, now: Timestamp)
    -> Result<Option<Ceremony>, StoreError>;

    /// Counts one more attempt at the one of a digest, if it is of this kind, has not expired by `now` and was tried fewer than `most`
    /// times; returns it as it is then.
    async fn attempt(
        &mut self,
        kind: CeremonyKind,
        digest: &TokenDigest,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError>;

    /// The one of a digest, if it is of this kind and has not expired by `now`; counts nothing and takes nothing.
    async fn lookup(&mut self, kind: CeremonyKind, digest: &TokenDigest, now: Timestamp) -> Result<Option<Ceremony>, StoreError>;

    /// Removes those of an account that are of one of these kinds.
    async fn revoke_all(&mut self, user: UserId, kinds: &[CeremonyKind]) -> Result<(), StoreError>;

    /// Removes up to `limit` of those that expired at or before `now`; counts them. What a flow holds is left for the next time.
    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError>;
}
