//! Asking for a reset link (FORGOT-01 … FORGOT-09).
//!
//! Every address costs the same statements: tokens of an account removed, a token added, a mail added, an entry. Where nothing may leave,
//! the token is a decoy that has expired and that nobody was ever told, and the mail is withheld.

use doorward_kit::id::OneTimeId;
use doorward_kit::{Timestamp, Token, UserId};

use super::mail::recovery_mail;
use crate::account::{EmailAddress, User, identifier};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::instant::later;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::outbox;
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::store::{Delivery, StoreError};

pub(crate) async fn forgot(accounts: &Accounts, visitor: Visitor<'_>, email: Option<&str>) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "forgot_password").await?;
    let typed = email.unwrap_or_default();
    // Mails to one address are few, whoever asks for them; the visitor is told nothing of it (D-02, FORGOT-06).
    let allowed = accounts.allowance("forgot_password_address", &identifier::limiter(typed)).await;
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let reason = match typed.parse::<EmailAddress>() {
        Ok(email) => issue(accounts, &mut tx, &email, allowed, now).await?,
        Err(_) => "malformed",
    };
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::RecoveryRequested, Outcome::Success, now);
    let entry = entry.about(&accounts.keys.subject_hash(typed)).because(reason);
    // Nobody is signed in: whoever asks is not the owner of the account until they have used the link.
    tx.note(entry.with(MetaKey::Suppressed, allowed == Delivery::Withheld));
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(())
}

/// Replaces the reset token of an account (FORGOT-07). Says what came of it, for the audit trail.
async fn issue(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    email: &EmailAddress,
    allowed: Delivery,
    now: Timestamp,
) -> Result<&'static str, StoreError> {
    let user = tx.users().find_by_email(&email.canonical).await?;
    let (reason, live) = match (user, allowed) {
        (None, _) => ("unknown", None),
        (Some(user), _) if user.disabled_at.is_some() => ("disabled", None),
        // The link that was mailed before goes on working.
        (Some(_), Delivery::Withheld) => ("suppressed", None),
        (Some(user), Delivery::Due) => ("issued", Some(user)),
    };
    mail_token(accounts, tx, live.as_ref(), email, now).await?;
    Ok(reason)
}

/// Issues and mails a token to the stored address of `user`; without one, does as much and mails nothing.
pub(crate) async fn mail_token(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: Option<&User>,
    typed: &EmailAddress,
    now: Timestamp,
) -> Result<(), StoreError> {
    let token = Token::random(&*accounts.entropy);
    let whose = user.map_or_else(|| UserId::random(&*accounts.entropy), |user| user.id);
    tx.one_times().revoke(whose, &[PurposeKind::Recovery]).await?;
    tx.one_times().add(&one_time(accounts, user, &token, now)).await?;
    let to = user.map_or(typed, |user| &user.email);
    let delivery = if user.is_some() { Delivery::Due } else { Delivery::Withheld };
    outbox::flow::queue(accounts, tx, recovery_mail(&accounts.rules, to, &token), delivery, now).await
}

/// Bound to the account, its address and the version of its credentials (RESET-08); or a decoy.
pub(crate) fn one_time(accounts: &Accounts, user: Option<&User>, token: &Token, now: Timestamp) -> OneTime {
    let (purpose, expires_at) = match user {
        Some(user) => {
            let canonical = user.email.canonical.clone();
            let purpose = Purpose::Recovery { user: user.id, canonical, version: user.credential_version };
            (purpose, later(now, accounts.rules.recovery_life))
        }
        None => (Purpose::Invitation { email: None, roles: Vec::new() }, now),
    };
    OneTime {
        id: OneTimeId::random(&*accounts.entropy),
        digest: accounts.keys.one_time_digest(PurposeKind::Recovery, token),
        purpose,
        created_at: now,
        expires_at,
    }
}
