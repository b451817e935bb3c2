//! One request on one connection, until the head of its answer; and the only retry on the same address that there is (EDGE-RL-11).

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use doorward_policy::TimePolicy;
use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use tokio::task::coop::unconstrained;

use super::UpstreamFault;
use super::gauge::Gauge;
use super::line::Share;
use super::pool::Pool;
use super::request_body::{BodyFault, RequestBody};
use super::seat::Seat;
use super::timer::LazyTimer;
use super::vigil::Vigil;
use super::wire::Wire;

/// The head of an answer and what its body comes by.
pub(super) type Answer = (Response<Incoming>, Carrier);

/// What carries an exchange.
pub(super) enum Carrier {
    /// A connection of its own.
    Wire(Box<Wire>),
    /// A share of one.
    Shared(Box<Shared>),
}

/// An exchange on a connection that carries others too.
pub(super) struct Shared {
    /// Watches the upstream.
    pub(super) timer: LazyTimer,
    _share: Share,
    _seat: Seat,
}

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// How long the upstream may take.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    pub(super) times: &'a TimePolicy,
    /// In all.
    pub(super) total: Duration,
}

/// How an exchange ended without an answer.
pub(super) enum Failed {
    /// No connection was to be had, and nobody has seen the request.
    Unreached(Box<Request<RequestBody>>, UpstreamFault),
    /// Anything else.
    Fault(UpstreamFault),
}

/// How one attempt on one connection ended without an answer.
enum Failure {
    /// Not an octet of the request was written: it can be sent again, whatever it is.
    Unsent(Box<Request<RequestBody>>),
    /// The connection died before an octet of the answer came.
    Died,
    /// Anything else.
    Fault(UpstreamFault),
}

/// Sends the request over a kept connection or a new one.
///
/// A kept connection may turn out to be dead. If nothing was written, the next one is taken. If the request went out, only one
/// without a body and without an effect (RFC 9110 §9.2.1) is sent once more, on a new connection; anything else is a 502.
pub(super) async fn exchange(
    pool: &Pool,
    seat: Seat,
    mut request: Request<RequestBody>,
    limits: Limits<'_>,
) -> Result<Answer, Failed> {
    while let Some(wire) = pool.take() {
        let spare = copy_if_repeatable(&request);
        match send(wire, request, limits).await {
            Ok(answer) => return Ok(seated(answer, seat)),
            Err(Failure::Unsent(unsent)) => request = *unsent,
            Err(Failure::Died) => {
                request = spare.ok_or(Failed::Fault(UpstreamFault::BadResponse))?;
                break;
            }
            Err(Failure::Fault(fault)) => return Err(Failed::Fault(fault)),
        }
    }
    let wire = match pool.connect(limits.times).await {
        Ok(wire) => wire,
        Err(fault) => return Err(Failed::Unreached(Box::new(request), fault)),
    };
    send(wire, request, limits).await.map(|answer| seated(answer, seat)).map_err(Failed::from)
}

fn seated((response, mut wire): (Response<Incoming>, Box<Wire>), seat: Seat) -> Answer {
    wire.seat = Some(seat);
    (response, Carrier::Wire(wire))
}

/// The same over HTTP/2. A connection that turns out to be closed has sent nothing; then there is one more try.
pub(super) async fn exchange_shared(
    pool: &Pool,
    seat: Seat,
    request: Request<RequestBody>,
    limits: Limits<'_>,
) -> Result<Answer, Failed> {
    let share = match pool.share(limits.times).await {
        Ok(share) => share,
        Err(fault) => return Err(Failed::Unreached(Box::new(request), fault)),
    };
    match send_shared(share, request, limits).await {
        Ok((response, timer, share)) => Ok((response, Carrier::Shared(Box::new(Shared { timer, _share: share, _seat: seat })))),
        Err(Failure::Unsent(unsent)) => {
            let share = match pool.share(limits.times).await {
                Ok(share) => share,
                Err(fault) => return Err(Failed::Unreached(unsent, fault)),
            };
            let (response, timer, share) = send_shared(share, *unsent, limits).await?;
            Ok((response, Carrier::Shared(Box::new(Shared { timer, _share: share, _seat: seat }))))
        }
        Err(failure) => Err(failure.into()),
    }
}

impl From<Failure> for Failed {
    /// When there is no further attempt.
    fn from(failure: Failure) -> Self {
        Self::Fault(match failure {
            Failure::Fault(fault) => fault,
            Failure::Unsent(_) | Failure::Died => UpstreamFault::BadResponse,
        })
    }
}

fn copy_if_repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    let repeatable = request.body().is_empty() && matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !repeatable {
        return None;
    }
    let mut copy = Request::new(RequestBody::new(None, 0));
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

async fn send(
    mut wire: Box<Wire>,
    mut request: Request<RequestBody>,
    limits: Limits<'_>,
) -> Result<(Response<Incoming>, Box<Wire>), Failure> {
    wire.gauge.begin();
    let gauge = Arc::clone(&wire.gauge);
    request.body_mut().watched_by(&gauge);
    let mut vigil = Vigil::begin(limits, &gauge, &mut wire.timer);
    // Only our own polling of the connection fills the answer in, so the answer itself needs neither waker nor budget.
    let mut answer = pin!(unconstrained(wire.sender.try_send_request(request)));
    let sent: Option<Result<Sent, UpstreamFault>> = poll_fn(|cx| {
        let ended = wire.poll_connection(cx).is_ready();
        if let Poll::Ready(sent) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Poll::Ready(Some(Ok(sent)));
        }
        if ended {
            return Poll::Ready(None);
        }
        vigil.poll(&mut wire.timer, &gauge, cx).map(|fault| Some(Err(fault)))
    })
    .await;
    let Some(sent) = sent else {
        // The other side had hung up while the connection waited in the pool: hyper ends it in peace and leaves the request in its queue,
        // which gives it back when the connection goes.
        drop(wire);
        return match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Err(error)) => Err(classify(error, &gauge)),
            _ => Err(Failure::Fault(UpstreamFault::BadResponse)),
        };
    };
    match sent {
        Ok(Ok(response)) => {
            wire.gauge.note_head();
            Ok((response, wire))
        }
        Ok(Err(error)) => Err(classify(error, &wire.gauge)),
        Err(fault) => Err(Failure::Fault(fault)),
    }
}

async fn send_shared(
    share: Share,
    mut request: Request<RequestBody>,
    limits: Limits<'_>,
) -> Result<(Response<Incoming>, LazyTimer, Share), Failure> {
    let gauge = Arc::new(Gauge::watched());
    request.body_mut().watched_by(&gauge);
    let mut timer = LazyTimer::new(limits.times.first_byte);
    let mut vigil = Vigil::begin(limits, &gauge, &mut timer);
    let mut sender = share.sender();
    let mut answer = pin!(sender.try_send_request(request));
    let sent: Result<Sent, UpstreamFault> = poll_fn(|cx| {
        if let Poll::Ready(sent) = answer.as_mut().poll(cx) {
            return Poll::Ready(Ok(sent));
        }
        vigil.poll(&mut timer, &gauge, cx).map(Err)
    })
    .await;
    match sent {
        Ok(Ok(response)) => Ok((response, timer, share)),
        Ok(Err(error)) => match classify(error, &gauge) {
            // Nothing counts octets of a shared connection for one exchange.
            Failure::Died => Err(Failure::Fault(UpstreamFault::BadResponse)),
            failure => Err(failure),
        },
        Err(fault) => Err(Failure::Fault(fault)),
    }
}

fn classify(mut error: TrySendError<Request<RequestBody>>, gauge: &Gauge) -> Failure {
    if let Some(unsent) = error.take_message() {
        return Failure::Unsent(Box::new(unsent));
    }
    let error = error.into_error();
    match error.source().and_then(|source| source.downcast_ref::<BodyFault>()) {
        Some(BodyFault::TooLarge) => return Failure::Fault(UpstreamFault::BodyTooLarge),
        Some(BodyFault::Client(_)) => return Failure::Fault(UpstreamFault::ClientGone),
        None => {}
    }
    if gauge.is_untouched() {
        return Failure::Died;
    }
    tracing::warn!(%error, "upstream's answer is not valid");
    Failure::Fault(UpstreamFault::BadResponse)
}
