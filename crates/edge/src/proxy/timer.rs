//! A deadline that moves with every step and rarely touches the runtime's timer wheel.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// Fires when nothing re-armed it in time. Re-arming for later only notes the new instant; the sleeper is moved when it wakes too early.
pub(super) struct LazyTimer {
    sleep: Pin<Box<Sleep>>,
    deadline: Instant,
    armed: Instant,
}

impl LazyTimer {
    pub(super) fn new(after: Duration) -> Self {
        let armed = Instant::now();
        let deadline = armed + after;
        Self { sleep: Box::pin(sleep_until(deadline)), deadline, armed }
    }

    /// The time starts anew.
    pub(super) fn arm(&mut self, after: Duration) {
        self.armed = Instant::now();
        self.deadline = self.armed + after;
        if self.sleep.deadline() > self.deadline {
            self.sleep.as_mut().reset(self.deadline);
        }
    }

    /// How long ago the time started.
    pub(super) fn since_armed(&self) -> Duration {
        self.armed.elapsed()
    }

    /// Ready when the deadline has passed; otherwise the task is woken when it has.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::LazyTimer;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn the_last_arming_counts_whether_earlier_or_later() {
        let mut timer = LazyTimer::new(Duration::from_secs(10));
        for (after, want) in [(30, 30), (5, 5), (7, 7)] {
            let start = Instant::now();
            timer.arm(Duration::from_secs(after));
            poll_fn(|cx| timer.poll_expired(cx)).await;
            assert_eq!(start.elapsed().as_secs(), want);
        }
    }
}
