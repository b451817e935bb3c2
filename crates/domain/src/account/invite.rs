//! Invitations: single-use links that let somebody sign up.

use zeroize::Zeroizing;

use crate::service::{Accounts, Invitation};
use crate::store::StoreError;

pub(crate) async fn invite(_accounts: &Accounts, _invitation: Invitation) -> Result<Zeroizing<String>, StoreError> {
    Err(StoreError::Unavailable("not built yet"))
}
