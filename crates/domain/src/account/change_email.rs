//! Moving an account to another address (EMAIL-06): the password, then a proof of the new address, then a way back for the old one.
//!
//! A taken address answers like a free one and costs the same (ENUM-10): its owner is told instead.

use doorward_kit::id::OneTimeId;
use doorward_kit::{Timestamp, Token, TokenDigest, UserId};

use super::{EmailAddress, User, identifier, mail, proof};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::Password;
use crate::instant::later;
use crate::one_time::{OneTime, Purpose, PurposeKind};
use crate::outbox;
use crate::recovery::forgot;
use crate::service::{Accounts, FieldFault, FlowError, Visitor, Work};
use crate::session::ActiveSession;
use crate::store::{Delivery, StoreError};

pub(crate) async fn request(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    email: &str,
    current: Password,
) -> Result<(), FlowError> {
    proof::charge(accounts, visitor, "auth_email", active).await?;
    let to = judge(accounts, email)?;
    let now = accounts.high_water.now();
    let entry =
        |event, outcome| AuditEntry::of_visitor(visitor, event, outcome, now).by(active.user.id).in_session(active.session.id);
    let refused = |reason| entry(AuditEvent::EmailChangeFailed, Outcome::Failure).because(reason);
    let proof = match proof::prove(accounts, active, current).await? {
        Ok(proof) => proof,
        Err(unproven) => {
            accounts.commit_entry(refused(unproven.reason())).await?;
            return Err(unproven.error());
        }
    };
    // Charged for either kind of mail, since only the transaction will know which it is to be.
    let allowance = accounts.mail_allowance(&identifier::limiter(&to.canonical)).await;
    let mut tx = accounts.begin().await?;
    let Some(user) = proof.confirm(&mut tx).await? else {
        drop(tx);
        accounts.commit_entry(refused("changed_meanwhile")).await?;
        return Err(FlowError::Changed);
    };
    let owner = tx.users().find_by_email(&to.canonical).await?;
    let is_taken = owner.is_some();
    let token = Token::random(&*accounts.entropy);
    let is_live = !is_taken && allowance.link == Delivery::Due;
    // A link that is not mailed must not take the place of one that was. The quota alone decides: did it depend on whether the address is
    // taken, the fate of the former link would tell whoever asked (ENUM-10).
    let whose = if allowance.link == Delivery::Due { user.id } else { UserId::random(&*accounts.entropy) };
    tx.one_times().revoke(whose, &[PurposeKind::EmailChange]).await?;
    tx.one_times().add(&change_token(accounts, &user, &to, &token, is_live, now)).await?;
    let (letter, delivery) = match &owner {
        Some(owner) => (mail::known_account_mail(&accounts.rules, &owner.email), allowance.notice),
        None => (mail::email_change_mail(&accounts.rules, &to, &token), allowance.link),
    };
    outbox::flow::queue(accounts, &mut tx, letter, delivery, now).await?;
    let (old, new) = (accounts.keys.subject_hash(&user.email.canonical), accounts.keys.subject_hash(&to.canonical));
    let entry = entry(AuditEvent::EmailChangeRequested, Outcome::Success).because(match (is_taken, is_live) {
        (true, _) => "taken",
        (false, true) => "issued",
        (false, false) => "suppressed",
    });
    tx.note(entry.with(MetaKey::OldHash, old).with(MetaKey::NewHash, new));
    tx.commit().await?;
    accounts.mail_queued.notify_one();
    Ok(())
}

fn judge(accounts: &Accounts, email: &str) -> Result<EmailAddress, FlowError> {
    let fault = |detail: &str| FlowError::Invalid(vec![FieldFault { field: "email", detail: detail.to_owned() }]);
    let email: EmailAddress = email.parse().map_err(|_| fault("Enter an e-mail address such as name@example.com"))?;
    if accounts.rules.allows(&email) { Ok(email) } else { Err(fault("Addresses of this domain cannot be used here")) }
}

/// Where no link is mailed, a token that has expired and that nobody is told.
fn change_token(accounts: &Accounts, user: &User, to: &EmailAddress, token: &Token, is_live: bool, now: Timestamp) -> OneTime {
    let purpose = Purpose::EmailChange {
        user: user.id,
        canonical: user.email.canonical.clone(),
        version: user.credential_version,
        to: to.clone(),
    };
    let expires_at = if is_live { later(now, accounts.rules.email_change_life) } else { now };
    one_time(accounts, purpose, token, now, expires_at)
}

fn one_time(accounts: &Accounts, purpose: Purpose, token: &Token, now: Timestamp, expires_at: Timestamp) -> OneTime {
    let digest = accounts.keys.one_time_digest(purpose.kind(), token);
    OneTime { id: OneTimeId::random(&*accounts.entropy), digest, purpose, created_at: now, expires_at }
}

/// Unknown, expired, used, outdated, taken meanwhile, disabled: one refusal.
pub(crate) async fn confirm(accounts: &Accounts, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "email_confirm").await?;
    redeem(accounts, visitor, token, PurposeKind::EmailChange).await
}

/// Takes the account back for whoever reads the former address. Whoever changed it knew the password, so that one dies too, and a reset
/// link goes to the restored address: only its reader gets on.
pub(crate) async fn undo(accounts: &Accounts, visitor: Visitor<'_>, token: &str) -> Result<(), FlowError> {
    accounts.charge_caller(visitor, "email_confirm").await?;
    redeem(accounts, visitor, token, PurposeKind::EmailUndo).await
}

async fn redeem(accounts: &Accounts, visitor: Visitor<'_>, token: &str, kind: PurposeKind) -> Result<(), FlowError> {
    match attempt(accounts, visitor, token, kind).await {
        // Somebody else got the address, or another flow of the account won: looked at afresh, it is a refusal or it is not.
        Err(FlowError::Store(StoreError::Conflict)) => match attempt(accounts, visitor, token, kind).await {
            Err(FlowError::Store(StoreError::Conflict)) => Err(FlowError::Refused),
            outcome => outcome,
        },
        outcome => outcome,
    }
}

async fn attempt(accounts: &Accounts, visitor: Visitor<'_>, token: &str, kind: PurposeKind) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let outcome = match Token::parse(token) {
        Some(token) => consume(accounts, &mut tx, &token, kind, now).await?,
        None => Err("malformed"),
    };
    let Redeemed { user, to, issued_at } = match outcome {
        Ok(redeemed) => redeemed,
        Err(reason) => {
            let entry = AuditEntry::of_visitor(visitor, AuditEvent::EmailChangeFailed, Outcome::Failure, now);
            tx.note(entry.because(reason).with(MetaKey::Purpose, kind.as_str()));
            tx.commit().await?;
            return Err(FlowError::Refused);
        }
    };
    let ended = match kind {
        PurposeKind::EmailUndo => take_back(accounts, &mut tx, &user, &to, issued_at, now).await?,
        PurposeKind::EmailChange | PurposeKind::Recovery | PurposeKind::EndSessions | PurposeKind::Invitation => {
            move_to(accounts, &mut tx, &user, &to, now).await?;
            Vec::new()
        }
    };
    let event = if kind == PurposeKind::EmailUndo { AuditEvent::EmailChangeUndone } else { AuditEvent::EmailChanged };
    let (old, new) = (accounts.keys.subject_hash(&user.email.canonical), accounts.keys.subject_hash(&to.canonical));
    let entry = AuditEntry::of_visitor(visitor, event, Outcome::Success, now).by(user.id);
    tx.note(entry.with(MetaKey::OldHash, old).with(MetaKey::NewHash, new));
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    accounts.mail_queued.notify_one();
    Ok(())
}

/// What a token that is good leads to.
struct Redeemed {
    /// Locked, as it is before the change.
    user: User,
    /// The address that it gets.
    to: EmailAddress,
    issued_at: Timestamp,
}

/// The account that a token is good for, and the address that it leads to. The inner error is for the audit trail.
async fn consume(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    token: &Token,
    kind: PurposeKind,
    now: Timestamp,
) -> Result<Result<Redeemed, &'static str>, StoreError> {
    let mut found = None;
    for digest in accounts.keys.one_time_digests(kind, token) {
        found = tx.one_times().consume(kind, &digest, now).await?;
        if found.is_some() {
            break;
        }
    }
    let Some(found) = found else { return Ok(Err("unknown")) };
    let (id, canonical, version, to) = match found.purpose.clone() {
        Purpose::EmailChange { user, canonical, version, to } => (user, canonical, Some(version), to),
        Purpose::EmailUndo { user, canonical, to } => (user, canonical, None, to),
        Purpose::Recovery { .. } | Purpose::EndSessions { .. } | Purpose::Invitation { .. } => return Ok(Err("unknown")),
    };
    let Some(user) = tx.users().lookup(id).await? else { return Ok(Err("unknown")) };
    // The way back stays open however often the address was changed since: a thief changes it twice.
    let is_outdated = version.is_some_and(|version| version != user.credential_version || user.email.canonical != canonical);
    let refusal = if user.disabled_at.is_some() {
        Some("disabled")
    } else if is_outdated {
        Some("outdated")
    } else if tx.users().find_by_email(&to.canonical).await?.is_some() {
        Some("taken")
    } else {
        None
    };
    // A way back that cannot be gone at the moment is put back: it is the owner's only one.
    if refusal.is_some() && kind == PurposeKind::EmailUndo {
        tx.one_times().add(&found).await?;
    }
    Ok(refusal.map_or_else(|| Ok(Redeemed { user, to, issued_at: found.created_at }), Err))
}

async fn move_to(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: &User,
    to: &EmailAddress,
    now: Timestamp,
) -> Result<(), StoreError> {
    // What strangers asked for under the address is void, as it is at a verification (ENUM-14), which goes the same way: first the sign-ups
    // of an address, then the address itself. The other way round the two would wait for each other.
    tx.sign_ups().remove_all(&to.canonical).await?;
    tx.users().set_email(user.id, to).await?;
    tx.one_times().revoke(user.id, &[PurposeKind::Recovery, PurposeKind::EmailChange]).await?;
    let token = Token::random(&*accounts.entropy);
    let purpose = Purpose::EmailUndo { user: user.id, canonical: to.canonical.clone(), to: user.email.clone() };
    let expires_at = later(now, accounts.rules.email_undo_life);
    tx.one_times().add(&one_time(accounts, purpose, &token, now, expires_at)).await?;
    let letter = mail::email_changed_mail(&accounts.rules, &user.email, &token);
    outbox::flow::queue(accounts, tx, letter, Delivery::Due, now).await
}

async fn take_back(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    user: &User,
    to: &EmailAddress,
    issued_at: Timestamp,
    now: Timestamp,
) -> Result<Vec<TokenDigest>, StoreError> {
    tx.users().set_email(user.id, to).await?;
    tx.users().set_password_hash(user.id, None).await?;
    let ended = tx.sessions().revoke_all(user.id, None).await?;
    tx.devices().remove_all(user.id).await?;
    tx.one_times().revoke(user.id, &[PurposeKind::EmailChange]).await?;
    // Later ways back lead to addresses of whoever changed it. Earlier ones stay: a thief who changed the address twice goes back one
    // step and must not cut off the owner, who goes back two.
    tx.one_times().revoke_since(user.id, PurposeKind::EmailUndo, issued_at).await?;
    let restored = User { email: to.clone(), credential_version: user.credential_version + 2, ..user.clone() };
    forgot::mail_token(accounts, tx, Some(&restored), to, now).await?;
    Ok(ended)
}
