//! Mail leaves after the transaction that asked for it, never within (EMAIL-10): a client sees no difference (ENUM-13).

use std::collections::HashMap;
use std::time::Duration;

use doorward_domain::StoreError;
use doorward_domain::outbox::{MailCause, MailFate, MailFault, OutboxMail};
use doorward_kit::id::MailId;
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout};

use super::rest;
use crate::app::AppState;

/// How often to look for mails whose back-off is over, unless a first back-off is shorter; a new mail rings by itself.
const INTERVAL: Duration = Duration::from_secs(5);

/// How long the relay may still take once the process was told to stop. What it has not taken by then is sent again when its lease is
/// over: by another node, or after the next start.
const GRACE: Duration = Duration::from_secs(5);

pub(super) async fn job(app: AppState, mut shutdown: watch::Receiver<bool>) {
    let stop = shutdown.clone();
    let pause = INTERVAL.min(app.accounts.rules().mail.retry_first);
    let mut counted = None;
    while {
        tokio::select! {
            () = round(&app, &mut counted) => {}
            () = overdue(stop.clone()) => return,
        }
        rest(&mut shutdown, pause, app.accounts.mail_queued()).await
    } {}
    // The mail of the last request still leaves.
    let _ = timeout(GRACE, round(&app, &mut counted)).await;
}

/// Done when the process has been stopping for longer than a relay is waited for.
async fn overdue(mut shutdown: watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await;
    tokio::time::sleep(GRACE).await;
}

async fn round(app: &AppState, counted: &mut Option<Instant>) {
    let outcome = async {
        if counted.is_none_or(|at| at.elapsed() >= INTERVAL) {
            app.accounts.count_mail().await?;
            *counted = Some(Instant::now());
        }
        deliver_due(app).await
    };
    if let Err(error) = outcome.await {
        tracing::error!(message = "the outbox could not be read", error = %error);
    }
}

/// Delivers what is due, until nothing is or the relay takes nothing; what fails is due again after a back-off. Says how many left.
pub(crate) async fn deliver_due(app: &AppState) -> Result<usize, StoreError> {
    let pace = app.transport.pace();
    let mut sent = 0;
    loop {
        let due = app.accounts.due_mail(pace.claim).await?;
        let is_last = due.len() < pace.claim as usize;
        let mut batch = Batch::new(app);
        for mail in due {
            if batch.under_way.len() >= pace.at_once {
                batch.settle().await;
            }
            batch.start(mail);
        }
        while batch.settle().await {}
        sent += batch.sent;
        if let Some(error) = batch.trouble {
            return Err(error);
        }
        if is_last || batch.is_relay_down {
            return Ok(sent);
        }
    }
}

/// Mails that were claimed together. Every one is waited for and noted, even if a note fails: none may be cut off after the relay took it.
struct Batch<'a> {
    app: &'a AppState,
    under_way: JoinSet<Result<(), MailFault>>,
    ids: HashMap<Id, MailId>,
    sent: usize,
    is_relay_down: bool,
    trouble: Option<StoreError>,
}

impl<'a> Batch<'a> {
    fn new(app: &'a AppState) -> Self {
        Self { app, under_way: JoinSet::new(), ids: HashMap::new(), sent: 0, is_relay_down: false, trouble: None }
    }

    /// In a task of its own: one that panics takes no other mail along, and is a failure of that mail.
    fn start(&mut self, mail: OutboxMail) {
        let (app, id) = (self.app.clone(), mail.id);
        let task = self.under_way.spawn(async move { app.transport.deliver(&app.sender, &mail).await });
        self.ids.insert(task.id(), id);
    }

    /// Waits for one of those under way; says whether there was one.
    async fn settle(&mut self) -> bool {
        let Some(end) = self.under_way.join_next_with_id().await else { return false };
        let (task, outcome) = end.unwrap_or_else(|error| (error.id(), Err(MailFault::of(MailCause::Internal))));
        if let Some(id) = self.ids.remove(&task) {
            self.sent += usize::from(outcome.is_ok());
            self.is_relay_down |= outcome.is_err_and(MailFault::is_of_relay);
            self.trouble = note(self.app, id, outcome).await.err().or(self.trouble.take());
        }
        true
    }
}

/// Made after the delivery: a crash between the two sends a mail twice rather than never.
async fn note(app: &AppState, id: MailId, outcome: Result<(), MailFault>) -> Result<(), StoreError> {
    let Err(fault) = outcome else { return app.accounts.mail_sent(id).await };
    if app.accounts.mail_failed(id, fault).await? == MailFate::Deferred {
        tracing::warn!(message = "a mail could not be delivered and is tried again", mail = %id, fault = %fault);
    }
    Ok(())
}
