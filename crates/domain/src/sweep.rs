//! Removing what has ended.

use std::time::Duration;

use doorward_kit::Timestamp;

use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::instant::earlier;
use crate::service::Accounts;
use crate::session::Session;
use crate::session::lookup::WRITE_BACK_EVERY;
use crate::store::{PageLimit, StoreError};

/// How long the row of a mail is kept that was sent or was never to be; it has no body any more (EMAIL-09).
const MAIL_KEPT: Duration = Duration::from_secs(86_400);

/// How long a mail can be retried after it was given up; its body is sealed. By then every link that it may carry is dead.
const DEAD_MAIL_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// How long consecutive failures are remembered after the last one.
const FAILURES_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// Rows of one transaction: few, so that nobody waits for it long.
const BATCH: u32 = 200;

/// Transactions for one table in one pass: a backlog is worked off over several passes.
const BATCHES_MAX: usize = 50;

/// What ends by itself, besides sessions.
#[derive(Debug, Clone, Copy)]
enum Ended {
    SignUps,
    OneTimes,
    Ceremonies,
    Devices,
    Failures,
    Mails,
}

/// Short transactions, each over one table: what it locks it locks in one place, and a table that fails stops no other.
pub(crate) async fn sweep(accounts: &Accounts) -> Result<(), StoreError> {
    let now = accounts.high_water.now();
    let mut outcome = sessions(accounts, now).await;
    for what in [Ended::SignUps, Ended::OneTimes, Ended::Ceremonies, Ended::Devices, Ended::Failures, Ended::Mails] {
        outcome = outcome.and(table(accounts, what, now).await);
    }
    outcome
}

async fn sessions(accounts: &Accounts, now: Timestamp) -> Result<(), StoreError> {
    // A row may lag behind the last request by the write-back interval.
    let idle = earlier(now, accounts.rules.session_idle + WRITE_BACK_EVERY);
    let remembered = earlier(now, accounts.rules.remembered_idle + WRITE_BACK_EVERY);
    for _ in 0..BATCHES_MAX {
        let mut tx = accounts.begin().await?;
        let ended = tx.sessions().sweep(now, idle, remembered, PageLimit::new(BATCH)).await?;
        for session in &ended {
            tx.note(expired(session, now));
        }
        tx.commit().await?;
        accounts.sessions.evict(ended.iter().flat_map(Session::digests));
        tracing::debug!(sessions = ended.len(), "swept");
        if ended.len() < BATCH as usize {
            break;
        }
    }
    Ok(())
}

async fn table(accounts: &Accounts, what: Ended, now: Timestamp) -> Result<(), StoreError> {
    for _ in 0..BATCHES_MAX {
        let mut tx = accounts.begin().await?;
        let limit = PageLimit::new(BATCH);
        let rows = match what {
            Ended::SignUps => tx.sign_ups().sweep(now, limit).await?,
            Ended::OneTimes => tx.one_times().sweep(now, limit).await?,
            Ended::Ceremonies => tx.ceremonies().sweep(now, limit).await?,
            Ended::Devices => tx.devices().sweep(now, limit).await?,
            Ended::Failures => tx.failures().sweep(earlier(now, FAILURES_KEPT), limit).await?,
            Ended::Mails => {
                let all = earlier(now, accounts.rules.mail.give_up + DEAD_MAIL_KEPT);
                tx.outbox().sweep(earlier(now, MAIL_KEPT), all, limit).await?
            }
        };
        tx.commit().await?;
        tracing::debug!(?what, rows, "swept");
        if rows < u64::from(BATCH) {
            break;
        }
    }
    Ok(())
}

/// A session that nobody asked for after its time ends as audibly as one that somebody did.
fn expired(session: &Session, now: Timestamp) -> AuditEntry {
    let reason = if session.expires_at <= now { "absolute_timeout" } else { "idle_timeout" };
    AuditEntry::of_house(AuditEvent::SessionExpired, Outcome::Success, now)
        .by(session.user_id)
        .in_session(session.id)
        .because(reason)
        .with(MetaKey::By, "house")
}
