//! The way to what stands behind the door.
//!
//! Comes in: a request that was decided, and a [`ForwardPlan`]. Goes out: the upstream's answer, streaming, without what belongs to
//! the hop; or an [`UpstreamFault`]. Must never know: routes, sessions, gates, headers of the policy.
//!
//! A connection to an upstream lives in the task of the request that uses it: the exchange drives it until the head of the answer
//! is there, the response body drives it until its end, and between two requests it waits in the pool. A client that goes away
//! drops the body, the body drops the connection, and the upstream notices (HTTP-17).

mod cookie;
mod exchange;
mod field;
mod files;
mod gauge;
mod head;
mod location;
mod pool;
mod request_body;
mod response_body;
mod timer;
mod websocket;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use doorward_config::UpstreamTarget;
use doorward_kit::{Host, RequestContext};
use doorward_policy::{SizePolicy, TimePolicy, UpstreamPolicy};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::body::{EdgeBody, empty};
use crate::metrics::{Exposition, Kind, gauge as gauge_of};
use pool::Pool;
use request_body::RequestBody;
use response_body::ResponseBody;
use websocket::Upgrade;

/// The faults of upstreams that are counted; all others are the client's.
const FAULTS: [(UpstreamFault, &str); 3] =
    [(UpstreamFault::Connect, "connect"), (UpstreamFault::Timeout, "timeout"), (UpstreamFault::BadResponse, "bad_response")];

/// Forwards requests; holds the pools.
pub struct Forwarder {
    times: TimePolicy,
    sizes: SizePolicy,
    pools: ArcSwap<Vec<Arc<Pool>>>,
    open: Arc<AtomicI64>,
    tags: Arc<files::Tags>,
    faults: [AtomicU64; FAULTS.len()],
}

/// Where a request goes and what it carries.
#[derive(Debug, Clone, Copy)]
pub struct ForwardPlan<'a> {
    /// What stands there.
    pub upstream: &'a UpstreamPolicy,
    /// Canonical path, prefix already cut off; starts with `/`.
    pub path: &'a str,
    /// Query as received, without `?`.
    pub query: Option<&'a str>,
    /// Who asks.
    pub context: &'a RequestContext,
    /// The host that the client asked for, canonical and configured, IPv6 in brackets.
    pub external_host: &'a str,
    /// The port that the client reached.
    pub external_port: u16,
    /// Identity fields that the application made.
    pub identity: &'a [(HeaderName, HeaderValue)],
    /// Whether a WebSocket upgrade may pass.
    pub websocket: bool,
    /// Whether `Authorization` was the gate's and stays here (GATE-18).
    pub remove_authorization: bool,
}

/// Why there is no answer of an upstream, named by who is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamFault {
    /// The upstream cannot be reached: 502.
    #[error("the upstream cannot be reached")]
    Connect,
    /// The upstream is too slow: 504.
    #[error("the upstream did not answer in time")]
    Timeout,
    /// The upstream hung up or what it sent is not HTTP: 502.
    #[error("the upstream's answer is not valid")]
    BadResponse,
    /// Files know only GET and HEAD: 405.
    #[error("the method is not supported there")]
    Unsupported,
    /// No such file: 404.
    #[error("there is no such file")]
    NotFound,
    /// A WebSocket upgrade asked for by a foreign page: 403 (CSRF-18).
    #[error("the upgrade comes from another site")]
    CrossSite,
    /// The client sends more than it may: 413.
    #[error("the request body is too large")]
    BodyTooLarge,
    /// The client went away in the middle of its body; nobody reads the answer.
    #[error("the client went away")]
    ClientGone,
}

impl Forwarder {
    /// Makes a forwarder without connections.
    #[must_use]
    pub fn new(times: TimePolicy, sizes: SizePolicy) -> Self {
        Self { times, sizes, pools: ArcSwap::default(), open: Arc::default(), tags: Arc::default(), faults: Default::default() }
    }

    /// Writes what was counted so far.
    pub(crate) fn write_metrics(&self, out: &mut Exposition) {
        out.family(
            "doorward_upstream_connections",
            Kind::Gauge,
            "Open connections to upstreams, waiting ones and tunnels included.",
        );
        out.sample(&[], gauge_of(&self.open));
        out.family(
            "doorward_upstream_failures_total",
            Kind::Counter,
            "Requests that got no answer of an upstream, by its fault.",
        );
        for ((_, word), count) in FAULTS.iter().zip(&self.faults) {
            out.sample(&[("fault", *word)], count.load(Relaxed));
        }
    }

    /// Sends the request where the plan says.
    ///
    /// # Errors
    /// [`UpstreamFault`].
    pub async fn forward(&self, request: Request<EdgeBody>, plan: ForwardPlan<'_>) -> Result<Response<EdgeBody>, UpstreamFault> {
        let answer = match &plan.upstream.target {
            UpstreamTarget::Http { host, port } => self.proxy(request, &plan, &self.pool(host, *port)).await,
            UpstreamTarget::Files { root } => files::serve(request, &plan, root, &self.tags).await,
        };
        if let Some(index) = answer.as_ref().err().and_then(|fault| FAULTS.iter().position(|(other, _)| other == fault)) {
            self.faults[index].fetch_add(1, Relaxed);
        }
        answer
    }

    async fn proxy(
        &self,
        request: Request<EdgeBody>,
        plan: &ForwardPlan<'_>,
        pool: &Arc<Pool>,
    ) -> Result<Response<EdgeBody>, UpstreamFault> {
        let (mut parts, body) = request.into_parts();
        if body.size_hint().lower() > self.sizes.upstream_body {
            return Err(UpstreamFault::BodyTooLarge);
        }
        let body = self.settled(body).await?;
        let body = RequestBody::new((!body.is_end_stream()).then_some(body), self.sizes.upstream_body);
        let upgrade = Upgrade::wanted(&mut parts, plan)?;
        head::prepare_request(&mut parts, plan, !body.is_empty())?;
        if upgrade.is_some() {
            Upgrade::ask(&mut parts.headers);
        }
        let (mut response, wire) = exchange::exchange(pool, Request::from_parts(parts, body), &self.times).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let upgrade = upgrade.ok_or(UpstreamFault::BadResponse)?;
            return Ok(upgrade.accept(response, wire).await?.map(|()| empty()));
        }
        head::clean_response(response.headers_mut(), pool, plan)?;
        // What hyper keeps beside the head, such as an unusual reason phrase, is the upstream's talk.
        response.extensions_mut().clear();
        Ok(response.map(|incoming| ResponseBody::new(incoming, wire, pool.clone(), self.times.body_idle).boxed_unsync()))
    }

    /// Waits for the end of a body that is announced as empty and still open: on HTTP/2 octets may follow that make the request malformed,
    /// and what is malformed is not forwarded (RFC 9113 §8.1.1). Every other body is left as it is.
    async fn settled(&self, body: EdgeBody) -> Result<EdgeBody, UpstreamFault> {
        if body.is_end_stream() || body.size_hint().exact() != Some(0) {
            return Ok(body);
        }
        let read = tokio::time::timeout(self.times.body_idle, body.collect()).await;
        let Ok(Ok(collected)) = read else { return Err(UpstreamFault::ClientGone) };
        if collected.to_bytes().is_empty() { Ok(empty()) } else { Err(UpstreamFault::ClientGone) }
    }

    /// The pool for exactly this address; made when it is first asked for.
    fn pool(&self, host: &Host, port: u16) -> Arc<Pool> {
        let find = |pools: &[Arc<Pool>]| pools.iter().find(|pool| pool.port == port && pool.host == *host).cloned();
        if let Some(pool) = find(&self.pools.load()) {
            return pool;
        }
        self.pools.rcu(|pools| match find(pools) {
            Some(_) => Vec::clone(pools),
            None => pools.iter().cloned().chain([Pool::new(host.clone(), port, self.open.clone())]).collect(),
        });
        find(&self.pools.load()).unwrap_or_else(|| Pool::new(host.clone(), port, self.open.clone()))
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("times", &self.times).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}
