//! HTTP/2 with bounds on everything a stranger can make us hold (HTTP-09).

use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;

use doorward_kit::PeerAddr;
use doorward_policy::TimePolicy;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

use super::door::Door;
use super::framing::Pace;
use super::guests::{Guest, Guests};
use super::meter::Meter;
use super::stop::{Stop, until_quiet};
use crate::body::{EdgeBody, Intake};
use crate::layer::limit::Again;
use crate::stack::Arrival;

const STREAMS_MAX: u32 = 100;
/// Streams that were reset before we took them up; more are a Rapid Reset (CVE-2023-44487).
const PENDING_RESETS_MAX: usize = 20;
/// Streams that we had to reset for the client's faults; more are MadeYouReset (CVE-2025-8671).
const LOCAL_RESETS_MAX: usize = 128;
const STREAM_WINDOW: u32 = 256 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const SEND_BUFFER_MAX: usize = 64 * 1024;
/// How long a client that takes no answer may take the word that this is the end.
const FAREWELL: Duration = Duration::from_secs(1);
const PING_EVERY: Duration = Duration::from_secs(20);

/// Serves one connection until it ends, idles, stalls or the process stops.
pub(super) async fn serve<S>(stream: S, peer: PeerAddr, door: Door, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let policy = door.edge().policy();
    let (head, times) = (policy.sizes.head, policy.times);
    drop(policy);
    let guests = Guests::default();
    let watched = guests.clone();
    let service = service_fn(move |request: Request<Incoming>| answer(door.clone(), guests.enter(), peer, request));
    let http = bounded(head);
    let mut connection = pin!(http.serve_connection(TokioIo::new(Meter::new(stream)), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        end = until_to_end(&mut stop, &watched, &times) => {
            connection.as_mut().graceful_shutdown();
            match end {
                End::Stop => tokio::select! {
                    ended = connection => ended,
                    () = until_quiet(|| watched.is_empty()) => Ok(()),
                },
                // What a client does not take is given up with it.
                End::Idle => timeout(times.body_idle, connection).await.unwrap_or(Ok(())),
                End::Stalled | End::Unwelcome => timeout(FAREWELL, connection).await.unwrap_or(Ok(())),
            }
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
        let mut response = door.answer(Request::from_parts(head, body), arrival).await;
        if response.extensions_mut().remove::<Again>().is_some() {
            guest.limited();
        }
        Ok(response.map(|body| guest.watch(body)))
    })
}

/// The library refuses a head that is too large without a header of ours, so it gets twice what `layer::target` lets pass.
fn bounded(head_max: usize) -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(head_max * 2).unwrap_or(u32::MAX))
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(LOCAL_RESETS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    http
}

/// Why a connection is ended.
enum End {
    /// The process stops: whatever is under way may end first.
    Stop,
    /// Nothing has been under way for a while.
    Idle,
    /// An answer is under way that its client does not take.
    Stalled,
    /// Limits refuse one request after the other.
    Unwelcome,
}

async fn until_to_end(stop: &mut Stop, guests: &Guests, times: &TimePolicy) -> End {
    // The connection goes with its stalled stream, so it gets twice what a connection of HTTP/1.1 gets.
    let (keep_alive, patience) = (times.keep_alive, times.body_idle * 2);
    let mut quiet_since = Instant::now();
    loop {
        tokio::select! {
            () = stop.requested() => return End::Stop,
            () = guests.unwelcome() => return End::Unwelcome,
            () = tokio::time::sleep(keep_alive.min(patience) / 8) => {}
        }
        if guests.is_stalled(patience) {
            return End::Stalled;
        }
        if !guests.is_empty() {
            quiet_since = Instant::now();
        } else if quiet_since.elapsed() >= keep_alive {
            return End::Idle;
        }
    }
}
