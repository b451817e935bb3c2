//! Proving an address, and asking for the mail again.

use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, Token, UserId};

use super::{PendingSignUp, verification_mail};
use crate::account::{EmailAddress, User, identifier};
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::instant::later;
use crate::outbox;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::store::{Delivery, StoreError};
use crate::throttle::Subject;

/// Consumes a token and makes the account. Unknown, expired, used, malformed, or an address that has an account by now: one refusal.
pub(crate) async fn verify(accounts: &Accounts, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
    accounts.charge_subject(visitor, "verify_email", Subject::Prefix(&visitor.prefix())).await?;
    match attempt(accounts, visitor, token).await {
        // Two links of one address at once: the database let the other one win.
        Err(FlowError::Store(StoreError::Conflict)) => {
            let entry = AuditEntry::of_visitor(visitor, AuditEvent::VerifyFailed, Outcome::Failure, accounts.clock.now());
            accounts.commit_entry(entry.because("taken")).await?;
            Err(FlowError::Refused)
        }
        outcome => outcome,
    }
}

async fn attempt(accounts: &Accounts, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let outcome = match Token::parse(token) {
        Some(token) => consume(accounts, &mut tx, &token, now).await?,
        None => Err("malformed"),
    };
    let entry = match &outcome {
        Ok(user) => {
            let entry = AuditEntry::of_visitor(visitor, AuditEvent::Verified, Outcome::Success, now);
            entry.by(user.id).about(&accounts.keys.subject_hash(&user.email.canonical))
        }
        Err(reason) => AuditEntry::of_visitor(visitor, AuditEvent::VerifyFailed, Outcome::Failure, now).because(reason),
    };
    tx.note(entry);
    tx.commit().await?;
    outcome.map(drop).map_err(|_| FlowError::Refused)
}

async fn consume(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    token: &Token,
    now: Timestamp,
) -> Result<Result<User, &'static str>, StoreError> {
    let digest = accounts.keys.verification_digest(token);
    let Some(pending) = tx.sign_ups().consume(&digest, now).await? else { return Ok(Err("unknown")) };
    // Whoever proved the address settles it: what others asked for under it is void (ENUM-14).
    tx.sign_ups().remove_all(&pending.email.canonical).await?;
    if tx.users().find_by_email(&pending.email.canonical).await?.is_some() {
        return Ok(Err("taken"));
    }
    let user = account(accounts, pending, now);
    tx.users().add(&user).await?;
    Ok(Ok(user))
}

fn account(accounts: &Accounts, pending: PendingSignUp, now: Timestamp) -> User {
    User {
        id: UserId::random(&*accounts.entropy),
        email: pending.email,
        display_name: pending.display_name,
        avatar_url: None,
        bio: None,
        password_hash: Some(pending.password_hash),
        roles: pending.roles,
        credential_version: 1,
        disabled_at: None,
        created_at: now,
    }
}

/// Mails a new token for the sign-up of an address, if there is one. Every address gets the same answer (EMAIL-04), and costs the
/// same writes: where there is nothing to send, a mail is written that never leaves.
pub(crate) async fn resend(accounts: &Accounts, visitor: Visitor<'_>, email: &str) -> Result<(), FlowError> {
    accounts.charge_subject(visitor, "verify_email_resend", Subject::Prefix(&visitor.prefix())).await?;
    let allowed = accounts.link_allowance(&identifier::limiter(email)).await;
    let now = accounts.clock.now();
    let mut tx = accounts.begin().await?;
    let reason = match email.parse::<EmailAddress>() {
        Ok(email) => reissue(accounts, &mut tx, &email, allowed, now).await?,
        Err(_) => "malformed",
    };
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::VerifyIssued, Outcome::Success, now);
    let entry = entry.about(&accounts.keys.subject_hash(email)).because(reason);
    tx.note(entry);
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(())
}

/// Replaces the token of the sign-up: the one mailed before dies (FORGOT-07). Says what came of it, for the audit trail.
///
/// Of several sign-ups nobody can tell which is the owner's, and the link of the wrong one would make an account with a stranger's
/// password (ENUM-14): then the links that were mailed go on, and whoever lost theirs signs up again.
async fn reissue(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    email: &EmailAddress,
    allowed: Delivery,
    now: Timestamp,
) -> Result<&'static str, StoreError> {
    let has_account = tx.users().find_by_email(&email.canonical).await?.is_some();
    let pending = tx.sign_ups().find_only(&email.canonical, now).await?.filter(|_| !has_account);
    let (id, to, delivery, reason) = match (&pending, allowed) {
        (Some(pending), Delivery::Due) => (pending.id, &pending.email, Delivery::Due, "issued"),
        // The link that was mailed before must go on working: nothing is rotated.
        (Some(pending), Delivery::Withheld) => {
            (SignUpId::random(&*accounts.entropy), &pending.email, Delivery::Withheld, "suppressed")
        }
        (None, _) => (SignUpId::random(&*accounts.entropy), email, Delivery::Withheld, "nothing_to_send"),
    };
    let token = Token::random(&*accounts.entropy);
    let expires_at = later(now, accounts.rules.verification_life);
    tx.sign_ups().rotate(id, &accounts.keys.verification_digest(&token), expires_at).await?;
    outbox::flow::queue(accounts, tx, verification_mail(&accounts.rules, to, &token), delivery, now).await?;
    Ok(reason)
}
