//! What goes on without anybody asking: mail leaves, what has ended is removed.

pub(crate) mod outbox;
mod sweep;

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::AppState;

/// Starts every job.
pub(crate) fn spawn(app: &AppState, shutdown: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(every(outbox::INTERVAL, shutdown.clone(), app.clone(), outbox::run));
    jobs.spawn(every(sweep::INTERVAL, shutdown.clone(), app.clone(), sweep::run));
    jobs
}

/// Runs `job` now and then again and again; a run that has begun is never cut off.
async fn every<F>(interval: Duration, mut shutdown: watch::Receiver<bool>, app: AppState, job: fn(AppState) -> F)
where
    F: Future<Output = ()> + Send,
{
    while !*shutdown.borrow() {
        job(app.clone()).await;
        tokio::select! {
            // Also when the sender is gone.
            _ = shutdown.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}
