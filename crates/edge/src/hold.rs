//! What keeps long answers tied to the right by which they were begun.
//!
//! A request is judged once, when it comes; a WebSocket or a stream of events may then stay open for hours. Comes in: who was admitted,
//! by a route or a gate. Goes out: a [`Tether`], which says when that is over. Must never know: what a session is.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use doorward_config::Access;
use doorward_policy::{CanonicalPath, GatePolicy, Policy, RoutePolicy, Target};
use futures_util::future::{BoxFuture, select};
use http::{Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::watch;

use crate::body::{BoxError, EdgeBody};
use crate::gate::{Credential, GateKeeper};
use crate::stack::Rules;

/// Resolves when what it was made for may stay open no longer. Dropped, it costs nothing more.
pub type Tether = BoxFuture<'static, ()>;

/// Makes a tether; asked only when something does stay open.
pub type Tie<'a> = &'a (dyn Fn() -> Tether + Sync);

/// How long a WebSocket may stay open.
#[derive(Clone, Copy)]
pub struct TunnelTerms<'a> {
    /// From its upgrade to its end.
    pub max_age: Duration,
    /// Without an octet in either direction.
    pub idle: Duration,
    /// Who was let in.
    pub tie: Tie<'a>,
}

impl fmt::Debug for TunnelTerms<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TunnelTerms").field("max_age", &self.max_age).field("idle", &self.idle).finish_non_exhaustive()
    }
}

/// What stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// A WebSocket.
    Tunnel,
    /// A stream of events.
    Events,
}

/// Which request it was that something stays open for.
pub(crate) struct Asked {
    host: Box<str>,
    path: CanonicalPath<'static>,
    kept: Kept,
}

impl Asked {
    pub(crate) fn new(host: &str, path: &CanonicalPath<'_>, kept: Kept) -> Self {
        Self { host: host.into(), path: path.clone().into_owned(), kept }
    }

    /// Where the same request leads under `policy`.
    fn target<'p>(&self, policy: &'p Policy) -> Option<Target<'p>> {
        Some(policy.routes.find(&self.host)?.resolve(&self.path))
    }

    fn passes(&self, websocket: bool) -> bool {
        websocket || self.kept == Kept::Events
    }
}

/// By what somebody passed a gate.
pub(crate) struct GateHold {
    gate: String,
    asked: Asked,
    client: IpAddr,
    credential: Credential,
}

impl GateHold {
    /// `None` when nobody of that name can pass the gate.
    pub(crate) fn new(keeper: &GateKeeper, gate: &GatePolicy, user: &str, client: IpAddr, asked: Asked) -> Option<Self> {
        Some(Self { gate: gate.name.clone(), asked, client, credential: keeper.credential(&gate.name, user)? })
    }

    /// Whether rules that were put in force later would let the same person through from the same address: the request leads to the gate
    /// and the gate to its path, its network holds the client, and its users file has the user with the same hash.
    fn stands(&self, rules: &Rules) -> bool {
        let Some(Target::Gate(gate)) = self.asked.target(&rules.policy) else { return false };
        gate.name == self.gate
            && self.asked.passes(gate.websocket)
            && gate.paths.iter().any(|prefix| self.asked.path.strip_prefix(prefix).is_some())
            && gate.allow.iter().any(|network| network.contains(self.client))
            && rules.gatekeeper.credential(&self.gate, self.credential.user()).as_ref() == Some(&self.credential)
    }
}

/// By what a request passed a route.
pub(crate) struct RouteHold {
    asked: Asked,
    access: Access,
    roles: Vec<String>,
}

impl RouteHold {
    pub(crate) fn new(route: &RoutePolicy, asked: Asked) -> Self {
        Self { asked, access: route.access, roles: route.roles.clone() }
    }

    /// Whether rules that were put in force later still have a route for the request, and one that asks for no more.
    fn stands(&self, rules: &Rules) -> bool {
        let Some(Target::Route(route)) = self.asked.target(&rules.policy) else { return false };
        self.asked.passes(route.websocket) && rank(route.access) <= rank(self.access) && asks_no_more(&route.roles, &self.roles)
    }
}

fn rank(access: Access) -> u8 {
    match access {
        Access::Public => 0,
        Access::Identified => 1,
        Access::SignedIn => 2,
    }
}

/// Whether whoever had one of `before` has one of `now`.
fn asks_no_more(now: &[String], before: &[String]) -> bool {
    now.is_empty() || !before.is_empty() && before.iter().all(|role| now.contains(role))
}

/// Resolves when a reload has put rules in force that would not let the same person through the same gate.
pub(crate) fn gate_ended(changes: watch::Receiver<Arc<Rules>>, held: Option<GateHold>) -> Tether {
    Box::pin(until(changes, move |rules| held.as_ref().is_some_and(|held| held.stands(rules))))
}

/// Resolves when the right of whoever was let in has ended, or a reload has put stricter rules in force.
pub(crate) fn route_ended(changes: watch::Receiver<Arc<Rules>>, held: RouteHold, right: Option<Tether>) -> Tether {
    let changed = until(changes, move |rules| held.stands(rules));
    match right {
        Some(right) => Box::pin(async move {
            select(right, Box::pin(changed)).await;
        }),
        // Whoever was let in as nobody has no right that could end.
        None => Box::pin(changed),
    }
}

/// Resolves with the earlier of the two.
pub(crate) fn earlier(tether: Tether, other: Option<Tether>) -> Tether {
    match other {
        Some(other) => Box::pin(async move {
            select(tether, other).await;
        }),
        None => tether,
    }
}

/// Looks at once as well: a reload may have come between the question at the door and this.
async fn until(mut changes: watch::Receiver<Arc<Rules>>, stands: impl Fn(&Rules) -> bool) {
    let _ = changes.wait_for(|rules| !stands(rules)).await;
}

/// Ends a stream of events, which has no end of its own, with the right by which it was asked for. Every other answer is over when its
/// content is, and is left as it is.
pub(crate) fn tie_events(response: Response<EdgeBody>, tie: Tie<'_>) -> Response<EdgeBody> {
    let kind = response.headers().get(header::CONTENT_TYPE).map_or(&b""[..], http::HeaderValue::as_bytes);
    let essence = kind.split(|octet| *octet == b';').next().unwrap_or_default().trim_ascii();
    if !essence.eq_ignore_ascii_case(b"text/event-stream") {
        return response;
    }
    let ended = tie();
    response.map(|body| TiedBody { body, ended }.boxed_unsync())
}

/// The answer was cut off: who asked for it may not have more of it.
#[derive(Debug, thiserror::Error)]
#[error("the right to the answer has ended")]
struct RightEnded;

struct TiedBody {
    body: EdgeBody,
    ended: Tether,
}

impl Body for TiedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            // For good: a future must not be polled after its end.
            self.ended = Box::pin(std::future::ready(()));
            return Poll::Ready(Some(Err(RightEnded.into())));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
