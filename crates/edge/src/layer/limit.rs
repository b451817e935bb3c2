//! The coarse limit of the edge, by customer line, before anything costs much (EDGE-RL).
//!
//! A token bucket as one number per key (the generic cell rate algorithm): a line may send `count` at once, and gets them back
//! evenly over `window`. Exact limits per flow are the application's. Who has a whole IPv6 /48 has 65 536 lines, so such a network
//! as one gets sixteen times a line's quota (EDGE-RL-02).
//!
//! Of the refusals of a line in a window the first is told at once and the rest as one count when the window is over (EDGE-RL-12): a
//! flood fills neither the log nor the trail, and is not hidden either.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use doorward_kit::{ClientAddr, Prefix, RequestContext};
use doorward_policy::{CanonicalPath, HostEntry, LimitPolicy, Quota};
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

/// Goes with the answer to a request that a limit refuses again, for whoever holds the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again;

/// Requests that a connection may have refused again before it is ended: reading heads costs more than not accepting what sends them, and
/// handshakes are counted, too (EDGE-RL-10).
pub(crate) const REFUSALS_MAX: u64 = 100;

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

/// What has a cell of its own.
type Key = (Scope, Line);

/// Lines of an IPv6 network that may be at full speed together.
const LINES: NonZeroU32 = NonZeroU32::new(16).unwrap();

/// Handshakes for each request that a line may make.
const HANDSHAKES: u32 = 4;
/// The time over which they are counted: short, since so many may come at once.
const SPAN: Duration = Duration::from_secs(6);

/// Who is counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Line {
    /// An IPv4 address or an IPv6 /64.
    Own(Prefix),
    /// The first 48 bits of an IPv6 address: what a provider gives to one customer at most (RFC 6177).
    Network([u16; 3]),
    /// Whom the table had no room for.
    Everybody,
}

impl Line {
    fn network(client: IpAddr) -> Option<Self> {
        let IpAddr::V6(address) = client else { return None };
        let [a, b, c, ..] = address.segments();
        Some(Self::Network([a, b, c]))
    }
}

/// What a client is counted by, written as networks: its line and, with IPv6, the network that the line is part of (EDGE-RL-02).
#[must_use]
pub fn line_and_network(client: ClientAddr) -> (Prefix, Option<String>) {
    let network = match Line::network(client.ip()) {
        Some(Line::Network([a, b, c])) => Some(format!("{}/48", std::net::Ipv6Addr::from([a, b, c, 0, 0, 0, 0, 0]))),
        _ => None,
    };
    (client.prefix(), network)
}

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
pub(crate) enum Scope {
    Edge,
    Auth,
    Gate,
    CspReport,
    /// TLS handshakes; counted here alone, with a quota that follows from the edge's.
    Handshake,
}

impl Scope {
    fn name(self) -> &'static str {
        match self {
            Self::Edge => "edge",
            Self::Auth => "edge_auth",
            Self::Gate => "edge_gate",
            Self::CspReport => "csp_report",
            Self::Handshake => "handshake",
        }
    }

    /// The stricter scope that counts beside the common one: of gates, and of what the accounts application answers.
    pub(crate) fn of(host: &HostEntry, path: &CanonicalPath<'_>, method: &Method) -> Option<Self> {
        if host.is_gate() {
            return Some(Self::Gate);
        }
        let is_auth =
            || path.strip_prefix("/api/auth").is_some() || *method == Method::POST && path.strip_prefix("/account").is_some();
        match host.has_accounts() {
            true if is_auth() => Some(Self::Auth),
            true if path.strip_prefix("/api/csp-report").is_some() => Some(Self::CspReport),
            _ => None,
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
    /// Counts one request in a scope.
    pub(crate) fn check(&self, limits: &LimitPolicy, scope: Scope, context: &RequestContext) -> Result<(), Limited> {
        self.check_scope(scope, limits.quota(scope.name()), self.began.elapsed(), context)
    }

    /// Counts one handshake; `false` when the line or its network has had too many.
    ///
    /// A request needs one handshake at most, so a line gets as many in [`SPAN`] as requests in that time, times [`HANDSHAKES`]: whoever was
    /// told with 429 to slow down may come back over a new connection and be told again, for a while. No line gets fewer than `least`.
    pub(crate) fn may_shake_hands(&self, limits: &LimitPolicy, least: usize, client: ClientAddr) -> bool {
        let edge = limits.quota(Scope::Edge.name());
        let in_a_span = SPAN.as_secs_f64() / edge.window.as_secs_f64() * f64::from(edge.count.get()) * f64::from(HANDSHAKES);
        // Beyond the largest number there is no limit worth the name.
        let count = (in_a_span as u32).max(u32::try_from(least).unwrap_or(u32::MAX));
        let quota = Quota { count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN), window: SPAN };
        self.shake_hands(quota, self.began.elapsed(), client)
    }

    fn shake_hands(&self, quota: Quota, now: Duration, client: ClientAddr) -> bool {
        let take = |line: Line, quota: Quota| {
            let key = (Scope::Handshake, line);
            let hash = self.hasher.hash_one(key);
            lock(&self.shards[hash as usize % SHARDS]).cell(key, now).pass(quota, now).is_ok()
        };
        let network = Quota { count: quota.count.saturating_mul(LINES), ..quota };
        take(Line::Own(client.prefix()), quota) && Line::network(client.ip()).is_none_or(|line| take(line, network))
    }

    /// The line before its network: a line that is over its own quota uses up nothing of its neighbours'.
    fn check_scope(&self, scope: Scope, quota: Quota, now: Duration, context: &RequestContext) -> Result<(), Limited> {
        self.take((scope, Line::Own(context.client.prefix())), quota, now, context)?;
        let Some(network) = Line::network(context.client.ip()) else { return Ok(()) };
        let quota = Quota { count: quota.count.saturating_mul(LINES), ..quota };
        self.take((scope, network), quota, now, context)
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
        let key = if has_room { key } else { (key.0, Line::Everybody) };
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
        let Err(retry_after) = self.pass(quota, now) else { return Ok(()) };
        let first = now >= self.silent_until;
        if first {
            self.silent_until = now + quota.window;
        } else {
            self.count(context);
        }
        Err(Limited { retry_after, first, scope: scope.name() })
    }

    /// Takes one out of the bucket, or says when there will be one.
    fn pass(&mut self, quota: Quota, now: Duration) -> Result<(), Duration> {
        let each = quota.window / quota.count.get();
        let full_at = self.full_at.max(now) + each;
        if full_at <= now + quota.window {
            self.full_at = full_at;
            return Ok(());
        }
        Err(full_at - now - quota.window)
    }

    fn count(&mut self, context: &RequestContext) {
        let counted = self.counted.get_or_insert_with(|| Box::new((0, *context)));
        **counted = (counted.0.saturating_add(1), *context);
    }
}

#[cfg(test)]
mod tests {
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
        limiter.check_scope(Scope::Edge, quota, now, &context)
    }

    #[test]
    fn edge_rl_01_a_line_gets_its_burst_and_then_the_measured_rate() {
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
    fn handshakes_of_a_line_have_a_quota_of_their_own_and_those_of_a_network_sixteen_times_that() {
        let limiter = Limiter::default();
        let shake = |text: &str| limiter.shake_hands(quota(10, 6), Duration::ZERO, from(text).client);
        assert_eq!((0..50).filter(|_| shake("203.0.113.7")).count(), 10);
        assert!(shake("203.0.113.8"), "another line has its own");
        assert_eq!((0..5000u32).filter(|n| shake(&format!("2001:db8:1:{:x}::1", n % 500))).count(), 160);
        assert_eq!(take(&limiter, "203.0.113.7", quota(1, 60), Duration::ZERO), Ok(()), "requests are counted apart");
        assert!(limiter.counted(true).is_empty(), "nobody is told of each");
    }

    #[test]
    fn more_requests_mean_more_handshakes_and_never_fewer_than_the_least() {
        let passed = |count: u32, seconds: u64| {
            let limits = LimitPolicy::new(vec![("edge", quota(count, seconds))]);
            let limiter = Limiter::default();
            (0..5000).filter(|_| limiter.may_shake_hands(&limits, 20, from("203.0.113.7").client)).count()
        };
        assert!((20..=22).contains(&passed(1, 3600)));
        assert!((2400..=2500).contains(&passed(6000, 60)), "{}", passed(6000, 60));
    }

    #[test]
    fn edge_rl_02_addresses_of_one_64_share_a_bucket() {
        let limiter = Limiter::default();
        let quota = quota(5, 60);
        let passed =
            (0..1000u32).filter(|n| take(&limiter, &format!("2001:db8:1:2::{n:x}"), quota, Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 5);
        assert_eq!(take(&limiter, "2001:db8:1:3::1", quota, Duration::ZERO), Ok(()), "the next line has its own");
    }

    #[test]
    fn edge_rl_02_lines_of_one_48_get_sixteen_times_as_much_together() {
        let limiter = Limiter::default();
        let quota = quota(5, 60);
        let from_one_48 = |n: u32| format!("2001:db8:1:{:x}::{n:x}", n % 1000);
        let passed = (0..4000u32).filter(|n| take(&limiter, &from_one_48(*n), quota, Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 16 * 5);
        assert_eq!(take(&limiter, "2001:db8:2::1", quota, Duration::ZERO), Ok(()), "the next network has its own");
    }

    #[test]
    fn a_line_that_is_over_its_quota_uses_up_nothing_of_its_neighbours() {
        let limiter = Limiter::default();
        let quota = quota(5, 60);
        for _ in 0..1000 {
            let _ = take(&limiter, "2001:db8:1:2::1", quota, Duration::ZERO);
        }
        let passed = (0..100u32).filter(|_| take(&limiter, "2001:db8:1:3::1", quota, Duration::ZERO).is_ok()).count();
        assert_eq!(passed, 5);
    }

    #[test]
    fn edge_rl_08_ten_million_lines_neither_grow_the_table_nor_free_an_offender() {
        let limiter = Limiter::default();
        let quota = quota(2, 60);
        let offender = "2001:db8::7";
        while take(&limiter, offender, quota, Duration::ZERO).is_ok() {}
        let mut stranger = from(offender);
        for n in 0..10_000_000_u64 {
            // A /48 of its own each, so that every one of them asks for two cells.
            stranger.client = doorward_kit::ClientAddr::new(std::net::Ipv6Addr::from(u128::from(n) << 80).into());
            let _ = limiter.check_scope(Scope::Edge, quota, Duration::from_micros(n * 5), &stranger);
        }
        let cells = || limiter.shards.iter().map(|shard| lock(shard).cells.capacity()).sum::<usize>();
        assert!(cells() <= 4 * SHARDS * SHARD_KEYS_MAX, "{}", cells());
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
