//! The port to links with providers.

use async_trait::async_trait;
use doorward_kit::id::IdentityId;
use doorward_kit::{Timestamp, UserId};

use super::StoreError;
use crate::federation::Identity;

/// Links with providers within a unit of work.
#[async_trait]
pub trait Identities: Send {
    /// The link of a provider's account, whoever's it is (OAUTH-08).
    async fn find(&mut self, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError>;

    /// Those of an account, oldest first. Flows keep them few.
    async fn list(&mut self, user: UserId) -> Result<Vec<Identity>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the provider's account is linked already.
    async fn add(&mut self, identity: &Identity) -> Result<(), StoreError>;

    /// Notes a sign-in, with the grant that came along, if any is kept; says whether the link was there.
    async fn touch(&mut self, id: IdentityId, at: Timestamp, grant: Option<&[u8]>) -> Result<bool, StoreError>;

    /// Removes every link of an account with a provider and returns them.
    async fn remove(&mut self, user: UserId, provider: &str) -> Result<Vec<Identity>, StoreError>;
}
