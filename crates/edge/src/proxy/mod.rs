//! The way to what stands behind the door.
//!
//! Comes in: a request that was decided, and a [`ForwardPlan`]. Goes out: the upstream's answer, streaming, without what belongs to
//! the hop; or an [`UpstreamFault`]. Must never know: routes, sessions, gates, headers of the policy.
//!
//! A connection to an upstream lives in the task of the request that uses it: the exchange drives it until the head of the answer
//! is there, the response body drives it until its end, and between two requests it waits in the pool. A client that goes away
//! drops the body, the body drops the connection, and the upstream notices (HTTP-17).

mod allowance;
mod breaker;
mod budget;
mod choice;
mod cookie;
mod credential;
mod dialer;
mod exchange;
mod field;
mod files;
mod gauge;
mod group;
mod head;
mod line;
mod link;
mod location;
mod outlier;
mod pool;
mod probe;
mod request_body;
mod response_body;
mod roster;
mod seat;
mod stream_body;
mod timer;
mod tunnel;
mod vigil;
mod websocket;
mod wire;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use arc_swap::ArcSwap;
use doorward_config::{Servers, UpstreamTarget};
use doorward_kit::RequestContext;
use doorward_policy::{SizePolicy, TimePolicy, UpstreamPolicy};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::body::{EdgeBody, empty};
use crate::hold::TunnelTerms;
use crate::metrics::{Exposition, Kind, gauge as gauge_of};
use allowance::Allowance;
pub use credential::{UnspeakableSecret, UpstreamSecrets};
use exchange::Carrier;
use group::Group;
use request_body::RequestBody;
use response_body::ResponseBody;
use roster::Roster;
use stream_body::StreamBody;
use websocket::Upgrade;

pub use dialer::ConnectorError;
pub use roster::{UpstreamError, Upstreams};

/// The faults of upstreams that are counted; all others are the client's.
const FAULTS: [(UpstreamFault, &str); 3] =
    [(UpstreamFault::Connect, "connect"), (UpstreamFault::Timeout, "timeout"), (UpstreamFault::BadResponse, "bad_response")];

/// Forwards requests; holds the pools.
pub struct Forwarder {
    times: TimePolicy,
    sizes: SizePolicy,
    roster: ArcSwap<Roster>,
    secrets: Arc<ArcSwap<UpstreamSecrets>>,
    open: Arc<AtomicI64>,
    tags: Arc<files::Tags>,
    faults: [AtomicU64; FAULTS.len()],
    unavailable: AtomicU64,
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
    /// Whether a WebSocket upgrade may pass, and how long it may stay.
    pub tunnel: Option<TunnelTerms<'a>>,
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
    /// No address may get the request at the moment, or none had room in time: 503.
    #[error("the upstream takes no requests at the moment")]
    Unavailable {
        /// When it is worth to come back.
        retry_after: Duration,
    },
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
        Self {
            times,
            sizes,
            roster: ArcSwap::default(),
            secrets: Arc::default(),
            open: Arc::default(),
            tags: Arc::default(),
            faults: Default::default(),
            unavailable: AtomicU64::new(0),
        }
    }

    /// Takes what each upstream knows the door by, in place of what was taken before.
    pub fn entrust(&self, secrets: UpstreamSecrets) {
        self.secrets.store(Arc::new(secrets));
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
        out.sample(&[("fault", "unavailable")], self.unavailable.load(Relaxed));
        self.write_groups(out);
    }

    /// By names and addresses of the configuration, which is as long as it is.
    fn write_groups(&self, out: &mut Exposition) {
        let roster = self.roster.load();
        let addresses = || {
            roster.current().iter().flat_map(|group| {
                group.pools.iter().zip(group.servers.urls()).map(|(pool, url)| (group.name.as_str(), url, pool))
            })
        };
        out.family("doorward_upstream_requests", Kind::Gauge, "Requests under way, tunnels included.");
        for (name, url, pool) in addresses() {
            out.sample_configured(&[("upstream", name), ("address", &url)], pool.seats.taken().into());
        }
        out.family(
            "doorward_upstream_fit",
            Kind::Gauge,
            "Whether the address gets requests: neither unwell nor left out for failing.",
        );
        for (name, url, pool) in addresses() {
            out.sample_configured(&[("upstream", name), ("address", &url)], pool.is_fit().into());
        }
        out.family("doorward_upstream_refusing", Kind::Gauge, "Whether requests are refused until one gets through.");
        for group in roster.current() {
            out.sample_configured(&[("upstream", &group.name)], group.is_open().into());
        }
        out.family("doorward_upstream_retries_total", Kind::Counter, "Requests that went to a second address.");
        for group in roster.current() {
            out.sample_configured(&[("upstream", &group.name)], group.retries());
        }
    }

    /// Takes over the upstreams of a configuration. Addresses that stay keep their connections; what is under way on others ends there.
    /// Health checks begin, so it needs the runtime. Not to be called by two at once.
    pub fn adopt(&self, upstreams: &Upstreams) {
        self.roster.store(Arc::new(self.roster.load().succeed(upstreams, self.times, &self.open, &self.secrets)));
    }

    /// Sends the request where the plan says.
    ///
    /// # Errors
    /// [`UpstreamFault`].
    pub async fn forward(&self, request: Request<EdgeBody>, plan: ForwardPlan<'_>) -> Result<Response<EdgeBody>, UpstreamFault> {
        let answer = match &plan.upstream.target {
            UpstreamTarget::Servers(servers) => self.proxy(request, &plan, &self.group(&plan.upstream.name, servers)).await,
            UpstreamTarget::Files { root } => files::serve(request, &plan, root, &self.tags).await,
        };
        if let Err(UpstreamFault::Unavailable { .. }) = &answer {
            self.unavailable.fetch_add(1, Relaxed);
        } else if let Some(index) = answer.as_ref().err().and_then(|fault| FAULTS.iter().position(|(other, _)| other == fault)) {
            self.faults[index].fetch_add(1, Relaxed);
        }
        answer
    }

    async fn proxy(
        &self,
        request: Request<EdgeBody>,
        plan: &ForwardPlan<'_>,
        group: &Group,
    ) -> Result<Response<EdgeBody>, UpstreamFault> {
        let (mut parts, body) = request.into_parts();
        if body.size_hint().lower() > self.sizes.upstream_body {
            return Err(UpstreamFault::BodyTooLarge);
        }
        let body = self.settled(body).await?;
        let body = RequestBody::new((!body.is_end_stream()).then_some(body), self.sizes.upstream_body);
        let upgrade = Upgrade::wanted(&mut parts, plan)?;
        let takes_trailers = group.is_http2() && field::has_token(&parts.headers, &header::TE, b"trailers");
        head::prepare_request(&mut parts, plan, !body.is_empty())?;
        self.secrets.load().write(&plan.upstream.name, &mut parts.headers);
        let body = if group.is_http2() {
            head::lift_to_http2(&mut parts, takes_trailers)?;
            body.with_trailers()
        } else {
            if upgrade.is_some() {
                Upgrade::ask(&mut parts.headers);
            }
            body
        };
        let (pool, (mut response, carrier)) = group.send(Request::from_parts(parts, body), &self.times).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let (Some(upgrade), Carrier::Wire(wire)) = (upgrade, carrier) else { return Err(UpstreamFault::BadResponse) };
            return Ok(upgrade.accept(response, wire).await?.map(|()| empty()));
        }
        let limit = group.servers.time_limit;
        let allowance = |waited| Allowance::new(response.headers(), &self.times, limit, waited);
        let allowance = match &carrier {
            _ if response.body().is_end_stream() => allowance(Duration::ZERO),
            Carrier::Wire(wire) => allowance(wire.timer.since_armed()),
            Carrier::Shared(shared) => allowance(shared.timer.since_armed()),
        };
        head::clean_response(response.headers_mut(), &pool, plan)?;
        // What hyper keeps beside the head, such as an unusual reason phrase, is the upstream's talk.
        response.extensions_mut().clear();
        Ok(match carrier {
            Carrier::Wire(wire) => response.map(|incoming| ResponseBody::new(incoming, wire, pool, allowance).boxed_unsync()),
            Carrier::Shared(shared) => response.map(|incoming| StreamBody::new(incoming, shared, allowance).boxed_unsync()),
        })
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

    /// The group of exactly these servers; made when it is first asked for, unless it was adopted.
    fn group(&self, name: &str, servers: &Arc<Servers>) -> Arc<Group> {
        if let Some(group) = self.roster.load().find(name, servers) {
            return group.clone();
        }
        let fresh = Group::new(name, servers, None, None, &self.open);
        self.roster.rcu(|roster| match roster.find(name, servers) {
            Some(_) => Roster::clone(roster),
            None => roster.with(fresh.clone()),
        });
        self.roster.load().find(name, servers).cloned().unwrap_or(fresh)
    }
}

impl fmt::Debug for Forwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarder").field("times", &self.times).field("sizes", &self.sizes).finish_non_exhaustive()
    }
}
