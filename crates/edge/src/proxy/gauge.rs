//! What a connection counts about the exchange that is under way, and the stream that does the counting.
//!
//! With a connection of its own, everything is touched from one task at a time; the atomics only make the sharing legal, so relaxed order
//! is enough. Over HTTP/2 another task sends the body; it wakes the one that watches, and the lock around the waker orders the rest.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::link::Link;

/// Octets that may come before the head of the final answer is complete: one head and one read beyond it. Ends a flood of
/// interim answers (PROXY-10).
const BEFORE_HEAD_MAX_BYTES: u64 = 2 * super::wire::BUFFER_MAX_BYTES as u64;

/// Counters of one connection, reset for every exchange.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    received: AtomicU64,
    head_came: AtomicBool,
    steps: AtomicU32,
    bytes: AtomicU64,
    sent: AtomicBool,
    client_silent: AtomicBool,
    /// Of the task that watches, where another one sends.
    watcher: Option<Mutex<Waker>>,
}

impl Gauge {
    /// For an exchange whose body another task sends: whoever watches is woken whenever something changes.
    pub(super) fn watched() -> Self {
        Self { watcher: Some(Mutex::new(Waker::noop().clone())), ..Self::default() }
    }

    /// Whom to wake from now on.
    pub(super) fn watch(&self, cx: &Context<'_>) {
        if let Some(watcher) = &self.watcher {
            watcher.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
        }
    }

    fn wake(&self) {
        if let Some(watcher) = &self.watcher {
            watcher.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
        }
    }

    /// A new exchange begins.
    pub(super) fn begin(&self) {
        self.received.store(0, Relaxed);
        self.head_came.store(false, Relaxed);
        self.steps.store(0, Relaxed);
        self.bytes.store(0, Relaxed);
        self.sent.store(false, Relaxed);
        self.client_silent.store(false, Relaxed);
    }

    /// The answer's head is complete; what follows is a body.
    pub(super) fn note_head(&self) {
        self.head_came.store(true, Relaxed);
    }

    /// A piece of the request body went on its way.
    pub(super) fn note_step(&self, bytes: usize) {
        self.steps.fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.client_silent.store(false, Relaxed);
        self.wake();
    }

    /// The client has nothing for us at the moment.
    pub(super) fn note_silence(&self) {
        if !self.client_silent.swap(true, Relaxed) {
            self.wake();
        }
    }

    /// The request is complete, or nobody reads the rest.
    pub(super) fn note_sent(&self) {
        self.sent.store(true, Relaxed);
        self.wake();
    }

    /// Whether the upstream has said anything since [`begin`](Self::begin).
    pub(super) fn is_untouched(&self) -> bool {
        self.received.load(Relaxed) == 0
    }

    /// Whether the whole request was handed over.
    pub(super) fn is_sent(&self) -> bool {
        self.sent.load(Relaxed)
    }

    /// Octets of the request body that went on their way.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Whether it is the client that we wait for.
    pub(super) fn is_client_silent(&self) -> bool {
        !self.is_sent() && self.client_silent.load(Relaxed)
    }

    /// Changes whenever the request makes progress.
    pub(super) fn progress(&self) -> u64 {
        u64::from(self.steps.load(Relaxed)) << 1 | u64::from(self.is_sent())
    }

    fn note_received(&self, bytes: usize) -> io::Result<()> {
        let total = self.received.fetch_add(bytes as u64, Relaxed) + bytes as u64;
        if total > BEFORE_HEAD_MAX_BYTES && !self.head_came.load(Relaxed) {
            return Err(io::Error::other("the upstream sends without end before its answer"));
        }
        Ok(())
    }
}

/// Open as long as it lives: one connection of all that lead to upstreams.
#[derive(Debug)]
pub(super) struct Open(Arc<AtomicI64>);

impl Open {
    pub(super) fn new(all: &Arc<AtomicI64>) -> Self {
        all.fetch_add(1, Relaxed);
        Self(Arc::clone(all))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A stream that tells its [`Gauge`] what came in.
#[derive(Debug)]
pub(super) struct GaugedStream {
    stream: Link,
    gauge: Arc<Gauge>,
    open: Open,
}

impl GaugedStream {
    pub(super) fn new(stream: Link, gauge: Arc<Gauge>, open: Open) -> Self {
        Self { stream, gauge, open }
    }

    pub(super) fn into_inner(self) -> (Link, Open) {
        (self.stream, self.open)
    }
}

impl AsyncRead for GaugedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        Poll::Ready(self.gauge.note_received(buf.filled().len() - before))
    }
}

impl AsyncWrite for GaugedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
