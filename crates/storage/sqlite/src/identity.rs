//! Not built yet.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::federation::Identity;
use doorward_domain::store::Identities;
use doorward_kit::id::IdentityId;
use doorward_kit::{Timestamp, UserId};

use crate::tx::SqliteTx;

const NOT_BUILT: StoreError = StoreError::Unavailable("not built yet");

#[async_trait]
impl Identities for SqliteTx {
    async fn find(&mut self, _issuer: &str, _subject: &str) -> Result<Option<Identity>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn list(&mut self, _user: UserId) -> Result<Vec<Identity>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn add(&mut self, _identity: &Identity) -> Result<(), StoreError> {
        Err(NOT_BUILT)
    }
    async fn touch(&mut self, _id: IdentityId, _at: Timestamp, _grant: Option<&[u8]>) -> Result<bool, StoreError> {
        Err(NOT_BUILT)
    }
    async fn remove(&mut self, _user: UserId, _provider: &str) -> Result<Vec<Identity>, StoreError> {
        Err(NOT_BUILT)
    }
}
