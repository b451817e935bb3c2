//! What an operator does to accounts.

use doorward_kit::UserId;

use super::{EmailAddress, User};
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::service::Accounts;
use crate::store::{Page, PageLimit, StoreError};

/// Disables an account and ends its sessions, or enables it again. Says whether there is such an account.
pub(crate) async fn set_disabled(accounts: &Accounts, email: &EmailAddress, disabled: bool) -> Result<bool, StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let Some(user) = tx.users().find_by_email(&email.canonical).await? else { return Ok(false) };
    tx.users().set_disabled(user.id, disabled.then_some(now)).await?;
    let ended = if disabled { tx.sessions().revoke_all(user.id, None).await? } else { Vec::new() };
    let event = if disabled { AuditEvent::UserDisabled } else { AuditEvent::UserEnabled };
    let entry = AuditEntry::of_house(event, Outcome::Success, now).about(&accounts.keys.subject_hash(&email.canonical));
    tx.note(entry);
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    Ok(true)
}

pub(crate) async fn list(accounts: &Accounts, after: Option<UserId>, limit: PageLimit) -> Result<Page<User, UserId>, StoreError> {
    let mut tx = accounts.begin().await?;
    tx.users().list(after, limit).await
}
