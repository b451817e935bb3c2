//! Not built yet.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::ceremony::{Ceremony, CeremonyKind};
use doorward_domain::store::{Ceremonies, PageLimit};
use doorward_kit::{Timestamp, TokenDigest};

use crate::tx::SqliteTx;

const NOT_BUILT: StoreError = StoreError::Unavailable("not built yet");

#[async_trait]
impl Ceremonies for SqliteTx {
    async fn add(&mut self, _ceremony: &Ceremony) -> Result<(), StoreError> {
        Err(NOT_BUILT)
    }
    async fn consume(
        &mut self,
        _kind: CeremonyKind,
        _digest: &TokenDigest,
        _now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn attempt(
        &mut self,
        _kind: CeremonyKind,
        _digest: &TokenDigest,
        _most: u32,
        _now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        Err(NOT_BUILT)
    }
    async fn sweep(&mut self, _now: Timestamp, _limit: PageLimit) -> Result<u64, StoreError> {
        Ok(0)
    }
}
