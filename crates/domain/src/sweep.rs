//! Removing what has ended.

use std::time::Duration;

use crate::instant::earlier;
use crate::service::Accounts;
use crate::session::lookup::WRITE_BACK_EVERY;
use crate::store::StoreError;

/// How long a mail stays in the outbox at most, sent or not: by then its link is dead or nobody will deliver it (EMAIL-09).
const MAIL_KEPT: Duration = Duration::from_secs(86_400);

/// One short transaction.
pub(crate) async fn sweep(accounts: &Accounts) -> Result<(), StoreError> {
    let now = accounts.high_water.now();
    let mut tx = accounts.store.begin().await?;
    // A row may lag behind the last request by the write-back interval.
    let idle = accounts.rules.session_idle + WRITE_BACK_EVERY;
    let sessions = tx.sessions().sweep(now, earlier(now, idle)).await?;
    let sign_ups = tx.sign_ups().sweep(now).await?;
    let mails = tx.outbox().sweep(earlier(now, MAIL_KEPT)).await?;
    tx.commit().await?;
    tracing::debug!(sessions, sign_ups, mails, "swept");
    Ok(())
}
