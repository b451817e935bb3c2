//! Charging an attempt to a scope, and telling the audit trail of the first refusal (APP-RL-01, APP-RL-18).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use doorward_kit::Timestamp;
use doorward_policy::{LimitPolicy, Quota};
use quick_cache::sync::Cache;

use super::{Counters, Decision};
use crate::keys::Keys;

/// Keys whose refusal has been told already; more than that and an attack is told again, which is no harm.
const TOLD_KEYS: usize = 10_000;

/// Whose attempts a counter counts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// A caller: `198.51.100.7/32` or an IPv6 /64.
    Prefix(&'a str),
    /// The IPv6 /48 that a caller is part of; has a quota of its own, see [`Quota::of_network`].
    Network(&'a str),
    /// An address, from wherever.
    Address(&'a str),
    /// An address tried by one caller (D-11).
    AddressAtPrefix(&'a str, &'a str),
    /// A known browser.
    Device(&'a str),
    /// All callers together.
    Everybody,
}

impl Subject<'_> {
    /// The counter of a scope for this subject.
    fn key(self, keys: &Keys, scope: &str) -> [u8; 16] {
        match self {
            Self::Prefix(prefix) => keys.counter(scope, &["prefix", prefix]),
            Self::Network(network) => keys.counter(scope, &["network", network]),
            Self::Address(address) => keys.counter(scope, &["address", address]),
            Self::AddressAtPrefix(address, prefix) => keys.counter(scope, &["both", address, prefix]),
            Self::Device(device) => keys.counter(scope, &["device", device]),
            Self::Everybody => keys.counter(scope, &["everybody"]),
        }
    }
}

/// Why an attempt was not taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exceeded {
    pub(crate) retry_after: Duration,
    /// Whether it is the first of its key and window, the one that is audited.
    pub(crate) is_first: bool,
}

/// Counters with their quotas.
pub(crate) struct Charger {
    counters: Arc<dyn Counters>,
    limits: RwLock<LimitPolicy>,
    /// Key → microsecond at which its refusal was told.
    told: Cache<[u8; 16], i64>,
}

impl Charger {
    pub(crate) fn new(counters: Arc<dyn Counters>, limits: LimitPolicy) -> Self {
        Self { counters, limits: RwLock::new(limits), told: Cache::new(TOLD_KEYS) }
    }

    /// Puts other quotas in force from the next charge on; what has been counted so far counts against them.
    pub(crate) fn set_limits(&self, limits: LimitPolicy) {
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Takes one permit of a configured scope.
    pub(crate) async fn take(&self, keys: &Keys, scope: &str, subject: Subject<'_>, now: Timestamp) -> Result<(), Exceeded> {
        let quota = self.limits.read().unwrap_or_else(PoisonError::into_inner).quota(scope);
        let quota = if matches!(subject, Subject::Network(_)) { quota.of_network() } else { quota };
        self.take_of(keys, scope, quota, subject, now).await
    }

    /// Takes one permit of a scope whose quota is given.
    pub(crate) async fn take_of(
        &self,
        keys: &Keys,
        scope: &str,
        quota: Quota,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<(), Exceeded> {
        let key = subject.key(keys, scope);
        match self.counters.take(key, quota, now).await {
            Decision::Allowed => Ok(()),
            Decision::Refused { retry_after } => {
                let is_first = self.tell(key, quota.window, now);
                Err(Exceeded { retry_after: whole_seconds(retry_after), is_first })
            }
        }
    }

    /// Gives every permit of a subject back.
    pub(crate) async fn reset(&self, keys: &Keys, scope: &str, subject: Subject<'_>) {
        self.counters.reset(subject.key(keys, scope)).await;
    }

    /// Whether a refusal that no counter made is the first of its window, the one that is audited.
    pub(crate) fn is_first(&self, keys: &Keys, scope: &str, subject: Subject<'_>, window: Duration, now: Timestamp) -> bool {
        self.tell(subject.key(keys, scope), window, now)
    }

    /// Once in a window; one that was told in the future, by a clock that was ahead, is told again.
    fn tell(&self, key: [u8; 16], window: Duration, now: Timestamp) -> bool {
        let now = now.as_microsecond();
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        if self.told.get(&key).is_some_and(|at| (at..at.saturating_add(window)).contains(&now)) {
            return false;
        }
        self.told.insert(key, now);
        true
    }
}

/// Rounds up, so that whoever waits the told time is let through (APP-RL-08).
fn whole_seconds(wait: Duration) -> Duration {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(seconds.max(1))
}
