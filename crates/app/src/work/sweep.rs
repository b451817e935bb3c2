//! Removes rows that have ended.

use std::time::Duration;

use crate::app::AppState;

/// How often.
pub(crate) const INTERVAL: Duration = Duration::from_secs(60);

pub(crate) async fn run(app: AppState) {
    if let Err(error) = app.accounts.sweep().await {
        tracing::error!(message = "what has ended could not be removed", error = %error);
    }
}
