//! Asking for a reset link, and using it.

use crate::credential::Password;
use crate::service::{Accounts, FlowError, Visitor};
use crate::store::StoreError;

pub(crate) async fn forgot(_accounts: &Accounts, _visitor: Visitor<'_>, _email: Option<&str>) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}

pub(crate) async fn reset(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _token: &str,
    _password: Password,
) -> Result<(), FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
