//! Removing what has ended.

use std::time::Duration;

use doorward_kit::Timestamp;

use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::instant::earlier;
use crate::service::Accounts;
use crate::session::Session;
use crate::session::lookup::WRITE_BACK_EVERY;
use crate::store::{PageLimit, StoreError};

/// How long a mail stays in the outbox at most, sent or not: by then its link is dead or nobody will deliver it (EMAIL-09).
const MAIL_KEPT: Duration = Duration::from_secs(86_400);

/// How long consecutive failures are remembered after the last one.
const FAILURES_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// One short transaction.
pub(crate) async fn sweep(accounts: &Accounts) -> Result<(), StoreError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.begin().await?;
    // A row may lag behind the last request by the write-back interval.
    let idle = earlier(now, accounts.rules.session_idle + WRITE_BACK_EVERY);
    let remembered = earlier(now, accounts.rules.remembered_idle + WRITE_BACK_EVERY);
    let ended = tx.sessions().sweep(now, idle, remembered, PageLimit::new(1000)).await?;
    for session in &ended {
        tx.note(expired(session, now));
    }
    let one_times = tx.one_times().sweep(now).await?;
    let devices = tx.devices().sweep(now).await?;
    let failures = tx.failures().sweep(earlier(now, FAILURES_KEPT)).await?;
    let sign_ups = tx.sign_ups().sweep(now).await?;
    let mails = tx.outbox().sweep(earlier(now, MAIL_KEPT)).await?;
    tx.commit().await?;
    accounts.sessions.evict(ended.iter().flat_map(Session::digests));
    tracing::debug!(sessions = ended.len(), sign_ups, one_times, devices, failures, mails, "swept");
    Ok(())
}

/// A session that nobody asked for after its time ends as audibly as one that somebody did.
fn expired(session: &Session, now: Timestamp) -> AuditEntry {
    let reason = if session.expires_at <= now { "absolute_timeout" } else { "idle_timeout" };
    AuditEntry::of_house(AuditEvent::SessionExpired, Outcome::Success, now)
        .by(session.user_id)
        .in_session(session.id)
        .because(reason)
}
