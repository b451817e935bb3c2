//! Mail leaves after the transaction that asked for it, never within (EMAIL-10): a client sees no difference (ENUM-13).

use std::time::Duration;

use doorward_domain::StoreError;
use doorward_domain::outbox::OutboxMail;
use tokio::sync::watch;

use super::rest;
use crate::app::AppState;

/// How often to look for mails whose back-off is over; a new mail rings by itself.
const INTERVAL: Duration = Duration::from_secs(5);
/// Mails of one round.
const BATCH: u32 = 32;

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

/// Delivers what is due; what fails is due again after a back-off.
pub(crate) async fn deliver_due(app: &AppState) -> Result<usize, StoreError> {
    let mut sent = 0;
    loop {
        let due = app.accounts.due_mail(BATCH).await?;
        let is_last = due.len() < BATCH as usize;
        for mail in due {
            sent += usize::from(deliver(app, &mail).await?);
        }
        if is_last {
            return Ok(sent);
        }
    }
}

/// Whether it left. The note is made after the delivery: a crash between the two sends a mail twice rather than never.
async fn deliver(app: &AppState, mail: &OutboxMail) -> Result<bool, StoreError> {
    match attempt(app, mail).await {
        Ok(()) => {
            app.accounts.mail_sent(mail.id).await?;
            Ok(true)
        }
        Err(error) => {
            tracing::error!(message = "a mail could not be delivered", mail = %mail.id, attempts = mail.attempts, error = %error);
            app.accounts.mail_failed(mail.id, "not_delivered").await?;
            Ok(false)
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum DeliveryError {
    #[error(transparent)]
    Message(#[from] crate::mail::MessageError),
    #[error("the mail folder cannot be written: {0}")]
    Folder(#[from] std::io::Error),
}

async fn attempt(app: &AppState, mail: &OutboxMail) -> Result<(), DeliveryError> {
    let message = app.sender.message(mail)?;
    Ok(app.transport.deliver(mail, message).await?)
}
