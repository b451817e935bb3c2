//! HTTP/2 with bounds on everything a stranger can make us hold (HTTP-09).

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use doorward_kit::PeerAddr;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::door::Door;
use super::framing::Pace;
use super::stop::Stop;
use crate::body::{EdgeBody, Intake, held};
use crate::stack::Arrival;

const STREAMS_MAX: u32 = 100;
/// Streams that were reset before we took them up; more are a Rapid Reset (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// Streams that we had to reset for the client's faults; more are MadeYouReset (CVE-2025-8671).
const LOCAL_RESETS_MAX: usize = 128;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER_MAX: usize = 64 * 1024;
const PING_EVERY: Duration = Duration::from_secs(20);

/// Serves one connection until it ends, idles or the process stops.
pub(super) async fn serve<S>(stream: S, peer: PeerAddr, door: Door, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let policy = door.edge().policy();
    let (head, keep_alive) = (policy.sizes.head, policy.times.keep_alive);
    drop(policy);
    let open = Arc::new(AtomicUsize::new(0));
    let watched = open.clone();
    let service = service_fn(move |request: Request<Incoming>| answer(door.clone(), Guest::enter(&open), peer, request));
    let http = bounded(head);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = until_to_end(&mut stop, &watched, keep_alive) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.ip(), %error, "HTTP/2 connection ended early");
    }
}

fn answer(
    door: Door,
    guest: Guest,
    peer: PeerAddr,
    request: Request<Incoming>,
) -> BoxFuture<'static, Result<Response<EdgeBody>, Infallible>> {
    Box::pin(async move {
        let (head, incoming) = request.into_parts();
        let pace = Pace::of_body(&door.edge().policy().times);
        let (body, intake) = Intake::watch(incoming, Some(pace));
        let arrival = Arrival { peer, secure: true, refused: None, intake };
        let response = door.answer(Request::from_parts(head, body), arrival).await;
        Ok(response.map(|body| held(body, guest)))
    })
}

fn bounded(head_max: usize) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(head_max).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    http
}

/// A request under way, its answer included.
struct Guest(Arc<AtomicUsize>);

impl Guest {
    fn enter(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::AcqRel);
        Self(open.clone())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Done when the process stops, or when nothing has been under way for a whole `keep_alive`.
async fn until_to_end(stop: &mut Stop, open: &AtomicUsize, keep_alive: Duration) {
    let mut quiet_since = Instant::now();
    let idle = async {
        while quiet_since.elapsed() < keep_alive {
            tokio::time::sleep(keep_alive / 8).await;
            if open.load(Ordering::Acquire) > 0 {
                quiet_since = Instant::now();
            }
        }
    };
    tokio::select! {
        () = stop.requested() => {}
        () = idle => {}
    }
}
