//! What the edge asks of others. `doorward`'s wiring plugs in the accounts application; tests plug in what they like.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::{Host, RequestContext};
use doorward_policy::{GatePolicy, RoutePolicy};
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response, request::Parts};
use tower::util::BoxCloneSyncService;

use crate::body::EdgeBody;
use crate::hold::Tether;
use crate::tls::Identity;

/// The accounts application. Requests carry a [`RequestContext`] in their extensions.
pub type AppService = BoxCloneSyncService<Request<EdgeBody>, Response<EdgeBody>, Infallible>;

/// Decides who may pass an `identified` or `signed-in` route: session and CSRF check in process.
pub trait Admission: Send + Sync + 'static {
    /// Looks at the head alone; called before any octet of the body is read or any upstream is contacted.
    fn admit<'a>(&'a self, head: &'a Parts, context: &'a RequestContext, route: &'a RoutePolicy) -> BoxFuture<'a, Admitted>;

    /// Resolves when what was opened on that route by somebody who was identified with `bond` may stay open no longer. Asked only for what
    /// does stay open: WebSockets and streams of events.
    fn ended(&self, bond: Bond, route: &RoutePolicy) -> Tether;

    /// Looks for the operator session at a gate that asks for one; called after allowlist and basic auth, so that nobody else learns that
    /// it does.
    fn operator<'a>(&'a self, knock: GateKnock<'a>) -> BoxFuture<'a, OperatorAdmitted>;

    /// As [`Self::ended`], for what was let in by [`Self::operator`].
    fn operator_ended(&self, bond: Bond) -> Tether;
}

/// A request that has passed a gate's allowlist and basic auth.
#[derive(Debug, Clone, Copy)]
pub struct GateKnock<'a> {
    /// Its head.
    pub head: &'a Parts,
    /// What the edge knows of it.
    pub context: &'a RequestContext,
    /// Which gate.
    pub gate: &'a GatePolicy,
    /// Canonical.
    pub path: &'a str,
    /// As sent.
    pub query: Option<&'a str>,
    /// Whether a person's browser goes there, so that it may be led elsewhere first.
    pub is_navigation: bool,
}

/// The answer of [`Admission::operator`].
#[derive(Debug, Clone)]
#[must_use]
pub enum OperatorAdmitted {
    /// Pass as an operator.
    Passed {
        /// Set upstream, after every client copy was removed.
        fields: Arc<[(HeaderName, HeaderValue)]>,
        /// What [`Admission::operator_ended`] is asked with.
        bond: Bond,
    },
    /// Go elsewhere first: 303.
    Led {
        /// Where: the site, or a path of the gate.
        location: HeaderValue,
        /// Values of `Set-Cookie`.
        cookies: Vec<HeaderValue>,
    },
    /// Do not pass.
    Refused(Refusal),
}

/// By what somebody was identified; means something to whoever made it, and nothing to the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bond(pub [u8; 16]);

/// The answer of [`Admission`].
#[derive(Debug, Clone)]
#[must_use]
pub enum Admitted {
    /// Pass without identity.
    Anonymous,
    /// Pass as somebody.
    Identified {
        /// Set upstream, after every client copy was removed.
        fields: Arc<[(HeaderName, HeaderValue)]>,
        /// Values of `Set-Cookie` for the answer, whatever it will be: a credential that was replaced is lost with them.
        cookies: Vec<HeaderValue>,
        /// What [`Admission::ended`] is asked with.
        bond: Bond,
    },
    /// Do not pass.
    Refused(Refusal),
}

/// Why a request does not pass, and so how it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 401 `Not authenticated`, or 303 to sign-in for a browser's navigation.
    NotAuthenticated,
    /// 403 `CSRF failed`.
    Csrf,
    /// 429 `Rate limited`: whoever keeps the counts has told the trail.
    Throttled {
        /// For `Retry-After`.
        retry_after: Duration,
    },
    /// 400 `Invalid request`: the session cookie came twice (SES-04).
    DuplicateCookie,
    /// 403 `Forbidden`: signed in, without the role that the route asks for.
    Forbidden,
    /// 403 `Second factor required`, or 303 to the account for a browser's navigation: an operator's session that has shown none (D-14).
    SecondFactor,
    /// 503 `Service unavailable`: the store cannot tell (SES-19).
    Unavailable,
    /// 401 `Operator session required`, at a gate.
    NoOperatorSession,
    /// 400 `Invalid request`: a hand-over to a gate that is not good, for whatever cause.
    HandOver,
}

/// Something that the audit trail should know. Recording must never make a request wait.
#[derive(Debug, Clone)]
pub struct EdgeEvent {
    /// What.
    pub kind: EdgeEventKind,
    /// From whom.
    pub context: RequestContext,
    /// Canonical host, or empty when unknown.
    pub host: String,
    /// Method, or `unknown`; empty when the event is about many requests.
    pub method: String,
    /// `User-Agent` as sent.
    pub user_agent: Option<String>,
    /// A word from a closed set.
    pub reason: &'static str,
    /// Gate, for gate events.
    pub gate: Option<String>,
    /// User name, only when it was proved.
    pub user: Option<String>,
    /// How many requests the event is about, when they were counted; `None` for the one of `context`.
    pub count: Option<u64>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EdgeEventKind {
    /// Passed a gate.
    GateAllowed,
    /// Stopped at a gate.
    GateDenied,
    /// First refusal of a key in a window, or the count of those that followed in it (EDGE-RL-12).
    RateLimited,
    /// Framing, target or host was refused.
    ProxyRejected,
}

/// Where [`EdgeEvent`]s go.
pub trait EdgeAudit: Send + Sync + 'static {
    /// Takes the event; drops or folds it when overwhelmed, never blocks.
    fn record(&self, event: EdgeEvent);
}

/// What waits to be proved to a certification authority. Both are asked by strangers: they look something up in memory and never block.
pub trait Challenges: std::fmt::Debug + Send + Sync + 'static {
    /// The key authorization of a token that is pending for this host (RFC 8555 §8.3).
    fn http_01(&self, host: &Host, token: &str) -> Option<String>;

    /// The certificate that proves this name (RFC 8737 §3), made by [`crate::tls::proof`]; the name is as the handshake has it, in lower
    /// case.
    fn tls_alpn_01(&self, name: &str) -> Option<Identity>;
}

/// Nothing is ever proved: certificates come from elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoChallenges;

impl Challenges for NoChallenges {
    fn http_01(&self, _: &Host, _: &str) -> Option<String> {
        None
    }

    fn tls_alpn_01(&self, _: &str) -> Option<Identity> {
        None
    }
}
