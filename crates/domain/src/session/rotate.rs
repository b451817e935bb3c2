//! Replacing a session's credential (SES-13).
//!
//! Of any number of requests that come at once exactly one replaces it: the store compares and sets. The others go on with the credential
//! that they came with, which stays good for [`GRACE`]. When it comes back after that, the session ends, see `super::lookup`.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Timestamp, Token};

use super::{ActiveSession, PreviousCredential, Session};
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::instant::later;
use crate::service::{Accounts, FlowError, SignedIn, Visitor, Work};
use crate::store::StoreError;

/// How long the replaced credential is let pass: what was under way when it was replaced is answered by then.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// Asked on every request, so it is one comparison. A request with the previous credential is not the one to replace the present one.
pub(crate) fn is_due(accounts: &Accounts, active: &ActiveSession) -> bool {
    let is_due = || accounts.clock.now() >= later(active.session.rotated_at, accounts.rules.session_rotation);
    active.presented == active.session.digest && (active.is_outdated || is_due())
}

pub(crate) async fn rotate(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
) -> Result<Option<SignedIn>, FlowError> {
    let (now, epoch) = (accounts.high_water.now(), accounts.sessions.epoch());
    let mut tx = accounts.begin().await?;
    let Some((token, session)) = replace(accounts, &mut tx, active, now).await? else {
        drop(tx);
        // Ours is an old copy: the next request reads it again.
        accounts.sessions.evict([&active.presented]);
        return Ok(None);
    };
    tx.note(entry(visitor, &session, if is_due(accounts, active) { "age" } else { "asked" }, now));
    match tx.commit().await {
        Ok(()) => {
            let presented = session.digest;
            let renewed = Arc::new(ActiveSession { session, presented, is_outdated: false, ..active.clone() });
            // In before the old one is out, so that what was seen of the session is handed on.
            accounts.sessions.hand_on(Arc::clone(&renewed), epoch);
            accounts.sessions.evict(active.session.digests());
            Ok(Some(SignedIn { token, device: None, active: renewed }))
        }
        Err(StoreError::Conflict) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The statement of a rotation, for flows that change more than that: the new credential and the session as it is then. `None` when the
/// credential that was presented is not the present one any more. After the commit the caller forgets [`Session::digests`] of the old
/// one in the cache.
pub(crate) async fn replace(
    accounts: &Accounts,
    tx: &mut Work<'_>,
    active: &ActiveSession,
    now: Timestamp,
) -> Result<Option<(Token, Session)>, StoreError> {
    let former = active.presented;
    let token = Token::random(&*accounts.entropy);
    let digest = accounts.keys.session_digest(&token);
    let until = later(now, GRACE);
    if !tx.sessions().rotate(active.session.id, &former, &digest, until, now).await? {
        return Ok(None);
    }
    let previous = Some(PreviousCredential { digest: former, until });
    let session = Session { digest, previous, rotated_at: now, ..active.session.clone() };
    Ok(Some((token, session)))
}

/// What the trail says of it.
pub(crate) fn entry(visitor: Visitor<'_>, session: &Session, reason: &'static str, now: Timestamp) -> AuditEntry {
    AuditEntry::of_visitor(visitor, AuditEvent::SessionRotated, Outcome::Success, now)
        .by(session.user_id)
        .in_session(session.id)
        .because(reason)
}
