//! The requests under way on one HTTP/2 connection, and how long each has waited for its client to take more of its answer.
//!
//! Flow control lets a client stop each stream by itself, and the library then never asks for the rest of the body: nobody inside
//! the body can notice. So the connection looks from outside (HTTP-09).

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::body::{BoxError, EdgeBody};
use crate::layer::limit::REFUSALS_MAX;

/// All requests of a connection; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Guests(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    table: Mutex<Table>,
    refusals: AtomicU64,
    /// Told when they are too many.
    unwelcome: Notify,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// By number; since when a piece of the answer is out and no more was asked for.
    waiting_since: HashMap<u64, Option<Instant>>,
}

impl Guests {
    /// A request has come; it stays until what is returned is dropped.
    pub(super) fn enter(&self) -> Guest {
        let mut table = self.lock();
        table.next += 1;
        let number = table.next;
        table.waiting_since.insert(number, None);
        Guest { guests: self.clone(), number }
    }

    /// Done when limits have refused too many requests of this connection.
    pub(super) async fn unwelcome(&self) {
        self.0.unwelcome.notified().await;
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().waiting_since.is_empty()
    }

    /// Whether some client has taken nothing of an answer for longer than `patience`.
    pub(super) fn is_stalled(&self, patience: Duration) -> bool {
        self.lock().waiting_since.values().flatten().any(|since| since.elapsed() > patience)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing can leave the table half-changed.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request under way, its answer included.
#[derive(Debug)]
pub(super) struct Guest {
    guests: Guests,
    number: u64,
}

impl Guest {
    /// Keeps the guest until the body has gone out or was given up, and notes when the client stops asking for it.
    pub(super) fn watch(self, body: EdgeBody) -> EdgeBody {
        Watched { inner: body, guest: self }.boxed_unsync()
    }

    /// A limit has refused this request and has refused others before.
    pub(super) fn limited(&self) {
        let shared = &self.guests.0;
        if shared.refusals.fetch_add(1, Ordering::AcqRel) + 1 == REFUSALS_MAX {
            shared.unwelcome.notify_one();
        }
    }

    fn waits(&self, since: Option<Instant>) {
        self.guests.lock().waiting_since.insert(self.number, since);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.guests.lock().waiting_since.remove(&self.number);
    }
}

struct Watched {
    inner: EdgeBody,
    guest: Guest,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        // Pending means that we are waited for, not the client.
        this.guest.waits(polled.is_ready().then(Instant::now));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
