//! Using the link of a notice: every session of the account ends, whoever has it.
//!
//! The link shows that somebody reads the mailbox, as a reset link does, and does less: it signs nobody in and changes no credential. What
//! gets its owner on is the reset link that goes to the same mailbox.

use std::time::Duration;

use doorward_kit::{Timestamp, Token, TokenDigest};

use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::CeremonyKind;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::recovery::forgot;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::store::{PageLimit, SessionFilter, StoreError};

/// How long the link of a notice works: as long as the one that undoes a change of address, since a mail may be read late.
pub(super) const LINK_LIFE: Duration = Duration::from_secs(7 * 86_400);

/// Unknown, expired, used, disabled: one refusal.
pub(crate) async fn end_sessions(accounts: &Accounts, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "email_confirm").await?;
    match attempt(accounts, visitor, token).await {
        // Another flow of the account won: what it left is looked at afresh, once.
        Err(FlowError::Store(StoreError::Conflict)) => attempt(accounts, visitor, token).await,
        outcome => outcome,
    }
}

async fn attempt(accounts: &Accounts, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let outcome = match Token::parse(token) {
        Some(token) => redeem(accounts, &mut tx, &token, now).await?,
        None => Err("malformed"),
    };
    let entry = |outcome| AuditEntry::of_visitor(visitor, AuditEvent::SessionRevoked, outcome, now);
    let (user, is_told) = match outcome {
        Ok(good) => good,
        Err(reason) => {
            tx.note(entry(Outcome::Failure).because(reason).with(MetaKey::Purpose, PurposeKind::EndSessions.as_str()));
            tx.commit().await?;
            return Err(FlowError::Refused);
        }
    };
    let (ended, count) = end(&mut tx, &user).await?;
    if is_told {
        forgot::mail_token(accounts, &mut tx, Some(&user), &user.email, now).await?;
        tx.has_mail();
    }
    let entry = entry(Outcome::Success).by(user.id).about(&accounts.keys.subject_hash(&user.email.canonical));
    tx.note(entry.because("notice").with(MetaKey::By, "owner").with(MetaKey::Sessions, count));
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    Ok(())
}

/// The account of a link that is good, locked, and whether the address that the link went to is still its address: whoever moved the
/// account elsewhere gets no reset link by this. The inner error is for the audit trail.
async fn redeem(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    token: &Token,
    now: Timestamp,
) -> Result<Result<(User, bool), &'static str>, StoreError> {
    let mut found = None;
    for digest in accounts.keys.one_time_digests(PurposeKind::EndSessions, token) {
        // Expired or not: either is used up by this, and the trail can tell one from the other.
        found = tx.one_times().consume(PurposeKind::EndSessions, &digest, Timestamp::UNIX_EPOCH).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(OneTime { purpose: Purpose::EndSessions { user, canonical }, expires_at, .. }) = found else {
        return Ok(Err("unknown"));
    };
    if expires_at <= now {
        return Ok(Err("expired"));
    }
    let Some(user) = tx.users().lookup(user).await? else { return Ok(Err("unknown")) };
    if user.disabled_at.is_some() {
        return Ok(Err("disabled"));
    }
    let is_told = user.email.canonical == canonical;
    Ok(Ok((user, is_told)))
}

/// Whatever is signed in, or half signed in, or known, or half-way to a new address.
async fn end(tx: &mut Work<'_>, user: &User) -> Result<(Vec<TokenDigest>, usize), StoreError> {
    let live = tx.sessions().list(SessionFilter::new().for_user(user.id), None, PageLimit::new(u32::MAX)).await?;
    let ended = tx.sessions().revoke_all(user.id, None).await?;
    tx.ceremonies().revoke_all(user.id, &[CeremonyKind::SecondFactor]).await?;
    tx.devices().remove_all(user.id).await?;
    tx.one_times().revoke(user.id, &[PurposeKind::EmailChange]).await?;
    Ok((ended, live.items.len()))
}
