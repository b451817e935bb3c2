//! Removes rows that have ended.

use std::time::Duration;

use tokio::sync::watch;

use super::rest;
use crate::app::AppState;

/// How often.
const INTERVAL: Duration = Duration::from_secs(60);

pub(super) async fn job(app: AppState, mut shutdown: watch::Receiver<bool>) {
    loop {
        if let Err(error) = app.accounts.sweep().await {
            tracing::error!(message = "what has ended could not be removed", error = %error);
        }
        if !rest(&mut shutdown, INTERVAL, std::future::pending()).await {
            return;
        }
    }
}
