//! Queueing a mail in a flow's transaction, and what the sender asks for.

use std::time::Duration;

use doorward_kit::Timestamp;
use doorward_kit::id::MailId;

use super::{Letter, MailCause, MailFate, MailFault, MailKind, OutboxMail, SealedMail};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::instant::later;
use crate::service::{Accounts, Work};
use crate::store::{Delivery, MailState, StoreError};

/// How long a sender may take over a claimed mail before another may have it.
const LEASE: Duration = Duration::from_secs(120);
/// The longest pause between two attempts, before chance adds to it (EMAIL-10).
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
    tx.outbox().add(&mail, delivery).await?;
    if delivery == Delivery::Due {
        accounts.waiting.added();
    }
    Ok(())
}

/// Asks the store how many wait; see [`super::waiting::Waiting`].
pub(crate) async fn count(accounts: &Accounts) -> Result<u64, StoreError> {
    let mut tx = accounts.begin().await?;
    let count = tx.outbox().count_waiting().await?;
    accounts.waiting.counted(count);
    Ok(count)
}

/// Mails that are due. One that cannot be opened is a failure like those of the relay: this node may lack a key that another one has. One
/// that has waited for too long is given up on the way, so that no row is claimed for ever.
pub(crate) async fn due(accounts: &Accounts, limit: u32) -> Result<Vec<OutboxMail>, StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let claimed = tx.outbox().claim(now, later(now, LEASE), limit).await?;
    let mut ready = Vec::with_capacity(claimed.len());
    for mail in claimed {
        let failing =
            Failing { id: mail.id, kind: mail.kind, to: mail.to.clone(), queued_at: mail.queued_at, attempts: mail.attempts };
        match open(accounts, mail, now) {
            Ok(mail) => ready.push(mail),
            Err(fault) => {
                let id = failing.id;
                if failing.settle(accounts, &mut tx, fault, now).await? == MailFate::Deferred {
                    tracing::warn!(message = "a mail cannot be opened and is tried again", mail = %id, fault = %fault);
                }
            }
        }
    }
    tx.commit().await?;
    Ok(ready)
}

fn open(accounts: &Accounts, mail: SealedMail, now: Timestamp) -> Result<OutboxMail, MailFault> {
    let SealedMail { id, kind, to, subject, body, queued_at, attempts } = mail;
    if is_nowhere(&to) {
        return Err(MailFault::of(MailCause::NoSuchDomain));
    }
    if later(queued_at, accounts.rules.mail.give_up) <= now {
        return Err(MailFault::of(MailCause::TooOld));
    }
    let body = accounts.keys.seal.open(id, &to, &body).map_err(|_| MailFault::of(MailCause::Sealed))?;
    Ok(OutboxMail { id, kind, to, subject, body, queued_at, attempts })
}

/// Names under `invalid` never exist (RFC 6761 §6.4): a relay that is asked to deliver there sends a bounce, and counts it against us.
fn is_nowhere(to: &str) -> bool {
    to.rsplit(['.', '@']).next().is_some_and(|last| last.eq_ignore_ascii_case("invalid"))
}

pub(crate) async fn sent(accounts: &Accounts, id: MailId) -> Result<(), StoreError> {
    let mut tx = accounts.begin().await?;
    let was_waiting = tx.outbox().mark_sent(id, accounts.clock.now()).await?;
    tx.commit().await?;
    if was_waiting {
        accounts.waiting.settled();
    }
    Ok(())
}

/// Notes a failure: the mail is due again after a pause, or given up.
pub(crate) async fn failed(accounts: &Accounts, id: MailId, fault: MailFault) -> Result<MailFate, StoreError> {
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let found = tx.outbox().lookup(id).await?.filter(|row| row.state == MailState::Waiting);
    let Some(row) = found else { return Ok(MailFate::Settled) };
    let failing = Failing { id, kind: row.kind, to: row.to, queued_at: row.queued_at, attempts: row.attempts };
    let fate = failing.settle(accounts, &mut tx, fault, now).await?;
    tx.commit().await?;
    Ok(fate)
}

/// A mail that did not leave.
struct Failing {
    id: MailId,
    kind: MailKind,
    to: String,
    queued_at: Timestamp,
    attempts: u32,
}

impl Failing {
    async fn settle(
        self,
        accounts: &Accounts,
        tx: &mut Work<'_>,
        fault: MailFault,
        now: Timestamp,
    ) -> Result<MailFate, StoreError> {
        let next_at = later(now, back_off(accounts, self.attempts));
        if fault.is_permanent() || next_at >= later(self.queued_at, accounts.rules.mail.give_up) {
            self.bury(accounts, tx, fault, now).await?;
            return Ok(MailFate::GivenUp);
        }
        tx.outbox().defer(self.id, next_at, &fault.to_string()).await?;
        Ok(MailFate::Deferred)
    }

    async fn bury(self, accounts: &Accounts, tx: &mut Work<'_>, fault: MailFault, now: Timestamp) -> Result<(), StoreError> {
        if !tx.outbox().bury(self.id, now, &fault.to_string()).await? {
            return Ok(());
        }
        accounts.waiting.settled();
        let entry =
            AuditEntry::of_house(AuditEvent::MailDead, Outcome::Failure, now).about(&accounts.keys.subject_hash(&self.to));
        tx.note(entry.with(MetaKey::MailKind, self.kind.as_str()).because(fault.cause.as_str()));
        tracing::error!(message = "a mail was given up", mail = %self.id, kind = self.kind.as_str(), fault = %fault);
        Ok(())
    }
}

/// The pause after a number of attempts: doubled with each, and up to a quarter more by chance, so that mails which failed together do
/// not all come back together.
fn back_off(accounts: &Accounts, attempts: u32) -> Duration {
    let doubled = accounts.rules.mail.retry_first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    let pause = doubled.min(LONGEST_BACK_OFF);
    let mut chance = [0; 1];
    accounts.entropy.fill(&mut chance);
    pause + pause / 4 * u32::from(chance[0]) / 256
}
