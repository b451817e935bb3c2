//! Changing the password (PWD-06): the current one is asked for, every session ends, and the caller gets a new one.

use std::sync::Arc;

use doorward_kit::{SessionId, Token};

use super::{User, proof, proof::Proof};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::{HashError, Password, policy};
use crate::device::remember::remember;
use crate::notice::{self, Notice};
use crate::one_time::PurposeKind;
use crate::service::{Accounts, FieldFault, FlowError, SignedIn, Visitor};
use crate::session::{ActiveSession, Session, lookup, rotate};

pub(crate) async fn change(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    current: Password,
    new: Password,
) -> Result<SignedIn, FlowError> {
    proof::charge(accounts, visitor, "auth_password", active).await?;
    let new = match judge(accounts, "new_password", new, &active.user.email.canonical) {
        Ok(new) => new,
        Err(error) => {
            accounts.commit_entry(failed(accounts, visitor, active, "policy")).await?;
            return Err(error);
        }
    };
    let proof = match proof::prove(accounts, active, current).await? {
        Ok(proof) => proof,
        Err(unproven) => {
            accounts.commit_entry(failed(accounts, visitor, active, unproven.reason())).await?;
            return Err(unproven.error());
        }
    };
    let replacement = hash(accounts, new).await?;
    match store(accounts, visitor, active, &proof, &replacement).await? {
        Some(signed_in) => Ok(signed_in),
        None => Err(refuse(accounts, visitor, active, "changed_meanwhile").await),
    }
}

/// The rules that hold for every new password; the field's name is the caller's.
pub(crate) fn judge(accounts: &Accounts, field: &'static str, password: Password, email: &str) -> Result<Password, FlowError> {
    let password = password.normalised();
    match policy::fault(&password, accounts.rules.password_min, &accounts.rules.guesses(email)) {
        Some(detail) => Err(FlowError::Invalid(vec![FieldFault { field, detail }])),
        None => Ok(password),
    }
}

pub(crate) async fn hash(accounts: &Accounts, password: Password) -> Result<String, FlowError> {
    accounts.hasher.hash(password).await.map_err(|error| match error {
        HashError::Busy | HashError::Unusable => FlowError::Busy,
    })
}

async fn refuse(accounts: &Accounts, visitor: Visitor<'_>, active: &ActiveSession, reason: &'static str) -> FlowError {
    let entry = failed(accounts, visitor, active, reason);
    accounts.commit_entry(entry).await.map_or_else(FlowError::from, |()| FlowError::Refused)
}

fn failed(accounts: &Accounts, visitor: Visitor<'_>, active: &ActiveSession, reason: &'static str) -> AuditEntry {
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::PasswordChangeFailed, Outcome::Failure, accounts.clock.now());
    entry.by(active.user.id).in_session(active.session.id).because(reason)
}

/// Everything that a new password means, in one transaction. `None` when the account or the session is not what it was.
async fn store(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    proof: &Proof,
    replacement: &str,
) -> Result<Option<SignedIn>, FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let Some(user) = proof.confirm(&mut tx).await? else { return Ok(None) };
    // Signed out meanwhile: then the change has no session to go on with, and is none.
    let Some(former) = tx.sessions().lookup(active.session.id).await? else { return Ok(None) };
    tx.users().set_password_hash(user.id, Some(replacement)).await?;
    // A new session, not a new credential of the old one: whoever borrowed the old one is out with this very answer, and requests that
    // were still under way with it are refused without ending the new one.
    let ended = tx.sessions().revoke_all(user.id, None).await?;
    let token = Token::random(&*accounts.entropy);
    let digest = accounts.keys.session_digest(&token);
    let id = SessionId::random(&*accounts.entropy);
    let session = Session { id, digest, previous: None, rotated_at: now, authenticated_at: now, last_seen_at: now, ..former };
    tx.sessions().add(&session).await?;
    tx.devices().remove_all(user.id).await?;
    let device = remember(accounts, &mut tx, user.id, visitor, None, now).await?;
    tx.one_times().revoke(user.id, &[PurposeKind::Recovery, PurposeKind::EmailChange]).await?;
    notice::tell(accounts, &mut tx, &user, Notice::PasswordChanged, now).await?;
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::PasswordChanged, Outcome::Success, now);
    tx.note(entry.by(user.id).in_session(session.id).with(MetaKey::Method, "password"));
    tx.note(rotate::entry(visitor, &session, "password_changed", now));
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    let password_hash = Some(replacement.to_owned());
    let user = User { credential_version: user.credential_version + 1, password_hash, ..user };
    let presented = session.digest;
    Ok(Some(SignedIn { token, device: Some(device), active: Arc::new(lookup::active(session, user, presented)) }))
}
