//! What goes on without anybody asking: mail leaves, what has ended is removed.

pub(crate) mod outbox;
mod sweep;

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::AppState;

/// Starts every job. A round that has begun is never cut off.
pub(crate) fn spawn(app: &AppState, shutdown: watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(sweep::job(app.clone(), shutdown.clone()));
    jobs.spawn(outbox::job(app.clone(), shutdown));
    jobs
}

/// Whether to go on, after `pause` or as soon as `wake` is done.
async fn rest(shutdown: &mut watch::Receiver<bool>, pause: Duration, wake: impl Future<Output = ()>) -> bool {
    tokio::select! {
        // Also when the sender is gone.
        _ = shutdown.wait_for(|stop| *stop) => false,
        () = wake => true,
        () = tokio::time::sleep(pause) => true,
    }
}
