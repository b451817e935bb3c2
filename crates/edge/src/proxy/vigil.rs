//! Watches an exchange until the head of its answer: who is waited for, for how long, and whose fault it is when that is too long.

use std::task::{Context, Poll};
use std::time::Duration;

use doorward_policy::TimePolicy;

use super::UpstreamFault;
use super::exchange::Limits;
use super::gauge::Gauge;
use super::timer::LazyTimer;

/// Whoever watches the client's body says first that it is too slow, and says it better (408).
const PRECEDENCE: Duration = Duration::from_secs(1);

/// The slowest that an upstream may take a long request body, beyond its time in all.
const BYTES_A_SECOND: u64 = 64 * 1024;

/// A wait under way.
pub(super) struct Vigil<'a> {
    times: &'a TimePolicy,
    total: Duration,
    /// Spent on the upstream so far.
    waited: Duration,
    progress: u64,
    was_client_silent: bool,
}

impl<'a> Vigil<'a> {
    /// Begins now, with whatever the request has to be waited for.
    pub(super) fn begin(limits: Limits<'a>, gauge: &Gauge, timer: &mut LazyTimer) -> Self {
        let Limits { times, total } = limits;
        let progress = gauge.progress();
        let vigil = Self { times, total, waited: Duration::ZERO, progress, was_client_silent: false };
        timer.arm(vigil.patience(gauge));
        vigil
    }

    /// How long nothing may happen.
    fn patience(&self, gauge: &Gauge) -> Duration {
        if gauge.is_sent() {
            return self.times.first_byte.min(self.left(gauge));
        }
        // Most likely it is the client that is waited for, and that costs the upstream nothing.
        self.times.body_idle + PRECEDENCE
    }

    fn left(&self, gauge: &Gauge) -> Duration {
        (self.total + Duration::from_secs(gauge.bytes() / BYTES_A_SECOND)).saturating_sub(self.waited)
    }

    /// Ready when it took too long. To be called whenever anything may have moved.
    pub(super) fn poll(&mut self, timer: &mut LazyTimer, gauge: &Gauge, cx: &mut Context<'_>) -> Poll<UpstreamFault> {
        gauge.watch(cx);
        if self.progress != gauge.progress() {
            self.progress = gauge.progress();
            if !self.was_client_silent {
                self.waited += timer.since_armed();
                if self.left(gauge).is_zero() {
                    return Poll::Ready(UpstreamFault::Timeout);
                }
            }
            timer.arm(self.patience(gauge));
        }
        self.was_client_silent = gauge.is_client_silent();
        let fault = if self.was_client_silent { UpstreamFault::ClientGone } else { UpstreamFault::Timeout };
        timer.poll_expired(cx).map(|()| fault)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::time::Duration;

    use doorward_policy::TimePolicy;
    use tokio::time::{sleep, timeout};

    use super::{Gauge, LazyTimer, Limits, UpstreamFault, Vigil};

    const TOTAL: Duration = Duration::from_secs(20);

    /// Watches what another task sends, a piece every five seconds: for `busy` of them the upstream is waited for, then the client.
    async fn watch(busy: Duration) -> Option<UpstreamFault> {
        let (gauge, times) = (Arc::new(Gauge::watched()), TimePolicy::default());
        // It wakes once while the upstream is waited for: what holds at that moment must not be taken for what held all the time.
        let mut timer = LazyTimer::new(Duration::from_millis(10_050));
        let mut vigil = Vigil::begin(Limits { times: &times, total: TOTAL }, &gauge, &mut timer);
        let sending = gauge.clone();
        let sender = tokio::spawn(async move {
            loop {
                sleep(busy).await;
                sending.note_silence();
                sleep(Duration::from_secs(5) - busy).await;
                sending.note_step(1);
            }
        });
        let fault = timeout(TOTAL * 5, poll_fn(|cx| vigil.poll(&mut timer, &gauge, cx))).await.ok();
        sender.abort();
        fault
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_client_of_a_shared_connection_is_no_fault_of_the_upstream() {
        assert_eq!(watch(Duration::from_millis(100)).await, None);
    }
}
