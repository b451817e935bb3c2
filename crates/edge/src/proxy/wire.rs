//! One connection to an upstream. It lives in the task of whoever uses it: nothing is spawned, and dropping it hangs up.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;

use super::gauge::{Gauge, GaugedStream, Open};
use super::link::Link;
use super::request_body::RequestBody;
use super::seat::Seat;
use super::timer::LazyTimer;

/// Most that is read ahead, and so the longest head of an answer (PROXY-10).
pub(super) const BUFFER_MAX_BYTES: usize = 64 * 1024;

type Http1 = Connection<TokioIo<GaugedStream>, RequestBody>;

/// A connection with everything that belongs to it. Always boxed: it moves between pool, exchange and body.
pub(super) struct Wire {
    /// Takes requests.
    pub(super) sender: SendRequest<RequestBody>,
    /// Counts the exchange.
    pub(super) gauge: Arc<Gauge>,
    /// Watches whoever is waited for.
    pub(super) timer: LazyTimer,
    /// Of the exchange that is under way.
    pub(super) seat: Option<Seat>,
    connection: Http1,
    ended: bool,
}

impl Wire {
    /// Makes a connection ready for requests. At most 100 fields and [`BUFFER_MAX_BYTES`] of head are taken from the other side.
    ///
    /// # Errors
    /// hyper's, which does not fail here in practice.
    pub(super) async fn open(stream: Link, open: Open, patience: Duration) -> hyper::Result<Box<Self>> {
        let gauge = Arc::new(Gauge::default());
        let io = TokioIo::new(GaugedStream::new(stream, gauge.clone(), open));
        let (sender, connection) = Builder::new().max_buf_size(BUFFER_MAX_BYTES).handshake(io).await?;
        Ok(Box::new(Self { sender, gauge, timer: LazyTimer::new(patience), seat: None, connection, ended: false }))
    }

    /// Moves octets in both directions. Ready once the connection will move no more.
    pub(super) fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.ended {
            return Poll::Ready(());
        }
        // An error reaches whoever waits for the answer or reads its body; here it only means that this is over.
        let polled = Pin::new(&mut self.connection).poll(cx).map(|_| ());
        self.ended = polled.is_ready();
        polled
    }

    /// Whether the connection is between two exchanges and can carry another.
    pub(super) fn is_idle(&self) -> bool {
        !self.ended && self.sender.is_ready()
    }

    /// After a 101: the bare stream, what counts it, and what came behind the head.
    pub(super) fn into_stream(self: Box<Self>) -> (Link, (Open, Option<Seat>), Bytes) {
        let Self { connection, seat, .. } = *self;
        let parts = connection.into_parts();
        let (stream, open) = parts.io.into_inner().into_inner();
        (stream, (open, seat), parts.read_buf)
    }
}
