//! What the owner of an account may do with its sessions (SES-14).

use doorward_kit::SessionId;

use super::lookup::{ended, forget};
use super::{ActiveSession, Session};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::service::{Accounts, FlowError, Visitor};
use crate::store::{PageLimit, SessionFilter, StoreError};

/// An account has at most a thousand, and so has a page: one page holds all there can be.
pub(crate) async fn list(accounts: &Accounts, active: &ActiveSession) -> Result<Vec<Session>, StoreError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let filter = SessionFilter::new().for_user(active.user.id).active_at(now);
    let page = tx.sessions().list(filter, None, PageLimit::new(u32::MAX)).await?;
    let is_live = |session: &Session| {
        let seen = session.last_seen_at.as_microsecond();
        session.id == active.session.id || ended(accounts, session, &active.user.roles, seen, now).is_none()
    };
    Ok(page.items.into_iter().rev().filter(is_live).collect())
}

/// The same statements and one entry, whether the session is the caller's, another's, or nobody's.
pub(crate) async fn revoke(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    id: SessionId,
) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let own = tx.sessions().lookup(id).await?.filter(|session| session.user_id == active.user.id);
    let entry = |outcome| AuditEntry::of_visitor(visitor, AuditEvent::SessionRevoked, outcome, now).by(active.user.id);
    match &own {
        Some(session) => {
            tx.sessions().revoke(session.id).await?;
            tx.note(entry(Outcome::Success).in_session(session.id).because("by_owner").with(MetaKey::By, "owner"));
        }
        None => tx.note(entry(Outcome::Denied).in_session(active.session.id).because("unknown").with(MetaKey::By, "owner")),
    }
    tx.commit().await?;
    let own = own.ok_or(FlowError::NotThere)?;
    forget(accounts, &own, None);
    Ok(())
}

pub(crate) async fn revoke_others(accounts: &Accounts, visitor: Visitor<'_>, active: &ActiveSession) -> Result<usize, FlowError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    let before = tx.sessions().list(SessionFilter::new().for_user(active.user.id), None, PageLimit::new(u32::MAX)).await?;
    let count = before.items.iter().filter(|session| session.id != active.session.id).count();
    let ended = tx.sessions().revoke_all(active.user.id, Some(active.session.id)).await?;
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SessionRevoked, Outcome::Success, now);
    let entry = entry.by(active.user.id).in_session(active.session.id).because("by_owner_others");
    tx.note(entry.with(MetaKey::By, "owner").with(MetaKey::Sessions, count));
    tx.commit().await?;
    accounts.sessions.evict(&ended);
    Ok(count)
}
