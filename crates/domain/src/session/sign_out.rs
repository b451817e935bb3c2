//! Signing out: the row goes, then the cache entry, then the answer (SES-09).

use super::ActiveSession;
use super::lookup::{forget, remove};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::service::{Accounts, FlowError, Visitor};

pub(crate) async fn sign_out(accounts: &Accounts, visitor: Visitor<'_>, active: &ActiveSession) -> Result<(), FlowError> {
    let session = &active.session;
    let mut tx = accounts.begin().await?;
    let removed = remove(&mut tx, session.id).await?;
    let entry = AuditEntry::of_visitor(visitor, AuditEvent::SignOut, Outcome::Success, accounts.clock.now())
        .by(session.user_id)
        .in_session(session.id)
        .with(MetaKey::All, false);
    // Of two sign-outs at once the second changes nothing, and says so.
    let entry = if removed.is_some() { entry } else { entry.because("already_ended") };
    tx.note(entry);
    tx.commit().await?;
    // It may have got a new credential while this request was under way.
    forget(accounts, session, removed.as_ref());
    Ok(())
}
