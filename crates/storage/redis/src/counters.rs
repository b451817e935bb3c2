//! [`RemoteCounters`] over Redis: one script, one key, one round trip a decision.

use std::fmt::Write as _;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::Decision;
use doorward_domain::throttle::{CountersError, RemoteCounters};
use doorward_kit::Timestamp;
use doorward_policy::Quota;
use redis::Script;

use crate::link::Link;
use crate::settings::{RedisSettings, SetupError};

/// Largest quota whose permits are remembered one by one, as in the counters of one process.
const EXACT_LIMIT: u32 = 128;

/// Into how many parts a window of a larger quota is cut.
const BUCKETS: i64 = 64;

/// A node that is this far behind the newest permit was set back; one that is less far only has a slower clock. Microseconds.
const STEP_BACK: i64 = 15 * 60 * 1_000_000;

/// A quota that no probe exhausts, in the shortest window.
const PROBE_COUNT: u32 = 1_000_000;

/// Counters of all nodes.
///
/// # Clocks
/// Each node passes its own time. Where nodes differ, the one that is ahead decides: a permit counts from the newest instant that any
/// node gave one at, so no order of nodes frees a permit early, and the difference is what a permit may come back late. A clock that
/// jumped far ahead and back holds nobody for longer than a window, for the key itself goes a window after its last permit, by the
/// server's own clock.
pub struct RedisCounters {
    link: Link,
    script: Script,
    prefix: String,
}

impl RedisCounters {
    /// Connects when first asked.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(settings: &RedisSettings) -> Result<Self, SetupError> {
        let (link, script) = (Link::new(settings)?, Script::new(include_str!("take.lua")));
        Ok(Self { link, script, prefix: settings.prefix.clone() })
    }

    async fn take_of(&self, key: &str, quota: Quota, now: i64) -> Result<Decision, CountersError> {
        let window = i64::try_from(quota.window.as_micros()).unwrap_or(i64::MAX);
        let width = if quota.count.get() <= EXACT_LIMIT { 0 } else { (window / BUCKETS).max(1) };
        let mut call = self.script.key(key);
        call.arg(quota.count.get()).arg(window).arg(now).arg(width).arg(STEP_BACK);
        let wait: i64 = self.link.ask(async |connection| call.invoke_async(connection).await).await?;
        match u64::try_from(wait) {
            Ok(0) => Ok(Decision::Allowed),
            Ok(micros) => Ok(Decision::Refused { retry_after: Duration::from_micros(micros) }),
            Err(_) => Err(CountersError::Unexpected),
        }
    }

    /// The prefix, then the digest in hexadecimal: nothing a stranger chose, and always of the same length (APP-RL-14).
    fn name(&self, key: [u8; 16]) -> String {
        key.iter().fold(self.prefix.clone(), |mut name, octet| {
            let _ = write!(name, "{octet:02x}");
            name
        })
    }
}

#[async_trait]
impl RemoteCounters for RedisCounters {
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Result<Decision, CountersError> {
        self.take_of(&self.name(key), quota, now.as_microsecond()).await
    }

    async fn reset(&self, key: [u8; 16]) -> Result<(), CountersError> {
        let name = self.name(key);
        self.link.ask(async |connection| redis::cmd("DEL").arg(&name).query_async(connection).await).await
    }

    async fn probe(&self) -> Result<(), CountersError> {
        let count = std::num::NonZeroU32::new(PROBE_COUNT).unwrap_or(std::num::NonZeroU32::MIN);
        let quota = Quota { count, window: Duration::from_secs(1) };
        self.take_of(&format!("{}probe", self.prefix), quota, 0).await.map(|_| ())
    }
}
