//! What goes on without anybody asking: mail leaves, what has ended is removed, and what it held open is closed.

pub(crate) mod outbox;
mod sweep;
mod tether;

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::AppState;

/// Pause before a job that panicked is started again: what made it panic may still be there.
const AFTER_PANIC: Duration = Duration::from_secs(1);

/// Starts every job. They end by themselves when told to stop; the sender waits a little for a relay, the sweep for its transaction.
pub(crate) fn spawn(app: &AppState, shutdown: watch::Receiver<bool>) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    let (state, stop) = (app.clone(), shutdown.clone());
    jobs.spawn(supervise(app.clone(), "sweep", move || sweep::job(state.clone(), stop.clone())));
    let (state, stop) = (app.clone(), shutdown.clone());
    jobs.spawn(supervise(app.clone(), "tether", move || tether::job(state.clone(), stop.clone())));
    let state = app.clone();
    jobs.spawn(supervise(app.clone(), "mail", move || outbox::job(state.clone(), shutdown.clone())));
    jobs
}

/// Runs a job to its end, and starts it again for as long as it ends in a panic.
async fn supervise<J: Future<Output = ()> + Send + 'static>(app: AppState, name: &'static str, job: impl Fn() -> J + Send) {
    loop {
        // A set, not a handle: the job ends with whoever watches over it.
        let mut running = JoinSet::new();
        running.spawn(job());
        let is_panic = running.join_next().await.is_some_and(|end| end.is_err_and(|error| error.is_panic()));
        if !is_panic {
            return;
        }
        let restarts = app.job_restarts.fetch_add(1, Ordering::Relaxed) + 1;
        tracing::error!(message = "a job panicked and is started again", job = name, restarts);
        tokio::time::sleep(AFTER_PANIC).await;
    }
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
