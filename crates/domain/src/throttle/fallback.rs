//! Shared counters with a twin in this process: when the shared ones fail, limits go on, node by node (D-06, APP-RL-15).
//!
//! The twin also counts what the shared counters let pass on this node. So an outage does not begin with a fresh quota, and what was
//! counted during the outage holds after it: for one window of a quota, the stricter of the two decides.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use doorward_kit::Timestamp;
use doorward_policy::Quota;
use tokio::time::{Instant, sleep};

use super::{Counters, CountersError, Decision, MemoryCounters, REMOTE_BUDGET, RemoteCounters, within};

/// How often shared counters that failed are tried again; until then nobody waits for them.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// How often a check that got no answer in time is repeated: a first connection takes longer than a question.
const CHECK_REPEATS: u32 = 9;

/// [`Counters`] that never fail open: shared while they answer, of this process while they do not.
pub struct FallbackCounters(Arc<Shared>);

struct Shared {
    remote: Arc<dyn RemoteCounters>,
    twin: MemoryCounters,
    began: Instant,
    is_degraded: AtomicBool,
    /// Milliseconds after `began`, plus one, at which the twin last decided alone; zero is never.
    alone_at: AtomicU64,
}

impl FallbackCounters {
    /// Shared counters, and the twin that takes over.
    #[must_use]
    pub fn new(remote: Arc<dyn RemoteCounters>, twin: MemoryCounters) -> Self {
        let (began, is_degraded, alone_at) = (Instant::now(), AtomicBool::new(false), AtomicU64::new(0));
        Self(Arc::new(Shared { remote, twin, began, is_degraded, alone_at }))
    }

    /// Whether the twin decides at the moment.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.0.is_degraded()
    }

    /// Tries the shared counters, outside any request and a little more patiently than one has time for; when they fail, the twin takes
    /// over at once.
    ///
    /// # Errors
    /// [`CountersError`] of the shared counters.
    pub async fn check(&self) -> Result<(), CountersError> {
        let mut outcome = self.0.probe().await;
        for _ in 0..CHECK_REPEATS {
            if outcome != Err(CountersError::Late) {
                break;
            }
            outcome = self.0.probe().await;
        }
        outcome.inspect_err(|error| self.0.degrade(*error))
    }
}

impl Shared {
    fn is_degraded(&self) -> bool {
        self.is_degraded.load(Ordering::SeqCst)
    }

    /// Whether the twin decides, or decided alone so lately that what it counted still matters to a quota of this window.
    fn is_twin_asked(&self, window: Duration) -> bool {
        let alone_at = self.alone_at.load(Ordering::SeqCst);
        alone_at != 0 && self.millis().saturating_sub(alone_at) <= u64::try_from(window.as_millis()).unwrap_or(u64::MAX)
            || self.is_degraded()
    }

    /// Milliseconds after `began`, plus one.
    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The twin decides. That it does is noted first: whoever was let pass by the shared counters meanwhile then asks it as well.
    fn decide_alone(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        self.alone_at.fetch_max(self.millis(), Ordering::SeqCst);
        self.twin.take_at(key, quota, now)
    }

    async fn probe(&self) -> Result<(), CountersError> {
        within(REMOTE_BUDGET, self.remote.probe()).await.unwrap_or(Err(CountersError::Late))
    }

    /// Lets the twin take over; of all who notice, one says so and waits for the recovery.
    fn degrade(self: &Arc<Self>, error: CountersError) {
        if !self.is_degraded.swap(true, Ordering::SeqCst) {
            tracing::warn!(reason = %error, "shared counters failed: limits are counted in this process until they answer");
            tokio::spawn(Self::wait_for_recovery(Arc::downgrade(self)));
        }
    }

    async fn wait_for_recovery(shared: Weak<Self>) {
        loop {
            sleep(PROBE_EVERY).await;
            let Some(shared) = shared.upgrade() else { return };
            if shared.probe().await.is_ok() {
                shared.alone_at.fetch_max(shared.millis(), Ordering::SeqCst);
                shared.is_degraded.store(false, Ordering::SeqCst);
                tracing::info!("shared counters answer again");
                return;
            }
        }
    }
}

#[async_trait]
impl Counters for FallbackCounters {
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        let shared = &self.0;
        if shared.is_degraded() {
            return shared.decide_alone(key, quota, now);
        }
        if shared.is_twin_asked(quota.window)
            && let refused @ Decision::Refused { .. } = shared.twin.peek(key, quota, now)
        {
            return refused;
        }
        match within(REMOTE_BUDGET, shared.remote.take(key, quota, now)).await.unwrap_or(Err(CountersError::Late)) {
            Ok(Decision::Allowed) => {
                // Taken from the twin before it is asked whether that counts, so that no outage slips in between.
                let own = shared.twin.take_at(key, quota, now);
                if shared.is_twin_asked(quota.window) { own } else { Decision::Allowed }
            }
            Ok(refused) => refused,
            Err(error) => {
                shared.degrade(error);
                shared.decide_alone(key, quota, now)
            }
        }
    }

    /// A reset that the shared counters miss leaves them stricter than need be, for one window at most.
    async fn reset(&self, key: [u8; 16]) {
        let shared = &self.0;
        shared.twin.reset(key).await;
        if shared.is_degraded() {
            return;
        }
        if let Err(error) = within(REMOTE_BUDGET, shared.remote.reset(key)).await.unwrap_or(Err(CountersError::Late)) {
            shared.degrade(error);
        }
    }
}

#[cfg(test)]
mod tests;
