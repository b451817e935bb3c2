//! The port to known devices.

use async_trait::async_trait;
use doorward_kit::id::DeviceId;
use doorward_kit::{Timestamp, TokenDigest, UserId};

use super::{PageLimit, StoreError};
use crate::device::Device;

/// Known devices within a unit of work.
#[async_trait]
pub trait Devices: Send {
    /// Adds one; of an account's devices only the `keep` newest stay.
    async fn add(&mut self, device: &Device, keep: u32) -> Result<(), StoreError>;

    /// Moves the end of one that is known, provided that it is this account's; says whether it is.
    async fn renew(&mut self, user: UserId, digest: &TokenDigest, expires_at: Timestamp) -> Result<bool, StoreError>;

    /// Those of an account, whether they have ended or not, newest first. There are never many.
    async fn list(&mut self, user: UserId) -> Result<Vec<Device>, StoreError>;

    /// Forgets one of an account; says whether it was there.
    async fn remove(&mut self, user: UserId, id: DeviceId) -> Result<bool, StoreError>;

    /// Forgets all of an account; counts them.
    async fn remove_all(&mut self, user: UserId) -> Result<u64, StoreError>;

    /// Removes up to `limit` of those that ended at or before `now`; counts them. What a flow holds is left for the next time.
    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError>;
}
