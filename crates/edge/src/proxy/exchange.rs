//! One request on one connection, until the head of its answer; and the only retry there is (EDGE-RL-11).

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
use super::pool::Pool;
use super::request_body::{BodyFault, RequestBody};
use super::wire::Wire;

/// Whoever watches the client's body says first that it is too slow, and says it better (408).
const PRECEDENCE: Duration = Duration::from_secs(1);

/// The head of an answer and the connection that its body comes from.
pub(super) type Answer = (Response<Incoming>, Box<Wire>);

type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// How an exchange ended without an answer.
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
    mut request: Request<RequestBody>,
    times: &TimePolicy,
) -> Result<Answer, UpstreamFault> {
    while let Some(wire) = pool.take() {
        let spare = copy_if_repeatable(&request);
        match send(wire, request, times).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Unsent(unsent)) => request = *unsent,
            Err(Failure::Died) => {
                request = spare.ok_or(UpstreamFault::BadResponse)?;
                break;
            }
            Err(Failure::Fault(fault)) => return Err(fault),
        }
    }
    let wire = pool.connect(times).await?;
    send(wire, request, times).await.map_err(|failure| match failure {
        Failure::Fault(fault) => fault,
        Failure::Unsent(_) | Failure::Died => UpstreamFault::BadResponse,
    })
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

/// How long nothing may happen.
fn patience(gauge: &Gauge, times: &TimePolicy) -> Duration {
    if gauge.is_sent() { times.first_byte } else { times.body_idle + PRECEDENCE }
}

async fn send(mut wire: Box<Wire>, mut request: Request<RequestBody>, times: &TimePolicy) -> Result<Answer, Failure> {
    wire.gauge.begin();
    let gauge = Arc::clone(&wire.gauge);
    request.body_mut().watched_by(&gauge);
    let mut progress = gauge.progress();
    wire.timer.arm(patience(&gauge, times));
    // Only our own polling of the connection fills the answer in, so the answer itself needs neither waker nor budget.
    let mut answer = pin!(unconstrained(wire.sender.try_send_request(request)));
    let sent: Result<Sent, UpstreamFault> = poll_fn(|cx| {
        let ended = wire.poll_connection(cx).is_ready();
        if let Poll::Ready(sent) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Poll::Ready(Ok(sent));
        }
        if ended {
            return Poll::Ready(Err(UpstreamFault::BadResponse));
        }
        if progress != gauge.progress() {
            progress = gauge.progress();
            wire.timer.arm(patience(&gauge, times));
        }
        wire.timer
            .poll_expired(cx)
            .map(|()| Err(if gauge.is_client_silent() { UpstreamFault::ClientGone } else { UpstreamFault::Timeout }))
    })
    .await;
    match sent {
        Ok(Ok(response)) => {
            wire.gauge.note_head();
            Ok((response, wire))
        }
        Ok(Err(error)) => Err(classify(error, &wire)),
        Err(fault) => Err(Failure::Fault(fault)),
    }
}

fn classify(mut error: TrySendError<Request<RequestBody>>, wire: &Wire) -> Failure {
    if let Some(unsent) = error.take_message() {
        return Failure::Unsent(Box::new(unsent));
    }
    let error = error.into_error();
    match error.source().and_then(|source| source.downcast_ref::<BodyFault>()) {
        Some(BodyFault::TooLarge) => return Failure::Fault(UpstreamFault::BodyTooLarge),
        Some(BodyFault::Client(_)) => return Failure::Fault(UpstreamFault::ClientGone),
        None => {}
    }
    if wire.gauge.is_untouched() {
        return Failure::Died;
    }
    tracing::warn!(%error, "upstream's answer is not valid");
    Failure::Fault(UpstreamFault::BadResponse)
}
