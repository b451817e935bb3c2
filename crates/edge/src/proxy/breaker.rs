//! When an upstream fails as a whole, its requests are refused at once until one of them gets through (HTTP-16).
//!
//! It opens when at least [`FAILURES`] exchanges within [`WINDOW`] found nobody or got no answer in time, and those were at least half
//! of all. After a while one request goes through as a probe: its success closes the breaker, its failure keeps it open for twice as
//! long. A probe that takes its time keeps the others out for [`PROBE_MAX`] and no longer: it may be a client's slow upload. As in `outlier`, wrong answers do not count: a client that knows how to provoke them could shut others out.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures that open it.
const FAILURES: u32 = 5;

/// The time within which they are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The first time that it is open; doubled with every probe that fails.
const FIRST: Duration = Duration::from_secs(1);

/// The longest time until the next probe.
const LONGEST: Duration = Duration::from_secs(30);

/// How long the others wait for what became of a probe, before one of them is the next.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// The breaker of one upstream. While nothing fails, passing it costs a load.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// Whether there is anything to look at behind the lock.
    is_troubled: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    window_from: Option<Instant>,
    failures: u32,
    successes: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    time: Duration,
    /// Since when a probe is under way.
    probed_from: Option<Instant>,
}

/// The one request that shows whether the upstream is well again; to be kept until that is known. Dropped without a result, the next
/// request is one.
#[derive(Debug)]
pub(super) struct Probe<'a> {
    breaker: &'a Breaker,
    from: Instant,
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        if let Some(open) = &mut self.breaker.lock().open {
            // Another one may have taken over.
            open.probed_from.take_if(|from| *from == self.from);
        }
    }
}

impl Breaker {
    /// Leave to pass, maybe as a probe, or how long to stay away.
    pub(super) fn pass(&self) -> Result<Option<Probe<'_>>, Duration> {
        if !self.is_troubled.load(Relaxed) {
            return Ok(None);
        }
        let mut state = self.lock();
        let Some(open) = &mut state.open else { return Ok(None) };
        let now = Instant::now();
        if now < open.until {
            return Err(open.until - now);
        }
        if open.probed_from.is_some_and(|from| now - from < PROBE_MAX) {
            return Err(FIRST);
        }
        open.probed_from = Some(now);
        Ok(Some(Probe { breaker: self, from: now }))
    }

    /// An answer came. Answers whether that closed the breaker.
    pub(super) fn note_success(&self) -> bool {
        if !self.is_troubled.load(Relaxed) {
            return false;
        }
        let mut state = self.lock();
        if state.open.take().is_some() {
            *state = State::default();
            self.is_troubled.store(false, Relaxed);
            return true;
        }
        state.turn_window();
        state.successes += 1;
        self.is_troubled.store(state.failures > 0, Relaxed);
        false
    }

    /// None came. Answers whether that opened the breaker.
    pub(super) fn note_failure(&self, was_probe: bool) -> bool {
        let mut state = self.lock();
        self.is_troubled.store(true, Relaxed);
        if let Some(open) = &mut state.open {
            // What was under way when it opened says nothing new.
            if was_probe {
                open.time = (open.time * 2).min(LONGEST);
                open.until = Instant::now() + open.time;
            }
            return false;
        }
        state.turn_window();
        state.failures += 1;
        let opens = state.failures >= FAILURES && state.failures >= state.successes;
        if opens {
            state.open = Some(Open { until: Instant::now() + FIRST, time: FIRST, probed_from: None });
        }
        opens
    }

    /// Whether requests are refused.
    pub(super) fn is_open(&self) -> bool {
        self.is_troubled.load(Relaxed) && self.lock().open.is_some()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Numbers alone: nothing can be left half-changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn turn_window(&mut self) {
        if self.window_from.is_none_or(|from| from.elapsed() >= WINDOW) {
            *self = Self { window_from: Some(Instant::now()), ..Self::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Breaker, FAILURES, FIRST, PROBE_MAX, WINDOW};

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        let opened: Vec<bool> = (0..FAILURES).map(|_| breaker.note_failure(false)).collect();
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
        assert!(opened[FAILURES as usize - 1]);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn open_it_lets_one_probe_through_at_a_time_and_waits_longer_after_each() {
        let breaker = opened();
        for wait in [1_u32, 2, 4] {
            let left = breaker.pass().expect_err("open");
            assert_eq!(left, FIRST * wait);
            tokio::time::advance(left).await;
            let probe = breaker.pass().expect("the probe");
            assert!(probe.is_some());
            assert_eq!(breaker.pass().expect_err("one at a time"), FIRST);
            assert!(!breaker.note_failure(true));
            drop(probe);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        drop(breaker.pass().expect("a probe whose client goes away"));
        let _probe = breaker.pass().expect("and the next one");
        assert!(breaker.note_success());
        assert!(matches!(breaker.pass(), Ok(None)));
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_does_not_come_back_shuts_nobody_out_for_long() {
        let breaker = opened();
        tokio::time::advance(FIRST).await;
        let slow = breaker.pass().expect("an upload that drips");
        assert!(breaker.pass().is_err());
        tokio::time::advance(PROBE_MAX).await;
        let next = breaker.pass().expect("the next one");
        assert!(next.is_some());
        drop(slow);
        assert!(breaker.pass().is_err(), "only the one that is out counts");
        assert!(breaker.note_success());
        drop(next);
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn few_failures_among_many_answers_and_old_ones_do_not_open_it() {
        let breaker = Breaker::default();
        assert!(!breaker.note_failure(false));
        for _ in 0..100 {
            assert!(!breaker.note_success());
        }
        assert!((0..FAILURES * 2).all(|_| !breaker.note_failure(false)));
        let breaker = Breaker::default();
        for _ in 0..FAILURES * 3 {
            assert!(!breaker.note_failure(false));
            tokio::time::advance(WINDOW / 3).await;
        }
        assert!(!breaker.is_open());
    }
}
