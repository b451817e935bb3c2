//! Changing the password.

use crate::credential::Password;
use crate::service::{Accounts, FlowError, SignedIn, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

pub(crate) async fn change(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
    _current: Password,
    _new: Password,
) -> Result<SignedIn, FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
