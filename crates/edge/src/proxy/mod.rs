//! The way to what stands behind the door.
//!
//! Comes in: a request that was decided, and a [`ForwardPlan`]. Goes out: the upstream's answer, streaming, without what belongs to
//! the hop; or an [`UpstreamFault`]. Must never know: routes, sessions, gates, headers of the policy.

use doorward_kit::RequestContext;
use doorward_policy::{SizePolicy, TimePolicy, UpstreamPolicy};
use http::{HeaderName, HeaderValue, Request, Response};

use crate::body::EdgeBody;

/// Forwards requests; holds the pools.
#[derive(Debug)]
pub struct Forwarder {
    times: TimePolicy,
    sizes: SizePolicy,
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
        Self { times, sizes }
    }

    /// Sends the request where the plan says.
    ///
    /// # Errors
    /// [`UpstreamFault`].
    pub async fn forward(&self, _request: Request<EdgeBody>, _plan: ForwardPlan<'_>) -> Result<Response<EdgeBody>, UpstreamFault> {
        let _ = (self.times, self.sizes);
        std::future::ready(Err(UpstreamFault::Connect)).await
    }
}
