//! Idle connections to one upstream, the warmest first, and the only place that dials.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use doorward_kit::Host;
use doorward_policy::TimePolicy;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::UpstreamFault;
use super::gauge::Open;
use super::wire::Wire;

/// An unused connection is closed after this long; below the keep-alive time of common servers.
const IDLE_MAX: Duration = Duration::from_secs(15);

/// Most unused connections to one upstream.
const IDLE_CAP: usize = 64;

/// Where requests to one upstream are sent: exactly there and nowhere else (EXPO-06).
pub(super) struct Pool {
    pub(super) host: Host,
    pub(super) port: u16,
    idle: Mutex<Idle>,
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
    pub(super) fn new(host: Host, port: u16, open: Arc<AtomicI64>) -> Arc<Self> {
        Arc::new(Self { host, port, idle: Mutex::default(), open })
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

    /// Takes a connection back if it can carry another request.
    pub(super) fn give(self: &Arc<Self>, wire: Box<Wire>) {
        if !wire.is_idle() {
            return;
        }
        let mut idle = self.lock();
        if idle.wires.len() == IDLE_CAP {
            idle.wires.pop_front();
        }
        idle.wires.push_back((Instant::now(), wire));
        if !std::mem::replace(&mut idle.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    /// Opens a new connection within [`TimePolicy::connect`], name lookup included.
    pub(super) async fn connect(&self, times: &TimePolicy) -> Result<Box<Wire>, UpstreamFault> {
        let stream = timeout(times.connect, self.dial()).await.map_err(|_| UpstreamFault::Timeout)?;
        let stream = stream.map_err(|error| {
            tracing::warn!(upstream_host = %self.host, upstream_port = self.port, %error, "upstream cannot be reached");
            UpstreamFault::Connect
        })?;
        Wire::open(stream, Open::new(&self.open), times.first_byte).await.map_err(|_| UpstreamFault::Connect)
    }

    async fn dial(&self) -> std::io::Result<TcpStream> {
        let stream = match self.host.ip() {
            Some(address) => TcpStream::connect(SocketAddr::new(address, self.port)).await?,
            None => TcpStream::connect((self.host.as_str().to_owned(), self.port)).await?,
        };
        stream.set_nodelay(true)?;
        Ok(stream)
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
    use doorward_policy::TimePolicy;
    use std::future::poll_fn;
    use std::task::Poll;
    use tokio::net::TcpListener;

    async fn pool_with(wires: usize) -> (std::sync::Arc<Pool>, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let pool =
            Pool::new("127.0.0.1".parse().expect("a host"), listener.local_addr().expect("bound").port(), Default::default());
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
}
