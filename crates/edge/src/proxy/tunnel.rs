//! What joins the two ends of a WebSocket, and what parts them again.
//!
//! Octets are passed on as they are: the edge reads no frames, so it cannot say goodbye in one either. Both ends see a connection that ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use doorward_kit::RequestId;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, copy_bidirectional};
use tokio::time::{Instant, sleep, timeout};

use super::link::Link;
use crate::hold::{Tether, TunnelTerms};

/// How long the client may take to receive the 101.
const SWITCH_MAX: Duration = Duration::from_secs(10);

/// How long the last octets may take to reach a client whose tunnel was ended.
const LEAVE_MAX: Duration = Duration::from_secs(1);

/// When a tunnel ends though both sides would go on.
pub(super) struct Bounds {
    max_age: Duration,
    idle: Duration,
    tether: Tether,
    request_id: RequestId,
}

impl Bounds {
    pub(super) fn of(terms: &TunnelTerms<'_>, request_id: RequestId) -> Self {
        Self { max_age: terms.max_age, idle: terms.idle, tether: (terms.tie)(), request_id }
    }

    /// Resolves with a word for the log.
    async fn over(self, traffic: Arc<Traffic>) -> &'static str {
        tokio::select! {
            () = self.tether => "no longer allowed",
            () = sleep(self.max_age) => "longest life",
            () = traffic.silence(self.idle) => "idle",
        }
    }
}

/// Copies until both sides are done, one of them breaks, or the tunnel may stay open no longer.
pub(super) async fn run(client: OnUpgrade, mut upstream: Link, first: Bytes, bounds: Bounds) {
    let Ok(Ok(client)) = timeout(SWITCH_MAX, client).await else {
        return;
    };
    let request_id = bounds.request_id;
    let traffic = Arc::new(Traffic::begin());
    let mut client = Watched { stream: TokioIo::new(client), traffic: Arc::clone(&traffic) };
    let copied = async {
        client.write_all(&first).await?;
        copy_bidirectional(&mut client, &mut upstream).await
    };
    let cut = tokio::select! {
        copied = copied => {
            if let Err(error) = copied {
                tracing::debug!(%request_id, %error, "a tunnel broke");
            }
            return;
        }
        why = bounds.over(traffic) => why,
    };
    tracing::info!(%request_id, reason = cut, "a tunnel was ended");
    // TLS says that it ends, so that the client can tell the end from an attack; it need not wait for the answer.
    let _ = timeout(LEAVE_MAX, client.shutdown()).await;
}

/// When something last went through.
struct Traffic {
    begun: Instant,
    /// Milliseconds after `begun`.
    last: AtomicU64,
}

impl Traffic {
    fn begin() -> Self {
        Self { begun: Instant::now(), last: AtomicU64::new(0) }
    }

    fn note(&self) {
        self.last.store(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Resolves when nothing went through for so long.
    async fn silence(&self, idle: Duration) {
        loop {
            let quiet = self.begun.elapsed().saturating_sub(Duration::from_millis(self.last.load(Relaxed)));
            let Some(left) = idle.checked_sub(quiet).filter(|left| !left.is_zero()) else { return };
            // The timer of the runtime counts whole milliseconds.
            sleep(left.max(Duration::from_millis(1))).await;
        }
    }
}

/// The client's side; whatever goes through a tunnel passes here. Octets that one side sent and the other does not take count for nothing.
struct Watched<S> {
    stream: S,
    traffic: Arc<Traffic>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        if buf.filled().len() > before {
            self.traffic.note();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.traffic.note();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::Traffic;
    use std::time::Duration;
    use tokio::time::{Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_octet() {
        let traffic = Traffic::begin();
        let start = Instant::now();
        advance(Duration::from_secs(7)).await;
        traffic.note();
        traffic.silence(Duration::from_secs(10)).await;
        assert_eq!(start.elapsed().as_secs(), 17);
    }
}
