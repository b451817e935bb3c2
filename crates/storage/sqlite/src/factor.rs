//! Not built yet.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::factor::Factor;
use doorward_domain::store::Factors;
use doorward_kit::id::FactorId;
use doorward_kit::{Timestamp, TokenDigest, UserId};

use crate::tx::SqliteTx;

const NOT_BUILT: StoreError = StoreError::Unavailable("not built yet");

#[async_trait]
impl Factors for SqliteTx {
    async fn list(&mut self, _user: UserId) -> Result<Vec<Factor>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn find_passkey(&mut self, _credential: &[u8]) -> Result<Option<Factor>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn add(&mut self, _factor: &Factor) -> Result<(), StoreError> {
        Err(NOT_BUILT)
    }
    async fn advance(
        &mut self,
        _id: FactorId,
        _expected: u64,
        _next: u64,
        _secret: &[u8],
        _at: Timestamp,
    ) -> Result<bool, StoreError> {
        Err(NOT_BUILT)
    }
    async fn rename(&mut self, _user: UserId, _id: FactorId, _name: &str) -> Result<bool, StoreError> {
        Err(NOT_BUILT)
    }
    async fn remove(&mut self, _user: UserId, _id: FactorId) -> Result<Option<Factor>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn replace_recovery_codes(&mut self, _user: UserId, _digests: &[TokenDigest]) -> Result<(), StoreError> {
        Err(NOT_BUILT)
    }
    async fn consume_recovery_code(&mut self, _user: UserId, _digest: &TokenDigest) -> Result<bool, StoreError> {
        Err(NOT_BUILT)
    }
    async fn count_recovery_codes(&mut self, _user: UserId) -> Result<u32, StoreError> {
        Err(NOT_BUILT)
    }
}
