//! What the owner of an account may do with its sessions (SES-14).

use doorward_kit::SessionId;

use super::{ActiveSession, Session};
use crate::service::{Accounts, FlowError, Visitor};
use crate::store::StoreError;

pub(crate) async fn list(_accounts: &Accounts, _active: &ActiveSession) -> Result<Vec<Session>, StoreError> {
    Err(StoreError::Unavailable("not built yet"))
}

pub(crate) async fn revoke(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
    _id: SessionId,
) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}

pub(crate) async fn revoke_others(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
) -> Result<usize, FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
