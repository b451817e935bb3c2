//! The signal to stop, as every task of a listener sees it.

use std::time::Duration;

use tokio::sync::watch;

/// A connection on which nothing has been under way for this long is not waited for. Its client may never have asked anything, or
/// be asleep and never say that it has seen the end coming.
const GRACE: Duration = Duration::from_secs(1);

/// Told once that the process wants to stop.
#[derive(Debug, Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// The signal and its one sender.
    pub(super) fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Done once the signal was given, or when nobody is left to give it.
    pub(super) async fn requested(&mut self) {
        // The value is not kept: it would hold a lock.
        let _ = self.0.wait_for(|stop| *stop).await.is_ok();
    }
}

/// Done once nothing has been under way on a connection for a while.
pub(super) async fn until_quiet(is_quiet: impl Fn() -> bool) {
    let mut was_quiet = false;
    loop {
        tokio::time::sleep(GRACE).await;
        let quiet = is_quiet();
        // Twice in a row, since the last octets of an answer may still be on their way.
        if quiet && was_quiet {
            return;
        }
        was_quiet = quiet;
    }
}
