//! HTTP/1.1 behind the framing guard.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use doorward_kit::PeerAddr;
use doorward_kit::net::Scheme;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::door::Door;
use super::framing::{Guard, GuardRules, Lane};
use super::stop::{Stop, until_quiet};
use crate::body::{EdgeBody, Intake, held};
use crate::layer::limit::{Again, REFUSALS_MAX};
use crate::stack::Arrival;

/// What hyper may hold of one connection. Heads are at most a quarter of it.
const BUFFER_MAX: usize = 64 * 1024;

/// Requests on one connection (HTTP-10). The next one may come over a new connection, where limits are looked at afresh.
const REQUESTS_MAX: u64 = 1000;

/// Serves one connection until it ends or the process stops; a tunnel that it became counts as the same connection (HTTP-11).
pub(super) async fn serve<S>(stream: S, peer: PeerAddr, scheme: Scheme, door: Door, mut stop: Stop)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let lane = Arc::new(Lane::default());
    let policy = door.edge().policy();
    let rules = GuardRules { sizes: policy.sizes, times: policy.times, scheme };
    let fields = rules.sizes.fields;
    drop(policy);
    let (guard, gone) = Guard::new(stream, rules, lane.clone());
    let watched = lane.clone();
    let service = service_fn(move |request| answer(door.clone(), lane.clone(), peer, scheme, request));
    let mut http = hyper::server::conn::http1::Builder::new();
    // The guard has the clock and the limits; hyper's own would answer without our headers.
    http.header_read_timeout(None).max_headers(fields + 1).max_buf_size(BUFFER_MAX);
    let ended = {
        let mut connection = pin!(http.serve_connection(TokioIo::new(guard), service).with_upgrades());
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop.requested() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = until_quiet(|| watched.is_idle()) => Ok(()),
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.ip(), %error, "HTTP/1.1 connection ended early");
    }
    tokio::select! {
        _ = gone => {}
        () = stop.requested() => {}
    }
}

/// Boxed, so that a connection that waits for its next request holds none of what a request needs.
fn answer(
    door: Door,
    lane: Arc<Lane>,
    peer: PeerAddr,
    scheme: Scheme,
    request: Request<Incoming>,
) -> BoxFuture<'static, Result<Response<EdgeBody>, Infallible>> {
    Box::pin(async move {
        let (refused, ticket) = lane.arrive();
        let (head, incoming) = request.into_parts();
        let (body, intake) = Intake::watch(incoming, None);
        let arrival = Arrival { peer, secure: scheme == Scheme::Https, refused, intake: intake.clone() };
        let mut response = door.answer(Request::from_parts(head, body), arrival).await;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            ticket.upgrade();
            return Ok(response);
        }
        // What is left of a body would have to be read before the next head; whoever sends it may not even send it
        // (HTTP-05, HTTP-06).
        let is_refused_again = response.extensions_mut().remove::<Again>().is_some();
        let is_last = lane.arrivals() >= REQUESTS_MAX || is_refused_again && lane.limited() >= REFUSALS_MAX;
        if is_last || refused.is_some() || intake.is_some_and(|intake| !intake.is_whole()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| held(body, ticket)))
    })
}
