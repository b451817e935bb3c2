//! Mail leaves after the transaction that asked for it, never within (EMAIL-10): a client sees no difference (ENUM-13).

use std::collections::HashMap;
use std::time::Duration;

use doorward_domain::StoreError;
use doorward_domain::outbox::{MailCause, MailFate, MailFault, OutboxMail};
use doorward_kit::id::MailId;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use super::rest;
use crate::app::AppState;

/// How often to look for mails whose back-off is over; a new mail rings by itself.
const INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn job(app: AppState, mut shutdown: watch::Receiver<bool>) {
    while {
        round(&app).await;
        rest(&mut shutdown, INTERVAL, app.accounts.mail_queued()).await
    } {}
    // The mail of the last request still leaves.
    round(&app).await;
}

async fn round(app: &AppState) {
    if let Err(error) = deliver_due(app).await {
        tracing::error!(message = "the outbox could not be read", error = %error);
    }
}

/// Delivers what is due, until nothing is or the relay takes nothing; what fails is due again after a back-off. Says how many left.
pub(crate) async fn deliver_due(app: &AppState) -> Result<usize, StoreError> {
    app.accounts.count_mail().await?;
    let mut sent = 0;
    loop {
        // Claimed together and on their way together, so that each has the whole lease.
        let at_once = app.transport.at_once();
        let due = app.accounts.due_mail(at_once).await?;
        let is_last = due.len() < at_once as usize;
        let batch = deliver(app, due).await?;
        sent += batch.sent;
        if is_last || batch.is_relay_down {
            return Ok(sent);
        }
    }
}

/// What became of some mails.
#[derive(Default)]
struct Batch {
    sent: usize,
    is_relay_down: bool,
}

/// Delivers some mails at once. Every one is waited for and noted, even if a note fails: none may be cut off after the relay took it.
async fn deliver(app: &AppState, due: Vec<OutboxMail>) -> Result<Batch, StoreError> {
    let mut under_way = JoinSet::new();
    let mut ids: HashMap<Id, MailId> = HashMap::new();
    for mail in due {
        let (app, id) = (app.clone(), mail.id);
        // A task of its own: one that panics takes no other mail along, and is a failure of that mail.
        let task = under_way.spawn(async move { app.transport.deliver(&app.sender, &mail).await });
        ids.insert(task.id(), id);
    }
    let (mut batch, mut trouble) = (Batch::default(), None);
    while let Some(end) = under_way.join_next_with_id().await {
        let (task, outcome) = match end {
            Ok(end) => end,
            Err(error) => (error.id(), Err(MailFault::of(MailCause::Internal))),
        };
        let Some(id) = ids.get(&task) else { continue };
        batch.sent += usize::from(outcome.is_ok());
        batch.is_relay_down |= outcome.is_err_and(MailFault::is_of_relay);
        trouble = note(app, *id, outcome).await.err().or(trouble);
    }
    trouble.map_or(Ok(batch), Err)
}

/// Made after the delivery: a crash between the two sends a mail twice rather than never.
async fn note(app: &AppState, id: MailId, outcome: Result<(), MailFault>) -> Result<(), StoreError> {
    let Err(fault) = outcome else { return app.accounts.mail_sent(id).await };
    if app.accounts.mail_failed(id, fault).await? == MailFate::Deferred {
        tracing::warn!(message = "a mail could not be delivered and is tried again", mail = %id, fault = %fault);
    }
    Ok(())
}
