//! An answer's body that comes over HTTP/2. Whoever drops it resets the stream (HTTP-17).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::allowance::Allowance;
use super::exchange::Shared;
use super::response_body::Cut;
use crate::body::BoxError;

/// A streaming answer with its share of a connection.
pub(super) struct StreamBody {
    incoming: Incoming,
    shared: Option<Box<Shared>>,
    allowance: Allowance,
    waiting: bool,
}

impl StreamBody {
    /// Reads `incoming` within `allowance`.
    pub(super) fn new(incoming: Incoming, shared: Box<Shared>, allowance: Allowance) -> Self {
        let shared = (!incoming.is_end_stream()).then_some(shared);
        Self { incoming, shared, allowance, waiting: false }
    }

    /// Ready once the upstream was waited for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shared) = &mut self.shared else { return Poll::Ready(()) };
        if !std::mem::replace(&mut self.waiting, true) {
            shared.timer.arm(self.allowance.patience());
        }
        shared.timer.poll_expired(cx)
    }

    fn note(&mut self, item: Option<&Result<Frame<Bytes>, hyper::Error>>) {
        if std::mem::take(&mut self.waiting)
            && let Some(shared) = &self.shared
        {
            self.allowance.waited(shared.timer.since_armed());
        }
        match item {
            Some(Ok(frame)) => {
                self.allowance.moved(frame.data_ref().map_or(0, Bytes::len));
                if self.incoming.is_end_stream() {
                    self.shared = None;
                }
            }
            Some(Err(_)) | None => self.shared = None,
        }
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        let Poll::Ready(item) = polled else {
            ready!(self.poll_patience(cx));
            self.shared = None;
            return Poll::Ready(Some(Err(Cut::Silent.into())));
        };
        self.note(item.as_ref());
        Poll::Ready(item.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
