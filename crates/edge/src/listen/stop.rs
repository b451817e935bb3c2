//! The signal to stop, as every task of a listener sees it.

use tokio::sync::watch;

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
