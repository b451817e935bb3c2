//! What an operator sees of the outbox, and does with what was given up.

use doorward_kit::Timestamp;
use doorward_kit::id::MailId;

use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::service::{Accounts, Work};
use crate::store::{MailFilter, MailState, OutboxRow, PageLimit, StoreError};

/// Mails revived in one transaction.
const PAGE: u32 = 500;

/// Newest first.
pub(crate) async fn list(accounts: &Accounts, filter: MailFilter, limit: PageLimit) -> Result<Vec<OutboxRow>, StoreError> {
    accounts.begin().await?.outbox().list(filter, limit).await
}

pub(crate) async fn find(accounts: &Accounts, id: MailId) -> Result<Option<OutboxRow>, StoreError> {
    accounts.begin().await?.outbox().lookup(id).await
}

/// Makes a dead mail due as if it had just been queued. Says whether it was dead.
pub(crate) async fn retry(accounts: &Accounts, id: MailId) -> Result<bool, StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let Some(row) = tx.outbox().lookup(id).await? else { return Ok(false) };
    let is_revived = revive(accounts, &mut tx, &row, now).await?;
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(is_revived)
}

/// The same for every dead mail; says how many there were.
pub(crate) async fn retry_all(accounts: &Accounts) -> Result<usize, StoreError> {
    let (mut revived, mut before) = (0, None);
    loop {
        let now = accounts.clock.now();
        let mut tx = accounts.begin().await?;
        let rows = tx.outbox().list(MailFilter { state: Some(MailState::Dead), before }, PageLimit::new(PAGE)).await?;
        let Some(last) = rows.last() else { break };
        before = Some(last.id);
        for row in &rows {
            revived += usize::from(revive(accounts, &mut tx, row, now).await?);
        }
        tx.commit().await?;
    }
    accounts.mail_queued.notify_one();
    Ok(revived)
}

async fn revive(accounts: &Accounts, tx: &mut Work<'_>, row: &OutboxRow, now: Timestamp) -> Result<bool, StoreError> {
    let is_revived = tx.outbox().retry(row.id, now).await?;
    if is_revived {
        accounts.waiting.added();
        let entry =
            AuditEntry::of_house(AuditEvent::MailRetried, Outcome::Success, now).about(&accounts.keys.subject_hash(&row.to));
        tx.note(entry.with(MetaKey::MailKind, row.kind.as_str()));
    }
    Ok(is_revived)
}
