//! From a cookie value to a live session, on every request.

use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Timestamp, Token};

use super::cache::Entry;
use super::{ActiveSession, Session};
use crate::account::User;
use crate::audit::{AuditEntry, AuditEvent, AuditRecord, Job, Outcome};
use crate::instant::later;
use crate::service::Accounts;
use crate::store::StoreError;

/// The last request of a session is written back at most this often; a crash shortens its idle time by as much.
pub(crate) const WRITE_BACK_EVERY: Duration = Duration::from_secs(60);

/// How far the clocks of two nodes may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// The live session of a cookie value. What is not shaped like a token of ours never reaches the store (SES-08).
pub(crate) async fn lookup(accounts: &Accounts, cookie_value: &str) -> Result<Option<Arc<ActiveSession>>, StoreError> {
    let Some(token) = Token::parse(cookie_value) else { return Ok(None) };
    let digest = accounts.keys.session_digest(&token);
    let entry = match accounts.sessions.get(&digest) {
        Some(entry) => entry,
        None => {
            let epoch = accounts.sessions.epoch();
            let Some((session, user)) = accounts.store.find_session(&digest).await? else { return Ok(None) };
            accounts.sessions.insert(Arc::new(active(session, user)), epoch)
        }
    };
    Ok(admit(accounts, entry))
}

/// What the cache holds of an account: everything but its password hash.
pub(crate) fn active(session: Session, user: User) -> ActiveSession {
    ActiveSession { session, user: User { password_hash: None, ..user } }
}

/// Lets a session pass that has not ended, and notes the request.
fn admit(accounts: &Accounts, entry: Entry) -> Option<Arc<ActiveSession>> {
    let now = accounts.high_water.now();
    let Entry { active, activity, .. } = entry;
    if active.user.disabled_at.is_some() {
        return None;
    }
    if let Some(reason) = ended(accounts, &active.session, activity.seen(), now) {
        end(accounts, &active, reason, now);
        return None;
    }
    if activity.note(now, WRITE_BACK_EVERY) {
        accounts.writer.queue(Job::Touch(active.session.id, now));
    }
    Some(active)
}

/// Which of the two clocks has run out (SES-11). What began in the future began by a clock that was ahead, and would live for as long.
fn ended(accounts: &Accounts, session: &Session, seen: i64, now: Timestamp) -> Option<&'static str> {
    let seen = Timestamp::from_microsecond(seen).unwrap_or(session.last_seen_at);
    if now >= session.expires_at {
        Some("absolute_timeout")
    } else if now >= later(seen, accounts.rules.session_idle) {
        Some("idle_timeout")
    } else if session.created_at > later(now, CLOCK_SKEW) {
        Some("clock_was_ahead")
    } else {
        None
    }
}

/// Removes the row as well: a clock that is set back before a restart must find nothing to revive.
fn end(accounts: &Accounts, active: &ActiveSession, reason: &'static str, now: Timestamp) {
    accounts.sessions.evict([&active.session.digest]);
    let entry = AuditEntry::of_house(AuditEvent::SessionExpired, Outcome::Success, now)
        .by(active.user.id)
        .in_session(active.session.id)
        .because(reason);
    let record = AuditRecord::new(entry, &accounts.rules.node);
    accounts.writer.queue(Job::EndSession(active.session.id, Box::new(record)));
}
