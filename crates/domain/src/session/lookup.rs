//! From a cookie value to a live session, on every request.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{RequestContext, SessionId, Timestamp, Token, TokenDigest};

use super::cache::Entry;
use super::{ActiveSession, Session};
use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, AuditRecord, Job, MetaKey, Outcome};
use crate::instant::later;
use crate::service::{Accounts, Work};
use crate::store::StoreError;

/// The last request of a session is written back at most this often; a crash shortens its idle time by as much.
pub(crate) const WRITE_BACK_EVERY: Duration = Duration::from_secs(60);

/// How far the clocks of two nodes may be apart.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// What becomes of a request that found a session.
enum Verdict {
    Live,
    /// Its time is over, or its account is.
    Ended(AuditEvent, &'static str),
    /// The credential was replaced, and whoever had requests under way has had their answers.
    Reused,
}

/// The live session of a cookie value. What is not shaped like a token of ours never reaches the store (SES-08).
pub(crate) async fn lookup(
    accounts: &Accounts,
    context: Option<&RequestContext>,
    cookie_value: &str,
) -> Result<Option<Arc<ActiveSession>>, StoreError> {
    let Some(token) = Token::parse(cookie_value) else { return Ok(None) };
    let entry = match remembered(accounts, &token) {
        Some(entry) => entry,
        None => match read(accounts, &token).await? {
            Some(entry) => entry,
            None => return Ok(None),
        },
    };
    let now = accounts.high_water.now();
    match judge(accounts, &entry, now) {
        Verdict::Live => {
            if entry.activity.note(now, WRITE_BACK_EVERY) {
                accounts.writer.queue(Job::Touch(entry.active.session.id, now));
            }
            Ok(Some(entry.active))
        }
        Verdict::Ended(event, reason) => {
            end(accounts, &entry.active, event, reason, now);
            Ok(None)
        }
        Verdict::Reused => {
            end_reused(accounts, context, &entry.active, now).await?;
            Ok(None)
        }
    }
}

/// From the cache; a credential made under an older key is under its own digest there.
fn remembered(accounts: &Accounts, token: &Token) -> Option<Entry> {
    let newest = accounts.keys.session_digest(token);
    if let Some(entry) = accounts.sessions.get(&newest) {
        return Some(entry);
    }
    let digests = accounts.keys.session_digests(token);
    digests.iter().filter(|digest| **digest != newest).find_map(|digest| accounts.sessions.get(digest))
}

async fn read(accounts: &Accounts, token: &Token) -> Result<Option<Entry>, StoreError> {
    for digest in accounts.keys.session_digests(token) {
        let epoch = accounts.sessions.epoch();
        if let Some((session, user)) = accounts.store.find_session(&digest).await? {
            let is_outdated = accounts.keys.is_outdated(token, &digest);
            let active = ActiveSession { is_outdated, ..active(session, user, digest) };
            return Ok(Some(accounts.sessions.insert(Arc::new(active), epoch)));
        }
    }
    Ok(None)
}

/// What the cache holds of an account: everything but its password hash.
pub(crate) fn active(session: Session, user: User, presented: TokenDigest) -> ActiveSession {
    let has_password = user.password_hash.is_some();
    ActiveSession { session, user: User { password_hash: None, ..user }, has_password, presented, is_outdated: false }
}

fn judge(accounts: &Accounts, entry: &Entry, now: Timestamp) -> Verdict {
    let Entry { active, activity, .. } = entry;
    let session = &active.session;
    if active.user.disabled_at.is_some() {
        return Verdict::Ended(AuditEvent::SessionRevoked, "disabled");
    }
    if let Some(reason) = ended(accounts, session, &active.user.roles, activity.seen(), now) {
        return Verdict::Ended(AuditEvent::SessionExpired, reason);
    }
    let is_late = |until| now >= until;
    match session.previous.filter(|previous| previous.digest == active.presented) {
        Some(previous) if is_late(previous.until) => Verdict::Reused,
        Some(_) | None => Verdict::Live,
    }
}

/// Which of the two clocks has run out (SES-11). What began in the future began by a clock that was ahead, and would live for as long.
///
/// An operator's clocks are the shorter pair from the moment that the account has the role, whenever the session began (D-13).
pub(crate) fn ended(accounts: &Accounts, session: &Session, roles: &[String], seen: i64, now: Timestamp) -> Option<&'static str> {
    let seen = Timestamp::from_microsecond(seen).unwrap_or(session.last_seen_at);
    let is_operator = accounts.rules.is_operator(roles);
    let (idle, absolute) = accounts.rules.clocks(is_operator, session.is_remembered);
    // The absolute end was set when it began; the role may have come later.
    let end = if is_operator { session.expires_at.min(later(session.created_at, absolute)) } else { session.expires_at };
    let soon = later(now, CLOCK_SKEW);
    if now >= end {
        Some("absolute_timeout")
    } else if now >= later(seen, idle) {
        Some("idle_timeout")
    } else if session.created_at > soon || session.rotated_at > soon {
        Some("clock_was_ahead")
    } else {
        None
    }
}

/// Removes the row as well: a clock that is set back before a restart must find nothing to revive.
fn end(accounts: &Accounts, active: &ActiveSession, event: AuditEvent, reason: &'static str, now: Timestamp) {
    accounts.sessions.evict(active.session.digests());
    let entry =
        AuditEntry::of_house(event, Outcome::Success, now).by(active.user.id).in_session(active.session.id).because(reason);
    let record = AuditRecord::new(entry.with(MetaKey::By, "house"), &accounts.rules.node);
    accounts.writer.queue(Job::EndSession(active.session.id, Box::new(record)));
}

/// Ends a session whose former credential came back (SES-13).
///
/// The browser that the new one was given to does not send the old one. So there are two that hold this session, and one of them is not
/// its owner; which one cannot be told, and the thief may well be the one with the new credential. Neither goes on: the owner signs in
/// again, the other one cannot. The row is gone before the answer, so that nothing depends on what waits in a queue.
async fn end_reused(
    accounts: &Accounts,
    context: Option<&RequestContext>,
    active: &ActiveSession,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut tx = accounts.begin().await?;
    let removed = remove(&mut tx, active.session.id).await?;
    if removed.is_some() {
        let entry = AuditEntry::of_house(AuditEvent::SessionReuse, Outcome::Denied, now);
        let entry = AuditEntry {
            client: context.map(|context| context.client),
            peer: context.map(|context| context.peer),
            request_id: context.map(|context| context.request_id),
            ..entry.by(active.user.id).in_session(active.session.id).because("replaced_credential")
        };
        tx.note(entry);
        tx.commit().await?;
    }
    forget(accounts, &active.session, removed.as_ref());
    Ok(())
}

/// Removes a session; returns it as it was at the end, with the digests it had then.
pub(crate) async fn remove(tx: &mut Work<'_>, id: SessionId) -> Result<Option<Session>, StoreError> {
    let session = tx.sessions().lookup(id).await?;
    let was_there = tx.sessions().revoke(id).await?;
    Ok(session.filter(|_| was_there))
}

/// Forgets what was known of a session, and what it had become meanwhile.
pub(crate) fn forget(accounts: &Accounts, known: &Session, removed: Option<&Session>) {
    accounts.sessions.evict(removed.into_iter().chain([known]).flat_map(Session::digests));
}
