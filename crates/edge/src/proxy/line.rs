//! HTTP/2 to an upstream: a few connections that carry many exchanges each.
//!
//! Unlike a [`Wire`](super::wire::Wire), such a connection belongs to no single exchange, so a task of its own drives it. It ends when
//! nobody holds it any more, and so does an exchange: dropping its answer, or the wait for it, resets the stream (HTTP-17).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::gauge::{Gauge, GaugedStream, Open};
use super::link::Link;
use super::request_body::RequestBody;

/// Exchanges on one connection; what most servers allow (RFC 9113 §6.5.2).
const STREAMS_MAX: u32 = 100;

/// The longest head of an answer (PROXY-10).
const HEAD_MAX_BYTES: u32 = 64 * 1024;

/// Read ahead for one exchange, and for all of a connection.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// Held back of a request that the upstream does not take.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// An upstream that vanished is noticed after at most twice this.
const PING_EVERY: Duration = Duration::from_secs(10);

/// The connections to one address.
#[derive(Default)]
pub(super) struct Lines {
    open: Mutex<Vec<Arc<Line>>>,
    /// Held by whoever dials, so that a hundred requests do not make a hundred connections.
    dialing: tokio::sync::Mutex<()>,
}

struct Line {
    sender: SendRequest<RequestBody>,
    streams: AtomicU32,
}

/// One exchange's share of a connection.
pub(super) struct Share(Arc<Line>);

impl Share {
    /// Takes the request.
    pub(super) fn sender(&self) -> SendRequest<RequestBody> {
        self.0.sender.clone()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Relaxed);
    }
}

impl Lines {
    /// A share of the emptiest connection, if one has room.
    pub(super) fn share(&self) -> Option<Share> {
        let mut open = self.lock();
        open.retain(|line| !line.sender.is_closed());
        let line = open.iter().min_by_key(|line| line.streams.load(Relaxed))?;
        // Shares are made under the lock, so there are never more than counted here.
        if line.streams.load(Relaxed) >= STREAMS_MAX {
            return None;
        }
        line.streams.fetch_add(1, Relaxed);
        Some(Share(line.clone()))
    }

    /// The right to dial; others may have dialled while it was waited for.
    pub(super) async fn dialing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.dialing.lock().await
    }

    /// Speaks HTTP/2 on a new connection from now on.
    pub(super) async fn begin(&self, link: Link, open: Open) -> hyper::Result<Share> {
        let gauge = Arc::new(Gauge::default());
        // What is bounded before an answer's head in HTTP/1.1 is bounded by the protocol here.
        gauge.note_head();
        let io = TokioIo::new(GaugedStream::new(link, gauge, open));
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_MAX_BYTES)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_EVERY)
            .handshake(io)
            .await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to an upstream broke");
            }
        });
        let line = Arc::new(Line { sender, streams: AtomicU32::new(1) });
        self.lock().push(line.clone());
        Ok(Share(line))
    }

    /// Lets go of every connection: each ends with its last exchange.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Line>>> {
        // Nothing can leave the list half-changed.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
