//! Replacing a session's credential (SES-13).

use super::ActiveSession;
use crate::service::{Accounts, FlowError, SignedIn, Visitor};
use crate::store::StoreError;

pub(crate) fn is_due(_accounts: &Accounts, _active: &ActiveSession) -> bool {
    false
}

pub(crate) async fn rotate(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
) -> Result<Option<SignedIn>, FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
