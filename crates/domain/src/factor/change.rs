//! Renaming and removing second factors, and new recovery codes. What weakens an account asks for a fresh proof (ASVS 7.5.3).

use std::sync::Arc;

use doorward_kit::Timestamp;
use doorward_kit::id::FactorId;

use super::list::RECOVERY_CODE;
use super::{Factor, FactorKind, RecoveryCodes, recovery_code};
use crate::account::proof::{self, Unproven};
use crate::account::{User, text};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::CeremonyKind;
use crate::notice::{self, Notice};
use crate::service::{Accounts, FieldFault, FlowError, SignedIn, Visitor, Work};
use crate::session::{ActiveSession, lookup, rotate};
use crate::store::StoreError;

/// Counts whatever changes factors, by caller and by account.
pub(super) const CHANGE: &str = "auth_factors_change";
/// Longest name, in characters.
const NAME_MAX_CHARS: usize = 60;

pub(crate) async fn rename(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    (id, name): (FactorId, &str),
) -> Result<(), FlowError> {
    proof::charge(accounts, visitor, CHANGE, active).await?;
    let name = judged_name(name)?;
    let mut tx = accounts.begin().await?;
    if !tx.factors().rename(active.user.id, id, name).await? {
        return Err(FlowError::NotThere);
    }
    tx.note(entry(visitor, active, AuditEvent::FactorRenamed, Outcome::Success, accounts.high_water.now()));
    tx.commit().await?;
    Ok(())
}

pub(crate) async fn remove(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    id: FactorId,
) -> Result<SignedIn, FlowError> {
    proof::charge(accounts, visitor, CHANGE, active).await?;
    let now = accounts.high_water.now();
    let (mut tx, user) = open_fresh(accounts, visitor, active).await?;
    let factors = tx.factors().list(user.id).await?;
    let Some(factor) = factors.iter().find(|factor| factor.id == id) else { return Err(FlowError::NotThere) };
    let is_last = factors.len() == 1;
    let of_kind = |entry: AuditEntry| entry.with(MetaKey::Kind, factor.kind.as_str());
    if is_last && accounts.rules.is_operator(&user.roles) {
        let entry = entry(visitor, active, AuditEvent::FactorRemoved, Outcome::Denied, now).because("last_of_operator");
        tx.note(of_kind(entry));
        tx.commit().await?;
        return Err(FlowError::LastOfItsKind);
    }
    if is_only_way_in(&mut tx, &user, &factors, factor).await? {
        let entry = entry(visitor, active, AuditEvent::FactorRemoved, Outcome::Denied, now).because("last_way_in");
        tx.note(of_kind(entry));
        tx.commit().await?;
        return Err(FlowError::LastOfItsKind);
    }
    tx.factors().remove(user.id, id).await?;
    if is_last {
        tx.factors().replace_recovery_codes(user.id, &[]).await?;
    }
    // Whoever has asked for a signature, or waits with half a sign-in, begins anew with what is left.
    tx.ceremonies().revoke_all(user.id, &[CeremonyKind::SecondFactor, CeremonyKind::PasskeyRequest]).await?;
    notice::tell(accounts, &mut tx, &user, Notice::FactorRemoved(factor.kind), now).await?;
    tx.note(of_kind(entry(visitor, active, AuditEvent::FactorRemoved, Outcome::Success, now)));
    let user = User { has_second_factor: !is_last, ..user };
    renewed(accounts, tx, visitor, (active, user), ("factor_removed", now)).await
}

/// As with the last link (OAUTH-12): a passkey is a sign-in of its own, and there may be no other.
async fn is_only_way_in(tx: &mut Work<'_>, user: &User, factors: &[Factor], leaving: &Factor) -> Result<bool, FlowError> {
    let is_passkey = |factor: &Factor| factor.kind == FactorKind::Passkey;
    let stays = factors.iter().any(|factor| is_passkey(factor) && factor.id != leaving.id);
    if !is_passkey(leaving) || stays || user.password_hash.is_some() {
        return Ok(false);
    }
    Ok(tx.identities().list(user.id).await?.is_empty())
}

/// Ten new recovery codes; the former ones are nothing from then on.
pub(crate) async fn renew_codes(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
) -> Result<RecoveryCodes, FlowError> {
    proof::charge(accounts, visitor, CHANGE, active).await?;
    let now = accounts.high_water.now();
    let (mut tx, user) = open_fresh(accounts, visitor, active).await?;
    if !user.has_second_factor {
        return Err(FlowError::NotThere);
    }
    let codes = recovery_code::renew(accounts, &mut tx, user.id).await?;
    notice::tell(accounts, &mut tx, &user, Notice::RecoveryCodesMade, now).await?;
    let entry = entry(visitor, active, AuditEvent::RecoveryCodesRenewed, Outcome::Success, now);
    tx.note(entry.with(MetaKey::Kind, RECOVERY_CODE));
    let signed_in = renewed(accounts, tx, visitor, (active, user), ("recovery_codes", now)).await?;
    Ok(RecoveryCodes { codes, signed_in })
}

/// The account, locked, of a session whose last full proof is fresh.
pub(super) async fn open_fresh<'a>(
    accounts: &'a Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
) -> Result<(Work<'a>, User), FlowError> {
    if let Err(unproven) = proof::prove_fresh(accounts, active) {
        return Err(refuse_unproven(accounts, visitor, active, unproven).await?);
    }
    let mut tx = accounts.begin().await?;
    let user = tx.users().lookup(active.user.id).await?.filter(|user| user.disabled_at.is_none()).ok_or(FlowError::NotThere)?;
    // A session from before the first factor has shown none, however fresh it is.
    if user.has_second_factor && !active.session.is_two_factor {
        drop(tx);
        return Err(refuse_unproven(accounts, visitor, active, Unproven::Stale).await?);
    }
    Ok((tx, user))
}

async fn refuse_unproven(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    unproven: Unproven,
) -> Result<FlowError, StoreError> {
    let entry = entry(visitor, active, AuditEvent::FactorFailed, Outcome::Failure, accounts.high_water.now());
    accounts.commit_entry(entry.because(unproven.reason())).await?;
    Ok(unproven.error())
}

/// Gives the session a new credential, since its powers have changed (ASVS 7.2.4), and makes it all true. It is no fresh proof.
async fn renewed(
    accounts: &Accounts,
    mut tx: Work<'_>,
    visitor: Visitor<'_>,
    (active, user): (&ActiveSession, User),
    (reason, now): (&'static str, Timestamp),
) -> Result<SignedIn, FlowError> {
    let replaced = rotate::replace(accounts, &mut tx, active, now).await?;
    let Some((token, session)) = replaced else { return Err(FlowError::Changed) };
    tx.note(rotate::entry(visitor, &session, reason, now));
    tx.commit().await?;
    accounts.sessions.evict(active.session.digests());
    let presented = session.digest;
    let active = Arc::new(lookup::active(session, user, presented));
    Ok(SignedIn { token, device: None, active })
}

/// What an owner may call a factor: 1 to 60 characters of one line.
pub(super) fn judged_name(name: &str) -> Result<&str, FlowError> {
    let name = name.trim();
    let fault = if name.is_empty() { Some("Give it a name".to_owned()) } else { text::line_fault(name, NAME_MAX_CHARS) };
    fault.map_or(Ok(name), |detail| Err(FlowError::Invalid(vec![FieldFault { field: "name", detail }])))
}

/// What the trail says of a change.
pub(super) fn entry(
    visitor: Visitor<'_>,
    active: &ActiveSession,
    event: AuditEvent,
    outcome: Outcome,
    now: Timestamp,
) -> AuditEntry {
    AuditEntry::of_visitor(visitor, event, outcome, now).by(active.user.id).in_session(active.session.id)
}
