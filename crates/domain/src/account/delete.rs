//! Deleting an account by its owner.

use crate::credential::Password;
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

pub(crate) async fn delete(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
    _current: Password,
) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
