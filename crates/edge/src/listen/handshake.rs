//! Handshakes under way, by customer line, and how much a client may say in one (TLS-17).
//!
//! A handshake that dawdles holds memory until its time is up. A line that has all of its places in use loses its oldest handshake to the
//! newcomer: dawdlers give way to those who do not dawdle, on the same line too, and other lines never notice. Those of a line that are ready
//! to be answered at once are answered one or two at a time: a burst of them stands in its own queue and not in front of everybody.
//!
//! Comes in: who begins a handshake. Goes out: a place, and word when it is lost. Must never know: certificates, requests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorward_kit::{ClientAddr, Prefix};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Handshakes of one line whose signature is being made at once.
const TURNS: usize = 2;

/// Counts handshakes under way by prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct Handshakes(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    underway: HashMap<Prefix, Line>,
}

#[derive(Debug)]
struct Line {
    /// Oldest in front, so that the numbers of a line are in order.
    places: VecDeque<(u64, oneshot::Sender<()>)>,
    turns: Arc<Semaphore>,
}

impl Default for Line {
    fn default() -> Self {
        Self { places: VecDeque::new(), turns: Arc::new(Semaphore::new(TURNS)) }
    }
}

/// Held as long as the handshake is under way.
#[derive(Debug)]
pub(super) struct Underway {
    table: Handshakes,
    prefix: Prefix,
    number: u64,
    lost: oneshot::Receiver<()>,
    turns: Arc<Semaphore>,
}

impl Handshakes {
    /// Takes a place of `most`, the oldest one's if none is free.
    pub(super) fn enter(&self, client: ClientAddr, most: usize) -> Underway {
        let (keep, lost) = oneshot::channel();
        let prefix = client.prefix();
        let mut table = self.lock();
        table.next += 1;
        let number = table.next;
        let line = table.underway.entry(prefix).or_default();
        if line.places.len() >= most {
            line.places.pop_front();
        }
        line.places.push_back((number, keep));
        let turns = line.turns.clone();
        drop(table);
        Underway { table: self.clone(), prefix, number, lost, turns }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing can leave the table half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Underway {
    /// Done when the place went to somebody else.
    pub(super) async fn lost(&mut self) {
        // Nothing is ever sent: the other end is dropped.
        let _ = (&mut self.lost).await;
    }

    /// The line's turns; one is held while a signature is made.
    pub(super) fn turns(&self) -> Turns {
        Turns(self.turns.clone())
    }
}

/// The queue of one line in front of what a handshake costs.
#[derive(Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Turns {
    /// First come, first served. `None` never comes: the queue is not closed.
    pub(super) async fn take(self) -> Option<OwnedSemaphorePermit> {
        self.0.acquire_owned().await.ok()
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        let Some(line) = table.underway.get_mut(&self.prefix) else { return };
        if let Ok(at) = line.places.binary_search_by_key(&self.number, |(number, _)| *number) {
            line.places.remove(at);
        }
        if line.places.is_empty() {
            table.underway.remove(&self.prefix);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn from(text: &str) -> ClientAddr {
        ClientAddr::new(text.parse().expect("an address"))
    }

    #[test]
    fn the_oldest_of_a_full_line_gives_way_and_no_other_line_does() {
        let handshakes = Handshakes::default();
        let mut other = handshakes.enter(from("203.0.113.8"), 2);
        let mut line: Vec<_> = (0..3).map(|_| handshakes.enter(from("203.0.113.7"), 2)).collect();
        let lost: Vec<bool> = line.iter_mut().map(|underway| underway.lost().now_or_never().is_some()).collect();
        assert_eq!(lost, [true, false, false]);
        assert!(other.lost().now_or_never().is_none());
    }

    #[test]
    fn a_line_waits_for_its_own_turns_and_for_no_other_line() {
        let handshakes = Handshakes::default();
        let line: Vec<_> = (0..=TURNS).map(|_| handshakes.enter(from("203.0.113.7"), 100)).collect();
        let other = handshakes.enter(from("203.0.113.8"), 100);
        let mut held: Vec<_> = line.iter().map(|underway| underway.turns().take().now_or_never()).collect();
        assert!(held[..TURNS].iter().all(Option::is_some) && held[TURNS].is_none());
        assert!(other.turns().take().now_or_never().is_some());
        held.clear();
        assert!(line[TURNS].turns().take().now_or_never().is_some());
    }

    #[test]
    fn a_place_is_free_again_once_its_handshake_has_ended_in_whatever_order() {
        let handshakes = Handshakes::default();
        let enter = || handshakes.enter(from("2001:db8::1"), 3);
        let (first, second, mut third) = (enter(), enter(), enter());
        drop(second);
        let mut fourth = enter();
        drop(first);
        let fifth = enter();
        assert!(third.lost().now_or_never().is_none() && fourth.lost().now_or_never().is_none());
        drop((third, fourth, fifth));
        assert!(handshakes.lock().underway.is_empty(), "nobody is remembered");
    }
}
