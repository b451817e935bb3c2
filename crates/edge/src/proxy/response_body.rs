//! The upstream's body on its way to the client. Whoever polls it drives the connection; whoever drops it hangs up (HTTP-17).

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::allowance::Allowance;
use super::pool::Pool;
use super::wire::Wire;
use crate::body::BoxError;

/// Why a body ended too soon. The client only sees that it did.
#[derive(Debug, thiserror::Error)]
pub(super) enum Cut {
    /// The upstream hung up.
    #[error("the upstream hung up in the middle of its answer")]
    HungUp,
    /// The upstream fell silent, or took too long in all.
    #[error("the upstream took too long in the middle of its answer")]
    Silent,
}

/// A streaming answer together with the connection it comes from.
pub(super) struct ResponseBody {
    incoming: Incoming,
    wire: Option<Box<Wire>>,
    pool: Arc<Pool>,
    allowance: Allowance,
    waiting: bool,
}

impl ResponseBody {
    /// Reads `incoming` by driving `wire`, which goes back to `pool` at the end. More time than `allowance` has ends the body.
    pub(super) fn new(incoming: Incoming, wire: Box<Wire>, pool: Arc<Pool>, allowance: Allowance) -> Self {
        let mut body = Self { incoming, wire: Some(wire), pool, allowance, waiting: false };
        if body.incoming.is_end_stream() {
            body.finish();
        }
        body
    }

    fn finish(&mut self) {
        if let Some(wire) = self.wire.take() {
            self.pool.give(wire);
        }
    }

    /// What the connection has already handed over. Only our own polling of the connection can add to it, so no waker is needed.
    fn poll_handed_over(&mut self) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut quiet = Context::from_waker(Waker::noop());
        // Trailers go on: the outermost layer holds them to the header policy (HDR-09).
        Pin::new(&mut self.incoming).poll_frame(&mut quiet).map_err(Into::into)
    }

    /// Drives the connection once; an error means that nothing more will come.
    fn poll_wire(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        let Some(wire) = &mut self.wire else {
            return Poll::Ready(Cut::HungUp);
        };
        wire.poll_connection(cx).map(|()| Cut::HungUp)
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Cut> {
        let Some(wire) = &mut self.wire else {
            return Poll::Ready(Cut::HungUp);
        };
        if !std::mem::replace(&mut self.waiting, true) {
            wire.timer.arm(self.allowance.patience());
        }
        wire.timer.poll_expired(cx).map(|()| Cut::Silent)
    }

    /// Takes note of what is about to be handed on.
    fn pass(&mut self, item: Option<Result<Frame<Bytes>, BoxError>>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if std::mem::take(&mut self.waiting)
            && let Some(wire) = &self.wire
        {
            self.allowance.waited(wire.timer.since_armed());
        }
        if let Some(Ok(frame)) = &item {
            self.allowance.moved(frame.data_ref().map_or(0, Bytes::len));
        }
        match &item {
            Some(Ok(_)) if !self.incoming.is_end_stream() => {}
            Some(Ok(_)) | None => self.finish(),
            Some(Err(_)) => self.wire = None,
        }
        Poll::Ready(item)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(item) = self.poll_handed_over() {
            return self.pass(item);
        }
        let ended = self.poll_wire(cx);
        if let Poll::Ready(item) = self.poll_handed_over() {
            return self.pass(item);
        }
        let cut = match ended {
            Poll::Ready(cut) => cut,
            Poll::Pending => std::task::ready!(self.poll_patience(cx)),
        };
        self.pass(Some(Err(cut.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
