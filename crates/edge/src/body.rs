//! The one body type inside the edge, and the wrappers that watch, bound and screen it.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;

use crate::listen::BodyFault;
use crate::listen::framing::{Alarm, Pace};

/// Any error of a body, kept only for the log.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A streaming body of unknown origin.
pub type EdgeBody = UnsyncBoxBody<Bytes, BoxError>;

/// Ends a request body that grew beyond what its target takes; answered 413.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("request body is longer than allowed")]
pub struct BodyTooLarge;

/// A body of no octets.
#[must_use]
pub fn empty() -> EdgeBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body that is already whole.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> EdgeBody {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// What became of a request's body. Whoever reads it may hide an error behind an answer of its own; the edge looks here.
#[derive(Debug, Default)]
pub(crate) struct Intake {
    whole: AtomicBool,
    trouble: AtomicU8,
}

/// Why a request's body did not come through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Longer than its target takes.
    TooLarge,
    /// Its framing broke or its pace was too slow.
    Framing(BodyFault),
}

impl Intake {
    /// Wraps a body as it comes from hyper; `None` when there is none to speak of.
    ///
    /// With a `pace`, the body is held to it here, and what nobody read is [drained](drain); in HTTP/1.1 the framing guard does
    /// both.
    pub(crate) fn watch(incoming: Incoming, pace: Option<Pace>) -> (EdgeBody, Option<Arc<Self>>) {
        if incoming.is_end_stream() {
            return (empty(), None);
        }
        let intake = Arc::new(Self::default());
        let pace = pace.map(|pace| (pace, Alarm::default()));
        (Watched { inner: Some(incoming), intake: intake.clone(), pace }.boxed_unsync(), Some(intake))
    }

    /// Whether every octet has been read.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole.load(Ordering::Acquire)
    }

    /// What went wrong, if something did.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        match self.trouble.load(Ordering::Acquire) {
            1 => Some(Trouble::TooLarge),
            2 => Some(Trouble::Framing(BodyFault::Chunk)),
            3 => Some(Trouble::Framing(BodyFault::TooSlow)),
            _ => None,
        }
    }

    fn note(&self, trouble: Trouble) {
        let code = match trouble {
            Trouble::TooLarge => 1,
            Trouble::Framing(BodyFault::Chunk) => 2,
            Trouble::Framing(BodyFault::TooSlow) => 3,
        };
        self.trouble.store(code, Ordering::Release);
    }
}

struct Watched {
    /// Gone only while the wrapper is dropped.
    inner: Option<Incoming>,
    intake: Arc<Intake>,
    pace: Option<(Pace, Alarm)>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let Poll::Ready(polled) = Pin::new(&mut *inner).poll_frame(cx) else {
            let Some((pace, alarm)) = &mut this.pace else { return Poll::Pending };
            ready!(pace.poll_too_slow(cx, alarm));
            this.intake.note(Trouble::Framing(BodyFault::TooSlow));
            return Poll::Ready(Some(Err(BodyFault::TooSlow.into())));
        };
        if let (Some((pace, _)), Some(Ok(frame))) = (&mut this.pace, &polled) {
            pace.arrived(frame.data_ref().map_or(0, Bytes::len));
        }
        if let Some(Err(error)) = &polled {
            if let Some(fault) = body_fault(error) {
                this.intake.note(Trouble::Framing(fault));
            }
        } else if polled.is_none() || inner.is_end_stream() {
            this.intake.whole.store(true, Ordering::Release);
        }
        Poll::Ready(polled.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Incoming::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let is_left = self.pace.is_some() && !self.intake.is_whole() && self.intake.trouble().is_none();
        if let (true, Some(inner), Ok(runtime)) = (is_left, self.inner.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(DRAIN_TIME, drain(inner)));
        }
    }
}

/// Octets and time that are spent on the rest of a body nobody wanted.
const DRAIN_MOST: usize = 64 * 1024;
const DRAIN_TIME: std::time::Duration = std::time::Duration::from_secs(2);

/// Takes in the rest of an unwanted body. A stream that is reset while its client still sends makes many clients report the reset
/// in place of the answer (RFC 9113 §8.1 lets us reset, nobody makes us).
async fn drain(mut body: Incoming) {
    let mut taken = 0;
    while let Some(Ok(frame)) = body.frame().await {
        taken += frame.data_ref().map_or(0, Bytes::len);
        if taken > DRAIN_MOST {
            return;
        }
    }
}

/// Finds the guard's own word in what hyper made of it.
fn body_fault(error: &hyper::Error) -> Option<BodyFault> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return io.get_ref()?.downcast_ref::<BodyFault>().copied();
        }
        source = cause.source();
    }
    None
}

/// Ends `body` with [`BodyTooLarge`] once it has given more than `most` octets.
pub(crate) fn capped(body: EdgeBody, most: u64, intake: Option<Arc<Intake>>) -> EdgeBody {
    Capped { inner: body, left: most, intake }.boxed_unsync()
}

struct Capped {
    inner: EdgeBody,
    left: u64,
    intake: Option<Arc<Intake>>,
}

impl Body for Capped {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = ready!(Pin::new(&mut this.inner).poll_frame(cx));
        let octets = match &polled {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        let Some(left) = this.left.checked_sub(octets) else {
            this.left = 0;
            if let Some(intake) = &this.intake {
                intake.note(Trouble::TooLarge);
            }
            return Poll::Ready(Some(Err(BodyTooLarge.into())));
        };
        this.left = left;
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Keeps `guest` until the body has gone out or was given up.
pub(crate) fn held<G: Send + Unpin + 'static>(body: EdgeBody, guest: G) -> EdgeBody {
    Held { inner: body, _guest: guest }.boxed_unsync()
}

struct Held<G> {
    inner: EdgeBody,
    _guest: G,
}

impl<G: Unpin> Body for Held<G> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut self.get_mut().inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// Runs `screen` over a trailer section, so that what may not stand in a head does not come behind the body (HDR-09).
pub(crate) fn screened<F>(body: EdgeBody, screen: F) -> EdgeBody
where
    F: FnMut(&mut HeaderMap) + Send + 'static,
{
    let mut screen = screen;
    body.map_frame(move |mut frame| {
        if let Some(trailers) = frame.trailers_mut() {
            screen(trailers);
        }
        frame
    })
    .boxed_unsync()
}
