//! The client's body on its way to the upstream: counted, without trailers but where gRPC may need them, blamed on the client when it
//! breaks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::field;
use super::gauge::Gauge;
use crate::body::{BodyTooLarge, BoxError, EdgeBody};

/// What is wrong with a client's body.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyFault {
    /// More than the cap.
    #[error("the request body is too large")]
    TooLarge,
    /// It broke off.
    #[error("the request body broke off")]
    Client(#[source] BoxError),
}

/// A request body, or none.
pub(super) struct RequestBody {
    inner: Option<EdgeBody>,
    left: u64,
    gauge: Option<Arc<Gauge>>,
    takes_trailers: bool,
}

impl RequestBody {
    /// At most `cap` octets of `body`.
    pub(super) fn new(body: Option<EdgeBody>, cap: u64) -> Self {
        Self { inner: body, left: cap, gauge: None, takes_trailers: false }
    }

    /// Lets those trailers through that could have been header fields of a client.
    pub(super) fn with_trailers(mut self) -> Self {
        self.takes_trailers = true;
        self
    }

    /// Whether nothing has to be sent.
    pub(super) fn is_empty(&self) -> bool {
        self.inner.is_none()
    }

    /// Reports progress to the connection that carries it.
    pub(super) fn watched_by(&mut self, gauge: &Arc<Gauge>) {
        if self.inner.is_some() {
            self.gauge = Some(gauge.clone());
        } else {
            gauge.note_sent();
        }
    }

    fn take_data(&mut self, data: &Bytes) -> Result<(), BodyFault> {
        let Some(left) = self.left.checked_sub(data.len() as u64) else {
            return Err(BodyFault::TooLarge);
        };
        self.left = left;
        if let Some(gauge) = &self.gauge {
            gauge.note_step(data.len());
        }
        Ok(())
    }
}

impl Drop for RequestBody {
    /// hyper drops a body as soon as nothing more of it is wanted.
    fn drop(&mut self) {
        if let Some(gauge) = &self.gauge {
            gauge.note_sent();
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        loop {
            let Some(inner) = &mut self.inner else {
                return Poll::Ready(None);
            };
            let polled = Pin::new(inner).poll_frame(cx);
            if let (Poll::Pending, Some(gauge)) = (&polled, &self.gauge) {
                gauge.note_silence();
            }
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(self.take_data(&data).map(|()| Frame::data(data)))),
                    // Trailers could smuggle fields past every check (HTTP-04).
                    Err(frame) if self.takes_trailers => {
                        if let Some(trailers) = frame.into_trailers().ok().and_then(field::harmless_trailers) {
                            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                        }
                    }
                    Err(_trailers) => {}
                },
                Some(Err(error)) if error.is::<BodyTooLarge>() => return Poll::Ready(Some(Err(BodyFault::TooLarge))),
                Some(Err(error)) => return Poll::Ready(Some(Err(BodyFault::Client(error)))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
