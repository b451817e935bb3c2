//! The coarse limit of the edge, by customer line, before anything costs much (EDGE-RL).
//!
//! A token bucket as one number per key (the generic cell rate algorithm): a line may send `count` at once, and gets them back
//! evenly over `window`. Exact limits per flow are the application's.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use doorward_kit::{Prefix, RequestContext};
use doorward_policy::{CanonicalPath, LimitPolicy, Quota};
use http::Method;
use tokio::time::Instant;

/// Parts of the table, each with a lock of its own.
const SHARDS: usize = 16;
/// Keys of one part; about 4 MiB in all.
const SHARD_KEYS_MAX: usize = 4096;
/// Forgotten keys are swept out at most this often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Refused by a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limited {
    /// When the next request would pass.
    pub(crate) retry_after: Duration,
    /// Whether this is the first refusal of its key in a window: worth an event (EDGE-RL-12).
    pub(crate) first: bool,
}

/// Counts by scope and line, in bounded memory and monotonic time.
#[derive(Debug)]
pub(crate) struct Limiter {
    began: Instant,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug, Default)]
struct Shard {
    cells: HashMap<Key, Cell>,
    swept_at: Duration,
}

/// `None` stands for everybody whom the table had no room for.
type Key = (Scope, Option<Prefix>);

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// When the bucket will be full again.
    full_at: Duration,
    /// No second event before this.
    silent_until: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scope {
    Edge,
    Auth,
    CspReport,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Auth => "edge_auth",
            Self::CspReport => "csp_report",
        }
    }

    /// The stricter scope that counts as well, where the accounts application answers.
    fn of(path: &CanonicalPath<'_>, method: &Method) -> Option<Self> {
        if path.strip_prefix("/api/auth").is_some() || *method == Method::POST && path.strip_prefix("/account").is_some() {
            Some(Self::Auth)
        } else if path.strip_prefix("/api/csp-report").is_some() {
            Some(Self::CspReport)
        } else {
            None
        }
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Self { began: Instant::now(), hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Limiter {
    /// Counts one request in every scope it falls under; the strictest decides.
    pub(crate) fn check(
        &self,
        limits: &LimitPolicy,
        path: &CanonicalPath<'_>,
        method: &Method,
        has_accounts: bool,
        context: &RequestContext,
    ) -> Result<(), Limited> {
        let now = self.began.elapsed();
        let line = context.client.prefix();
        let special = Scope::of(path, method).filter(|_| has_accounts);
        for scope in special.into_iter().chain([Scope::Edge]) {
            self.take((scope, Some(line)), limits.quota(scope.name()), now)?;
        }
        Ok(())
    }

    fn take(&self, key: Key, quota: Quota, now: Duration) -> Result<(), Limited> {
        let hash = self.hasher.hash_one(key);
        let shard = &self.shards[hash as usize % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        shard.cell(key, now).take(quota, now)
    }
}

impl Shard {
    /// The key's cell. A key that is being counted is never dropped to make room (EDGE-RL-08): newcomers then share one cell.
    fn cell(&mut self, key: Key, now: Duration) -> &mut Cell {
        let has_room = self.cells.len() < SHARD_KEYS_MAX || self.cells.contains_key(&key) || self.sweep(now);
        let key = if has_room { key } else { (key.0, None) };
        self.cells.entry(key).or_default()
    }

    fn sweep(&mut self, now: Duration) -> bool {
        if now.saturating_sub(self.swept_at) >= SWEEP_EVERY {
            self.swept_at = now;
            self.cells.retain(|_, cell| cell.full_at > now || cell.silent_until > now);
        }
        self.cells.len() < SHARD_KEYS_MAX
    }
}

impl Cell {
    fn take(&mut self, quota: Quota, now: Duration) -> Result<(), Limited> {
        let each = quota.window / quota.count.get();
        let full_at = self.full_at.max(now) + each;
        if full_at <= now + quota.window {
            self.full_at = full_at;
            return Ok(());
        }
        let first = now >= self.silent_until;
        if first {
            self.silent_until = now + quota.window;
        }
        Err(Limited { retry_after: full_at - now - quota.window, first })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn quota(count: u32, seconds: u64) -> Quota {
        Quota { count: NonZeroU32::new(count).expect("not zero"), window: Duration::from_secs(seconds) }
    }

    fn line(text: &str) -> Option<Prefix> {
        Some(doorward_kit::ClientAddr::new(text.parse().expect("address")).prefix())
    }

    #[test]
    fn a_line_gets_its_burst_and_then_the_measured_rate() {
        let limiter = Limiter::default();
        let quota = quota(10, 10);
        let key = (Scope::Edge, line("203.0.113.7"));
        for _ in 0..10 {
            assert_eq!(limiter.take(key, quota, Duration::ZERO), Ok(()));
        }
        let refused = limiter.take(key, quota, Duration::ZERO).expect_err("the burst is used up");
        assert_eq!(refused, Limited { retry_after: Duration::from_secs(1), first: true });
        let passed = (0..100_000).filter(|ms| limiter.take(key, quota, Duration::from_millis(*ms)).is_ok()).count();
        assert_eq!(passed, 99, "one a second for just under a hundred seconds");
        assert_eq!(limiter.take((Scope::Edge, line("203.0.113.8")), quota, Duration::ZERO), Ok(()), "another line has its own");
    }

    #[test]
    fn addresses_of_one_v6_line_share_a_bucket() {
        let limiter = Limiter::default();
        let quota = quota(5, 60);
        let passed = (0..1000u32)
            .filter(|n| limiter.take((Scope::Edge, line(&format!("2001:db8:1:2::{n:x}"))), quota, Duration::ZERO).is_ok())
            .count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn a_flood_of_lines_neither_grows_the_table_nor_frees_an_offender() {
        let limiter = Limiter::default();
        let quota = quota(2, 60);
        let offender = (Scope::Edge, line("203.0.113.7"));
        while limiter.take(offender, quota, Duration::ZERO).is_ok() {}
        for n in 0..200_000u32 {
            let key = (Scope::Edge, line(&std::net::Ipv4Addr::from(n).to_string()));
            let _ = limiter.take(key, quota, Duration::from_millis(u64::from(n) / 200));
        }
        let keys: usize = limiter.shards.iter().map(|shard| shard.lock().expect("lock").cells.len()).sum();
        assert!(keys <= SHARDS * (SHARD_KEYS_MAX + 3), "{keys}");
        assert!(limiter.take(offender, quota, Duration::from_secs(1)).is_err());
    }
}
