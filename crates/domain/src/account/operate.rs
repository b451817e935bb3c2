//! What an operator does to accounts: each deed with an entry that names the account and not its address.

use doorward_kit::{SessionId, Timestamp, Token, UserId};
use zeroize::Zeroizing;

use super::{EmailAddress, User, mail};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::CeremonyKind;
use crate::notice::{self, Notice};
use crate::one_time::PurposeKind;
use crate::recovery::forgot;
use crate::service::{Accounts, Work};
use crate::session::Session;
use crate::store::{Page, PageLimit, SessionFilter, StoreError};

/// An account that an operator names by its address, locked; and the entry about what is done to it.
struct Case<'a> {
    accounts: &'a Accounts,
    tx: Work<'a>,
    user: User,
    now: Timestamp,
}

impl<'a> Case<'a> {
    async fn open(accounts: &'a Accounts, email: &EmailAddress) -> Result<Option<Self>, StoreError> {
        let now = accounts.clock.now();
        let mut tx = accounts.begin().await?;
        let user = tx.users().find_by_email(&email.canonical).await?;
        Ok(user.map(|user| Self { accounts, tx, user, now }))
    }

    fn entry(&self, event: AuditEvent) -> AuditEntry {
        AuditEntry::of_house(event, Outcome::Success, self.now)
            .about(&self.accounts.keys.subject_hash(&self.user.email.canonical))
            .with(MetaKey::TargetUser, self.user.id)
    }

    async fn close(mut self, entry: AuditEntry) -> Result<(), StoreError> {
        self.tx.note(entry);
        self.tx.commit().await
    }
}

/// Disables an account and ends its sessions, or enables it again. Says whether there is such an account.
pub(crate) async fn set_disabled(accounts: &Accounts, email: &EmailAddress, disabled: bool) -> Result<bool, StoreError> {
    let Some(mut case) = Case::open(accounts, email).await? else { return Ok(false) };
    let id = case.user.id;
    case.tx.users().set_disabled(id, disabled.then_some(case.now)).await?;
    let ended = if disabled { case.tx.sessions().revoke_all(id, None).await? } else { Vec::new() };
    if disabled {
        case.tx.devices().remove_all(id).await?;
        case.tx.one_times().revoke(id, &[PurposeKind::Recovery, PurposeKind::EmailChange]).await?;
    }
    let entry = case.entry(if disabled { AuditEvent::UserDisabled } else { AuditEvent::UserEnabled });
    case.close(entry.with(MetaKey::Sessions, ended.len())).await?;
    accounts.sessions.evict(&ended);
    Ok(true)
}

pub(crate) async fn list(accounts: &Accounts, after: Option<UserId>, limit: PageLimit) -> Result<Page<User, UserId>, StoreError> {
    let mut tx = accounts.begin().await?;
    tx.users().list(after, limit).await
}

pub(crate) async fn delete(accounts: &Accounts, email: &EmailAddress) -> Result<bool, StoreError> {
    let Some(mut case) = Case::open(accounts, email).await? else { return Ok(false) };
    let ended = case.tx.sessions().revoke_all(case.user.id, None).await?;
    case.tx.users().remove(case.user.id).await?;
    let entry = case.entry(AuditEvent::UserDeleted).with(MetaKey::Sessions, ended.len());
    case.close(entry).await?;
    accounts.sessions.evict(&ended);
    Ok(true)
}

/// Takes every second factor and recovery code away and ends every session: for whoever has lost them all. Says whether there is such an
/// account.
pub(crate) async fn remove_factors(accounts: &Accounts, email: &EmailAddress) -> Result<bool, StoreError> {
    let Some(mut case) = Case::open(accounts, email).await? else { return Ok(false) };
    let id = case.user.id;
    for factor in case.tx.factors().list(id).await? {
        case.tx.factors().remove(id, factor.id).await?;
        let entry = case.entry(AuditEvent::FactorRemoved).with(MetaKey::Kind, factor.kind.as_str());
        case.tx.note(entry);
        notice::tell(accounts, &mut case.tx, &case.user, Notice::FactorRemoved(factor.kind), case.now).await?;
    }
    case.tx.factors().replace_recovery_codes(id, &[]).await?;
    case.tx.ceremonies().revoke_all(id, &[CeremonyKind::SecondFactor, CeremonyKind::PasskeyRequest]).await?;
    for subject in accounts.keys.code_failure_subjects(id) {
        case.tx.failures().clear(&subject).await?;
    }
    let filter = SessionFilter::new().for_user(id);
    let count = case.tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?.items.len();
    let ended = case.tx.sessions().revoke_all(id, None).await?;
    let entry = case.entry(AuditEvent::SessionRevokedByOperator).with(MetaKey::Sessions, count);
    case.close(entry.because("factors_removed")).await?;
    accounts.sessions.evict(&ended);
    Ok(true)
}

/// Sorted and without doubles. What a session may do is read anew within the cache's second.
pub(crate) async fn set_roles(accounts: &Accounts, email: &EmailAddress, mut roles: Vec<String>) -> Result<bool, StoreError> {
    roles.sort();
    roles.dedup();
    let Some(mut case) = Case::open(accounts, email).await? else { return Ok(false) };
    case.tx.users().set_roles(case.user.id, &roles).await?;
    let entry = case.entry(AuditEvent::RolesChanged).with(MetaKey::Roles, roles.join(","));
    case.close(entry).await?;
    Ok(true)
}

/// A reset link for an operator to hand over; the one that was mailed before dies. `None` for no account and for a disabled one.
pub(crate) async fn recovery_link(accounts: &Accounts, email: &EmailAddress) -> Result<Option<Zeroizing<String>>, StoreError> {
    let Some(mut case) = Case::open(accounts, email).await?.filter(|case| case.user.disabled_at.is_none()) else {
        return Ok(None);
    };
    let token = Token::random(&*accounts.entropy);
    case.tx.one_times().revoke(case.user.id, &[PurposeKind::Recovery]).await?;
    let one_time = forgot::one_time(accounts, Some(&case.user), &token, case.now);
    case.tx.one_times().add(&one_time).await?;
    let entry = case.entry(AuditEvent::RecoveryLinkMade);
    case.close(entry).await?;
    Ok(Some(mail::link(&accounts.rules, "reset", "token", &token)))
}

/// Live sessions of an account, oldest first.
pub(crate) async fn sessions(accounts: &Accounts, email: &EmailAddress) -> Result<Option<Vec<Session>>, StoreError> {
    let Some(mut case) = Case::open(accounts, email).await? else { return Ok(None) };
    let filter = SessionFilter::new().for_user(case.user.id).active_at(case.now);
    Ok(Some(case.tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?.items))
}

/// Ends every session of an account, and every sign-in that waits; says how many sessions.
pub(crate) async fn end_sessions(accounts: &Accounts, email: &EmailAddress) -> Result<Option<usize>, StoreError> {
    let Some(mut case) = Case::open(accounts, email).await? else { return Ok(None) };
    let filter = SessionFilter::new().for_user(case.user.id);
    let count = case.tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?.items.len();
    let ended = case.tx.sessions().revoke_all(case.user.id, None).await?;
    case.tx.ceremonies().revoke_all(case.user.id, &[CeremonyKind::SecondFactor]).await?;
    let entry = case.entry(AuditEvent::SessionRevokedByOperator).with(MetaKey::Sessions, count);
    case.close(entry).await?;
    accounts.sessions.evict(&ended);
    Ok(Some(count))
}

/// Ends one session; says whether it was there.
pub(crate) async fn end_session(accounts: &Accounts, id: SessionId) -> Result<bool, StoreError> {
    let mut tx = accounts.begin().await?;
    let Some(session) = tx.sessions().lookup(id).await? else { return Ok(false) };
    tx.sessions().revoke(id).await?;
    let entry = AuditEntry::of_house(AuditEvent::SessionRevokedByOperator, Outcome::Success, accounts.clock.now());
    tx.note(entry.in_session(id).with(MetaKey::TargetUser, session.user_id).with(MetaKey::Sessions, 1));
    tx.commit().await?;
    accounts.sessions.evict(session.digests());
    Ok(true)
}
