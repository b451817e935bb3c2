//! What an account shows of itself.

use super::{ProfileChanges, User};
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

pub(crate) async fn update(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
    _changes: ProfileChanges,
) -> Result<User, FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
