//! Handshakes under way, by customer line, and how much a client may say in one (TLS-17).
//!
//! A handshake that dawdles holds memory until its time is up. A line that has all of its places in use loses its oldest handshake to the
//! newcomer: dawdlers give way to those who do not dawdle, on the same line too, and other lines never notice.
//!
//! Comes in: who begins a handshake. Goes out: a place, and word when it is lost. Must never know: certificates, requests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use doorward_kit::{ClientAddr, Prefix};
use tokio::sync::oneshot;

/// Counts handshakes under way by prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct Handshakes(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    /// Oldest in front, so that the numbers of a line are in order.
    underway: HashMap<Prefix, VecDeque<(u64, oneshot::Sender<()>)>>,
}

/// Held as long as the handshake is under way.
#[derive(Debug)]
pub(super) struct Underway {
    table: Handshakes,
    prefix: Prefix,
    number: u64,
    lost: oneshot::Receiver<()>,
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
        if line.len() >= most {
            line.pop_front();
        }
        line.push_back((number, keep));
        drop(table);
        Underway { table: self.clone(), prefix, number, lost }
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
}

impl Drop for Underway {
    fn drop(&mut self) {
        let mut table = self.table.lock();
        let Some(line) = table.underway.get_mut(&self.prefix) else { return };
        if let Ok(at) = line.binary_search_by_key(&self.number, |(number, _)| *number) {
            line.remove(at);
        }
        if line.is_empty() {
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
