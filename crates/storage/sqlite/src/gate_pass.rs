//! Not built yet.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::gate_pass::GatePass;
use doorward_domain::store::GatePasses;
use doorward_kit::{SessionId, TokenDigest};

use crate::tx::SqliteTx;

const NOT_BUILT: StoreError = StoreError::Unavailable("not built yet");

#[async_trait]
impl GatePasses for SqliteTx {
    async fn add(&mut self, _pass: &GatePass, _most: u32) -> Result<(), StoreError> {
        Err(NOT_BUILT)
    }
    async fn revoke(&mut self, _session: SessionId) -> Result<u64, StoreError> {
        Err(NOT_BUILT)
    }
    async fn remove(&mut self, _digest: &TokenDigest) -> Result<bool, StoreError> {
        Err(NOT_BUILT)
    }
}
