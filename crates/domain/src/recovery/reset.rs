//! Using a reset link (RESET-01 … RESET-13).
//!
//! The password is judged before the token is looked at (RESET-03) and hashed whatever the token is worth, so that the answer tells nothing
//! of it. Then one transaction consumes the token and does everything that a new password means, or nothing.

use doorward_kit::{Timestamp, Token, TokenDigest};

use super::mail::recovered_mail;
use crate::account::{User, password};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::Password;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::outbox;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::store::{Delivery, StoreError};
use crate::throttle::Subject;

pub(crate) async fn reset(accounts: &Accounts, visitor: Visitor<'_>, token: &str, password: Password) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "reset_password").await?;
    // Then all callers together (RESET-10), so that no caller takes more of the common quota than of its own.
    accounts.charge_subject(visitor, "reset_password_total", Subject::Everybody).await?;
    // Whose account it is must not be known here (RESET-03): the account's own address is looked for once the link has named it.
    let password = match password::judge(accounts, "password", password, "") {
        Ok(password) => password,
        Err(error) => {
            accounts.commit_entry(failed(visitor, "policy", accounts.clock.now())).await?;
            return Err(error);
        }
    };
    let hash = password::hash(accounts, password.clone()).await?;
    match attempt(accounts, visitor, token, &password, &hash).await {
        // Another flow of the same account won: what it left is looked at afresh, once.
        Err(FlowError::Store(StoreError::Conflict)) => match attempt(accounts, visitor, token, &password, &hash).await {
            Err(FlowError::Store(StoreError::Conflict)) => Err(FlowError::Refused),
            outcome => outcome,
        },
        outcome => outcome,
    }
}

async fn attempt(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    token: &str,
    password: &Password,
    hash: &str,
) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let outcome = match Token::parse(token) {
        Some(token) => redeem(accounts, &mut tx, &token, now).await?,
        None => Err("malformed"),
    };
    let user = match outcome {
        Ok(user) => user,
        Err(reason) => {
            tx.note(failed(visitor, reason, now));
            tx.commit().await?;
            return Err(FlowError::Refused);
        }
    };
    // Only whoever holds the link is told this, and the link stays as good as it was.
    if let Err(error) = password::judge(accounts, "password", password.clone(), &user.email.canonical) {
        drop(tx);
        accounts.commit_entry(failed(visitor, "policy", now)).await?;
        return Err(error);
    }
    let ended = renew(accounts, &mut tx, &user, hash, now).await?;
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::Recovered, Outcome::Success, now);
    let entry = entry.by(user.id).about(&accounts.keys.subject_hash(&user.email.canonical));
    tx.note(entry.with(MetaKey::Sessions, ended.len()));
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    accounts.mail_queued.notify_one();
    Ok(())
}

fn failed(visitor: Visitor<'_>, reason: &'static str, now: Timestamp) -> AuditEntry {
    AuditEntry::of_visitor(visitor, AuditEvent::RecoveryFailed, Outcome::Failure, now).because(reason)
}

/// The account that a token is good for, locked. The inner error is for the audit trail; outside there is one refusal.
async fn redeem(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    token: &Token,
    now: Timestamp,
) -> Result<Result<User, &'static str>, StoreError> {
    let mut found = None;
    for digest in accounts.keys.one_time_digests(PurposeKind::Recovery, token) {
        // Expired or not: either is used up by this, and the trail can tell one from the other.
        found = tx.one_times().consume(PurposeKind::Recovery, &digest, Timestamp::UNIX_EPOCH).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(OneTime { purpose, expires_at, .. }) = found else { return Ok(Err("unknown")) };
    let Purpose::Recovery { user, canonical, version } = purpose else { return Ok(Err("unknown")) };
    if expires_at <= now {
        return Ok(Err("expired"));
    }
    let Some(user) = tx.users().lookup(user).await? else { return Ok(Err("unknown")) };
    Ok(if user.disabled_at.is_some() {
        Err("disabled")
    } else if user.email.canonical != canonical || user.credential_version != version {
        Err("outdated")
    } else {
        Ok(user)
    })
}

/// A new password ends whatever the old one, or whoever had it, could still be used for (RESET-05). The stop of D-11 is lifted.
async fn renew(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: &User,
    hash: &str,
    now: Timestamp,
) -> Result<Vec<TokenDigest>, StoreError> {
    tx.users().set_password_hash(user.id, Some(hash)).await?;
    let ended = tx.sessions().revoke_all(user.id, None).await?;
    tx.devices().remove_all(user.id).await?;
    tx.one_times().revoke(user.id, &[PurposeKind::Recovery, PurposeKind::EmailChange]).await?;
    for subject in accounts.keys.failure_subjects(&user.email.canonical) {
        tx.failures().clear(&subject).await?;
    }
    outbox::flow::queue(accounts, tx, recovered_mail(&accounts.rules, &user.email), Delivery::Due, now).await?;
    Ok(ended)
}
