//! Queueing a mail in a flow's transaction, and what the sender job asks for.

use std::time::Duration;

use doorward_kit::Timestamp;
use doorward_kit::id::MailId;

use super::{Letter, OutboxMail, SealedMail};
use crate::instant::later;
use crate::service::{Accounts, Work};
use crate::store::{Delivery, StoreError};

/// How long a sender may take over a claimed mail before another may have it.
const LEASE: Duration = Duration::from_secs(120);
/// Pause after the first failure; doubles with each, up to [`LONGEST_BACK_OFF`] (EMAIL-10).
const FIRST_BACK_OFF: Duration = Duration::from_secs(30);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);

/// Seals a letter and adds it to the transaction. A withheld one costs the same and keeps no body.
pub(crate) async fn queue(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    letter: Letter,
    delivery: Delivery,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = MailId::random(&*accounts.entropy);
    let sealed = accounts.keys.seal.seal(id, &letter.to, &letter.body, &*accounts.entropy);
    let body = sealed.map_err(|_| StoreError::Unavailable("mail body could not be sealed"))?;
    let mail = SealedMail { id, kind: letter.kind, to: letter.to, subject: letter.subject, body, queued_at: now, attempts: 0 };
    tx.outbox().add(&mail, delivery).await
}

pub(crate) async fn due(accounts: &Accounts, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let claimed = tx.outbox().claim(now, later(now, LEASE), limit).await?;
    tx.commit().await?;
    Ok(claimed.into_iter().filter_map(|mail| open(accounts, mail)).collect())
}

/// A row that cannot be opened stays where it is until it is swept: one bad row must not hold up the others.
fn open(accounts: &Accounts, mail: SealedMail) -> Option<OutboxMail> {
    match accounts.keys.seal.open(mail.id, &mail.to, &mail.body) {
        Ok(body) => {
            let SealedMail { id, kind, to, subject, queued_at, attempts, .. } = mail;
            Some(OutboxMail { id, kind, to, subject, body, queued_at, attempts })
        }
        Err(error) => {
            tracing::error!(mail_id = %mail.id, %error, "a queued mail is skipped");
            None
        }
    }
}

pub(crate) async fn sent(accounts: &Accounts, id: MailId) -> Result<(), StoreError> {
    let mut tx = accounts.begin().await?;
    tx.outbox().mark_sent(id, accounts.clock.now()).await?;
    tx.commit().await
}

pub(crate) async fn failed(accounts: &Accounts, id: MailId, why: &str) -> Result<(), StoreError> {
    let mut tx = accounts.begin().await?;
    if let Some(attempts) = tx.outbox().attempts(id).await? {
        tx.outbox().defer(id, later(accounts.clock.now(), back_off(attempts)), why).await?;
    }
    tx.commit().await
}

fn back_off(attempts: u32) -> Duration {
    let doubled = FIRST_BACK_OFF.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    doubled.min(LONGEST_BACK_OFF)
}
