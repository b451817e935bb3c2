//! What keeps long answers tied to the right by which they were begun.
//!
//! A request is judged once, when it comes; a WebSocket or a stream of events may then stay open for hours. Comes in: who was admitted,
//! by a route or a gate. Goes out: a [`Tether`], which says when that is over. Must never know: what a session is.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use doorward_policy::{GatePolicy, Policy};
use futures_util::future::BoxFuture;
use http::{Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;

use crate::body::{BoxError, EdgeBody};
use crate::gate::{Credential, GateKeeper};

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

/// By what somebody passed a gate.
pub(crate) struct GateHold {
    gate: String,
    client: IpAddr,
    credential: Credential,
}

impl GateHold {
    /// `None` when nobody of that name can pass the gate.
    pub(crate) fn new(keeper: &GateKeeper, gate: &GatePolicy, user: &str, client: IpAddr) -> Option<Self> {
        Some(Self { gate: gate.name.clone(), client, credential: keeper.credential(&gate.name, user)? })
    }

    /// Whether rules that were put in force later would let the same person through from the same address: the gate is there, its
    /// network holds the client, and its users file has the user with the same hash.
    pub(crate) fn stands(&self, policy: &Policy, keeper: &GateKeeper) -> bool {
        let mut gates = policy.routes.entries().iter().filter_map(|entry| entry.gate());
        gates.find(|gate| gate.name == self.gate).is_some_and(|gate| {
            gate.allow.iter().any(|network| network.contains(self.client))
                && keeper.credential(&self.gate, self.credential.user()).as_ref() == Some(&self.credential)
        })
    }
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
