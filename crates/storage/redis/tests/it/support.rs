use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use doorward_domain::throttle::{CountersError, RemoteCounters};
use doorward_domain::{Counters, Decision};
use doorward_kit::{Secret, Timestamp};
use doorward_policy::Quota;
use doorward_storage_redis::{Eviction, Protection, RedisCounters, RedisSettings};
use doorward_testkit::real::{REDIS_PASSWORD, Redis};

pub(crate) const KEY: [u8; 16] = [0xa7; 16];

pub(crate) fn settings(redis: &Redis) -> RedisSettings {
    RedisSettings {
        host: "127.0.0.1".to_owned(),
        port: redis.port(),
        protection: Protection::Plain,
        user: None,
        password: Some(Secret::new(REDIS_PASSWORD.to_owned())),
        database: 0,
        prefix: "test:".to_owned(),
        eviction: Eviction::Refuse,
    }
}

pub(crate) fn counters(redis: &Redis) -> RedisCounters {
    RedisCounters::new(&settings(redis)).unwrap()
}

pub(crate) fn quota(count: u32, seconds: u64) -> Quota {
    Quota { count: NonZeroU32::new(count).unwrap(), window: Duration::from_secs(seconds) }
}

/// Microseconds after an instant that no test is at.
pub(crate) fn at(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(1_700_000_000_000_000 + micros).unwrap()
}

pub(crate) const SECOND: i64 = 1_000_000;

/// How many of some attempts pass; each must be decided.
pub(crate) async fn passed(counters: &RedisCounters, quota: Quota, now: Timestamp, attempts: u32) -> u32 {
    let mut passed = 0;
    for _ in 0..attempts {
        passed += u32::from(decided(counters, KEY, quota, now).await == Decision::Allowed);
    }
    passed
}

/// A decision. On a machine where everything runs at once one may come too late; a test of what is decided then asks again, and the
/// few that would notice a permit taken twice use a server of their own.
pub(crate) async fn decided(counters: &RedisCounters, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
    for _ in 0..20 {
        match counters.take(key, quota, now).await {
            Err(CountersError::Late) => {}
            decision => return decision.unwrap(),
        }
    }
    panic!("twenty decisions came late");
}

/// Shared counters as the suite wants them: whatever fails, fails the test.
pub(crate) struct Sure(pub(crate) RedisCounters);

#[async_trait]
impl Counters for Sure {
    async fn take(&self, key: [u8; 16], quota: Quota, now: Timestamp) -> Decision {
        decided(&self.0, key, quota, now).await
    }

    async fn reset(&self, key: [u8; 16]) {
        self.0.reset(key).await.unwrap();
    }
}

pub(crate) fn sure(redis: &Redis) -> Arc<dyn Counters> {
    Arc::new(Sure(counters(redis)))
}
