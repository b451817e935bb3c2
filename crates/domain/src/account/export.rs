//! Everything that is stored about one person, for that person.

use super::User;
use crate::audit::AuditRow;
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::{ActiveSession, Session};
use crate::store::StoreError;

/// What is stored about an account; never a hash or a digest.
pub struct AccountExport {
    /// The account, without its password hash.
    pub user: User,
    /// Its live sessions.
    pub sessions: Vec<Session>,
    /// What the trail says that this account did, newest first, at most a thousand rows.
    pub activity: Vec<AuditRow>,
}

pub(crate) async fn export(
    _accounts: &Accounts,
    _visitor: Visitor<'_>,
    _active: &ActiveSession,
) -> Result<AccountExport, FlowError> {
    Err(FlowError::Store(StoreError::Unavailable("not built yet")))
}
