//! One address: its idle connections, the warmest first, its seats, and how it fared.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use doorward_config::{ServerAddress, Servers};
use doorward_kit::Host;
use doorward_policy::TimePolicy;
use tokio::time::{Instant, sleep, timeout};

use super::UpstreamFault;
use super::dialer::{Connector, Dialer};
use super::gauge::Open;
use super::line::{Lines, Share};
use super::outlier::Record;
use super::seat::Seats;
use super::wire::Wire;

/// An unused connection is closed after this long; below the keep-alive time of common servers.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// Most unused connections to one address.
const IDLE_CAP: usize = 64;

/// Where requests to one address are sent: exactly there and nowhere else (EXPO-06).
pub(super) struct Pool {
    pub(super) host: Host,
    pub(super) port: u16,
    /// Exchanges under way.
    pub(super) seats: Arc<Seats>,
    /// How they ended.
    pub(super) record: Record,
    /// Its health check failed.
    is_unwell: AtomicBool,
    /// No longer in the configuration: what is under way ends, nothing waits for more.
    is_retired: AtomicBool,
    dialer: Dialer,
    idle: Mutex<Idle>,
    lines: Lines,
    /// Connections to every upstream.
    open: Arc<AtomicI64>,
}

#[derive(Default)]
struct Idle {
    /// Oldest in front.
    wires: VecDeque<(Instant, Box<Wire>)>,
    swept: bool,
}

impl Pool {
    /// For one address of `servers`.
    pub(super) fn new(
        address: &ServerAddress,
        servers: &Servers,
        connector: Option<&Connector>,
        open: &Arc<AtomicI64>,
    ) -> Arc<Self> {
        Arc::new(Self {
            host: address.host.clone(),
            port: address.port,
            seats: Seats::new(servers.max_connections),
            record: Record::default(),
            is_unwell: AtomicBool::default(),
            is_retired: AtomicBool::default(),
            dialer: Dialer::new(address, servers, connector),
            idle: Mutex::default(),
            lines: Lines::default(),
            open: open.clone(),
        })
    }

    /// Whether its connections are as good as those that the other would make.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        self.dialer.is_as(&other.dialer)
    }

    /// Whether it may get a request while others may too.
    pub(super) fn is_fit(&self) -> bool {
        self.is_well() && !self.record.is_out()
    }

    /// Whether its health check says nothing against it.
    pub(super) fn is_well(&self) -> bool {
        !self.is_unwell.load(Relaxed)
    }

    /// Takes note of a health check; answers whether that is news.
    pub(super) fn note_health(&self, is_well: bool) -> bool {
        self.is_unwell.swap(!is_well, Relaxed) == is_well
    }

    /// The connection that was used last, unless it waited too long. It may have died meanwhile; sending finds out.
    pub(super) fn take(&self) -> Option<Box<Wire>> {
        let (since, wire) = self.lock().wires.pop_back()?;
        if since.elapsed() < IDLE_MAX {
            return Some(wire);
        }
        // The warmest is cold, so all are.
        self.lock().wires.clear();
        None
    }

    /// Takes a connection back if it can carry another request; in any case its exchange is over.
    pub(super) fn give(self: &Arc<Self>, mut wire: Box<Wire>) {
        let seat = wire.seat.take();
        if wire.is_idle() && !self.is_retired.load(Relaxed) {
            self.keep(wire);
        }
        // Only now: whoever gets the seat finds the connection.
        drop(seat);
    }

    fn keep(self: &Arc<Self>, wire: Box<Wire>) {
        let mut idle = self.lock();
        if idle.wires.len() == IDLE_CAP {
            idle.wires.pop_front();
        }
        idle.wires.push_back((Instant::now(), wire));
        if !std::mem::replace(&mut idle.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Opens a new connection within [`TimePolicy::connect`], name lookup and TLS included.
    pub(super) async fn connect(&self, times: &TimePolicy) -> Result<Box<Wire>, UpstreamFault> {
        let link = timeout(times.connect, self.dialer.dial()).await.map_err(|_| UpstreamFault::Timeout)?;
        let link = link.map_err(|error| self.unreached(&error))?;
        Wire::open(link, Open::new(&self.open), times.first_byte).await.map_err(|_| UpstreamFault::Connect)
    }

    /// A share of a connection that speaks HTTP/2, of a new one if need be, within [`TimePolicy::connect`].
    pub(super) async fn share(&self, times: &TimePolicy) -> Result<Share, UpstreamFault> {
        if let Some(share) = self.lines.share() {
            return Ok(share);
        }
        let dialled = timeout(times.connect, async {
            let _right = self.lines.dialing().await;
            if let Some(share) = self.lines.share() {
                return Ok(share);
            }
            let link = self.dialer.dial().await.map_err(|error| self.unreached(&error))?;
            let share = self.lines.begin(link, Open::new(&self.open)).await.map_err(|_| UpstreamFault::Connect)?;
            if self.is_retired.load(Relaxed) {
                // Asked for by a request that began before; the connection ends with it.
                self.lines.clear();
            }
            Ok(share)
        });
        dialled.await.map_err(|_| UpstreamFault::Timeout)?
    }

    fn unreached(&self, error: &std::io::Error) -> UpstreamFault {
        tracing::warn!(upstream_host = %self.host, upstream_port = self.port, %error, "upstream cannot be reached");
        UpstreamFault::Connect
    }

    /// The configuration no longer names it.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Relaxed);
        self.lock().wires.clear();
        self.lines.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        // Nothing can leave the queue half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes what waited too long; false when nothing waits any more.
    fn drop_cold(&self) -> bool {
        let mut idle = self.lock();
        while idle.wires.front().is_some_and(|(since, _)| since.elapsed() >= IDLE_MAX) {
            idle.wires.pop_front();
        }
        idle.swept = !idle.wires.is_empty();
        idle.swept
    }

    #[cfg(test)]
    fn waiting(&self) -> usize {
        self.lock().wires.len()
    }
}

/// Runs while something waits, so that a quiet night leaves no sockets behind.
async fn sweep(pool: Weak<Pool>) {
    loop {
        sleep(IDLE_MAX / 2).await;
        if !pool.upgrade().is_some_and(|pool| pool.drop_cold()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{IDLE_CAP, IDLE_MAX, Pool};
    use doorward_config::{ServerAddress, Servers};
    use doorward_policy::TimePolicy;
    use std::future::poll_fn;
    use std::sync::Arc;
    use std::task::Poll;
    use tokio::net::TcpListener;

    async fn pool_with(wires: usize) -> (Arc<Pool>, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let address = ServerAddress { host: "127.0.0.1".parse().expect("a host"), port };
        let pool = Pool::new(&address, &Servers::default(), None, &Arc::default());
        for _ in 0..wires {
            let mut wire = pool.connect(&TimePolicy::default()).await.expect("listening");
            // One turn lets the connection say that it wants a request.
            poll_fn(|cx| Poll::Ready(wire.poll_connection(cx).is_ready())).await;
            pool.give(wire);
        }
        (pool, listener)
    }

    #[tokio::test]
    async fn no_more_than_the_cap_wait() {
        let (pool, _listener) = pool_with(IDLE_CAP + 3).await;
        assert_eq!(pool.waiting(), IDLE_CAP);
    }

    #[tokio::test]
    async fn what_waited_too_long_is_closed_even_when_nobody_comes() {
        let (pool, _listener) = pool_with(2).await;
        tokio::time::pause();
        tokio::time::sleep(IDLE_MAX * 2).await;
        assert_eq!(pool.waiting(), 0);
        assert!(pool.take().is_none());
    }

    #[tokio::test]
    async fn an_address_that_is_no_longer_configured_keeps_nothing() {
        let (pool, _listener) = pool_with(2).await;
        let wire = pool.take().expect("waiting");
        pool.retire();
        assert_eq!(pool.waiting(), 0);
        pool.give(wire);
        assert_eq!(pool.waiting(), 0);
    }

    #[tokio::test]
    async fn a_shared_connection_to_an_address_that_is_no_longer_configured_ends_with_its_exchange() {
        let (pool, _listener) = pool_with(0).await;
        pool.retire();
        let _share = pool.share(&TimePolicy::default()).await.expect("listening");
        assert!(pool.lines.share().is_none());
    }
}
