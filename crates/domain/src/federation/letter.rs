//! What the owner of an account is told of its links.

use doorward_kit::Timestamp;

use super::Provider;
use crate::account::User;
use crate::service::{Accounts, Work};
use crate::store::StoreError;

#[expect(clippy::unused_async, reason = "the notices are being built")]
pub(super) async fn linked(
    _accounts: &Accounts,
    _tx: &mut Work<'_>,
    _user: &User,
    _provider: &dyn Provider,
    _now: Timestamp,
) -> Result<(), StoreError> {
    Ok(())
}

#[expect(clippy::unused_async, reason = "the notices are being built")]
pub(super) async fn unlinked(
    _accounts: &Accounts,
    _tx: &mut Work<'_>,
    _user: &User,
    _provider: &dyn Provider,
    _now: Timestamp,
) -> Result<(), StoreError> {
    Ok(())
}
