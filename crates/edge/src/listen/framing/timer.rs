//! Deadlines that cost nothing while all goes well: an alarm is set only when something is being waited for, and is not moved
//! when its deadline moves on.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use doorward_policy::TimePolicy;
use tokio::time::{Instant, Sleep};

/// Least octets of a body in every [`TimePolicy::body_idle`] of waiting for it.
const BODY_LEAST: u64 = 1024;

/// One re-used alarm.
#[derive(Debug, Default)]
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Ready once `deadline` has passed. Later deadlines re-use the timer that is set for an earlier one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(deadline);
        }
    }
}

/// Counts only the time in which we waited for the other side, and how much came meanwhile.
#[derive(Debug)]
pub(crate) struct Pace {
    span: Duration,
    least: u64,
    left: Duration,
    waiting_since: Option<Instant>,
    got: u64,
}

impl Pace {
    /// The pace of request bodies.
    pub(crate) fn of_body(times: &TimePolicy) -> Self {
        Self::new(times.body_idle, BODY_LEAST)
    }

    /// Wants `least` octets in every `span` of waiting.
    fn new(span: Duration, least: u64) -> Self {
        Self { span, least, left: span, waiting_since: None, got: 0 }
    }

    /// Octets came; the clock stops until we wait again.
    pub(crate) fn arrived(&mut self, octets: usize) {
        self.got += octets as u64;
        if let Some(since) = self.waiting_since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
    }

    /// Nothing is there: ready when the pace was too slow.
    pub(crate) fn poll_too_slow(&mut self, cx: &mut Context<'_>, alarm: &mut Alarm) -> Poll<()> {
        loop {
            let since = *self.waiting_since.get_or_insert_with(Instant::now);
            ready!(alarm.poll(cx, since + self.left));
            if self.got < self.least {
                return Poll::Ready(());
            }
            *self = Self::new(self.span, self.least);
        }
    }
}
