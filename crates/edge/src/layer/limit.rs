//! The coarse limit of the edge, by customer line, before anything costs much (EDGE-RL).
//!
//! A token bucket as one number per key (the generic cell rate algorithm): a line may send `count` at once, and gets them back
//! evenly over `window`. Exact limits per flow are the application's.
//!
//! Of the refusals of a line in a window the first is told at once and the rest as one count when the window is over (EDGE-RL-12): a
//! flood fills neither the log nor the trail, and is not hidden either.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
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
    /// Name of the limit.
    pub(crate) scope: &'static str,
}

/// Refusals of one line that were counted only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counted {
    /// Name of the limit.
    pub(crate) scope: &'static str,
    /// The latest of them, which stands for all.
    pub(crate) context: RequestContext,
    /// How many.
    pub(crate) count: u64,
}

/// Counts by scope and line, in bounded memory and monotonic time.
#[derive(Debug)]
pub(crate) struct Limiter {
    began: Instant,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
    /// Whether anything may have been counted since somebody asked.
    has_counted: AtomicBool,
}

#[derive(Debug, Default)]
struct Shard {
    cells: HashMap<Key, Cell>,
    swept_at: Duration,
}

/// `None` stands for everybody whom the table had no room for.
type Key = (Scope, Option<Prefix>);

#[derive(Debug, Default)]
struct Cell {
    /// When the bucket will be full again.
    full_at: Duration,
    /// No second event before this.
    silent_until: Duration,
    /// Refusals that nobody was told of, and the latest of them. Behind a pointer, since few lines have any.
    counted: Option<Box<(u64, RequestContext)>>,
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
        Self {
            began: Instant::now(),
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            has_counted: AtomicBool::new(false),
        }
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
            self.take((scope, Some(line)), limits.quota(scope.name()), now, context)?;
        }
        Ok(())
    }

    fn take(&self, key: Key, quota: Quota, now: Duration, context: &RequestContext) -> Result<(), Limited> {
        let hash = self.hasher.hash_one(key);
        let outcome = lock(&self.shards[hash as usize % SHARDS]).cell(key, now).take(key.0, quota, now, context);
        if outcome.is_err_and(|limited| !limited.first) {
            self.has_counted.store(true, Ordering::Release);
        }
        outcome
    }

    /// What was counted only, of the windows that are over; of all of them when `all` is set. Each refusal is told once.
    pub(crate) fn counted(&self, all: bool) -> Vec<Counted> {
        if !self.has_counted.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let now = self.began.elapsed();
        let (mut counted, mut is_left) = (Vec::new(), false);
        for shard in &self.shards {
            for ((scope, _), cell) in &mut lock(shard).cells {
                if !all && cell.silent_until > now {
                    is_left |= cell.counted.is_some();
                    continue;
                }
                let taken = cell.counted.take().map(|counted| *counted);
                counted.extend(taken.map(|(count, context)| Counted { scope: scope.name(), context, count }));
            }
        }
        self.has_counted.fetch_or(is_left, Ordering::AcqRel);
        counted
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    // Nothing can leave a shard half-changed.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
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
            self.cells.retain(|_, cell| cell.full_at > now || cell.silent_until > now || cell.counted.is_some());
        }
        self.cells.len() < SHARD_KEYS_MAX
    }
}

impl Cell {
    fn take(&mut self, scope: Scope, quota: Quota, now: Duration, context: &RequestContext) -> Result<(), Limited> {
        let each = quota.window / quota.count.get();
        let full_at = self.full_at.max(now) + each;
        if full_at <= now + quota.window {
            self.full_at = full_at;
            return Ok(());
        }
        let first = now >= self.silent_until;
        if first {
            self.silent_until = now + quota.window;
        } else {
            self.count(context);
        }
        Err(Limited { retry_after: full_at - now - quota.window, first, scope: scope.name() })
    }

    fn count(&mut self, context: &RequestContext) {
        let counted = self.counted.get_or_insert_with(|| Box::new((0, *context)));
        **counted = (counted.0.saturating_add(1), *context);
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn quota(count: u32, seconds: u64) -> Quota {
        Quota { count: NonZeroU32::new(count).expect("not zero"), window: Duration::from_secs(seconds) }
    }

    fn from(text: &str) -> RequestContext {
        let address: std::net::IpAddr = text.parse().expect("address");
        RequestContext {
            request_id: doorward_kit::RequestId::from_bytes([1; 16]),
            client: doorward_kit::ClientAddr::new(address),
            peer: doorward_kit::PeerAddr(std::net::SocketAddr::new(address, 40_000)),
            secure: true,
        }
    }

    fn take(limiter: &Limiter, text: &str, quota: Quota, now: Duration) -> Result<(), Limited> {
        let context = from(text);
        limiter.take((Scope::Edge, Some(context.client.prefix())), quota, now, &context)
    }

    #[test]
    fn a_line_gets_its_burst_and_then_the_measured_rate() {
        let limiter = Limiter::default();
        let quota = quota(10, 10);
        let line = "203.0.113.7";
        for _ in 0..10 {
            assert_eq!(take(&limiter, line, quota, Duration::ZERO), Ok(()));
        }
        let refused = take(&limiter, line, quota, Duration::ZERO).expect_err("the burst is used up");
        assert_eq!(refused, Limited { retry_after: Duration::from_secs(1), first: true, scope: "edge" });
        let passed = (0..100_000).filter(|ms| take(&limiter, line, quota, Duration::from_millis(*ms)).is_ok()).count();
        assert_eq!(passed, 99, "one a second for just under a hundred seconds");
        assert_eq!(take(&limiter, "203.0.113.8", quota, Duration::ZERO), Ok(()), "another line has its own");
    }

    #[test]
    fn addresses_of_one_v6_line_share_a_bucket() {
        let limiter = Limiter::default();
        let quota = quota(5, 60);
        let passed =
            (0..1000u32).filter(|n| take(&limiter, &format!("2001:db8:1:2::{n:x}"), quota, Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn a_flood_of_lines_neither_grows_the_table_nor_frees_an_offender() {
        let limiter = Limiter::default();
        let quota = quota(2, 60);
        let offender = "203.0.113.7";
        while take(&limiter, offender, quota, Duration::ZERO).is_ok() {}
        for n in 0..200_000u32 {
            let _ = take(&limiter, &std::net::Ipv4Addr::from(n).to_string(), quota, Duration::from_millis(u64::from(n) / 200));
        }
        let keys: usize = limiter.shards.iter().map(|shard| shard.lock().expect("lock").cells.len()).sum();
        assert!(keys <= SHARDS * (SHARD_KEYS_MAX + 3), "{keys}");
        assert!(take(&limiter, offender, quota, Duration::from_secs(1)).is_err());
    }

    #[test]
    fn every_refusal_is_told_once_whether_first_or_counted() {
        let limiter = Limiter::default();
        let quota = quota(1, 3600);
        let (mut first, mut refused) = (0_u64, 0_u64);
        for n in 0..10_000u32 {
            let line = ["203.0.113.7", "203.0.113.8", "2001:db8::1"][n as usize % 3];
            if let Err(limited) = take(&limiter, line, quota, Duration::ZERO) {
                first += u64::from(limited.first);
                refused += 1;
            }
        }
        assert_eq!(first, 3);
        assert!(limiter.counted(false).is_empty(), "the window is not over");
        let told = limiter.counted(true);
        assert_eq!(told.len(), 3, "one for each line");
        assert_eq!(told.iter().map(|counted| counted.count).sum::<u64>() + first, refused);
        assert!(told.iter().all(|counted| counted.scope == "edge"));
        assert!(limiter.counted(true).is_empty());
    }

    #[test]
    fn what_was_counted_is_told_when_its_window_is_over() {
        let limiter = Limiter::default();
        let quota = Quota { count: NonZeroU32::MIN, window: Duration::from_millis(20) };
        while limiter.counted(false).is_empty() {
            let _ = take(&limiter, "203.0.113.7", quota, limiter.began.elapsed());
        }
    }
}
