//! What the guard and the service of one connection tell each other, beside the octets.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

use super::FramingFault;

/// Requests of an HTTP/1.1 connection are answered strictly in order, so counting them on both sides is enough to know which is
/// meant; nothing has to be written into the request itself, where a stranger could write it too.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// The head that was refused, counted from 1, and why. It is always the last.
    refused: OnceLock<(u64, FramingFault)>,
    arrived: AtomicU64,
    answered: AtomicU64,
    refusals: AtomicU64,
    upgraded: AtomicBool,
    waiting: AtomicWaker,
}

impl Lane {
    /// The guard: head number `number` was replaced.
    pub(super) fn refuse(&self, number: u64, fault: FramingFault) {
        // One refusal ends the connection, so there is never a second.
        let _ = self.refused.set((number, fault));
    }

    /// The guard: whether everything that was handed on has been answered whole.
    pub(super) fn is_quiet(&self, handed_on: u64) -> bool {
        self.answered.load(Ordering::Acquire) >= handed_on
    }

    /// The listener: whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_quiet(self.arrived.load(Ordering::Acquire))
    }

    /// The service: requests that have arrived on this connection, the refused one included.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrived.load(Ordering::Acquire)
    }

    /// The service: a limit has refused one more request. Returns how many it were.
    pub(crate) fn limited(&self) -> u64 {
        self.refusals.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// The guard: whether the connection has left HTTP.
    pub(super) fn has_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// The guard: wake me when an answer is through.
    pub(super) fn wait(&self, waker: &Waker) {
        self.waiting.register(waker);
    }

    /// The service: the next request has arrived. Returns why it is to be refused, if it is, and a ticket to be dropped when its
    /// answer is through.
    pub(crate) fn arrive(self: &Arc<Self>) -> (Option<FramingFault>, Ticket) {
        let number = self.arrived.fetch_add(1, Ordering::AcqRel) + 1;
        let fault = self.refused.get().filter(|(refused, _)| *refused == number).map(|(_, fault)| *fault);
        (fault, Ticket(self.clone()))
    }
}

/// Held as long as a request is being answered.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Lane>);

impl Ticket {
    /// The answer is 101: what follows is not HTTP.
    pub(crate) fn upgrade(&self) {
        self.0.upgraded.store(true, Ordering::Release);
        self.0.waiting.wake();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.answered.fetch_add(1, Ordering::AcqRel);
        self.0.waiting.wake();
    }
}
