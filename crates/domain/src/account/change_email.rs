//! Moving an account to another address.

use crate::credential::Password;
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

pub(crate) async fn request(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
    _email: &str,
    _current: Password,
) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}

pub(crate) async fn confirm(_accounts: &Accounts, _visitor: Visitor<'_>, _token: &str) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}

pub(crate) async fn undo(_accounts: &Accounts, _visitor: Visitor<'_>, _token: &str) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
