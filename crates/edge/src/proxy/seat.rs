//! How many exchanges an address has at a time, and the queue of those that wait for one to end (HTTP-16).
//!
//! Taking a free seat is one atomic step and so is giving it back; only who finds none touches the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// The seats of one address.
#[derive(Debug)]
pub(super) struct Seats {
    most: AtomicU32,
    taken: AtomicU32,
    waiting: AtomicU32,
    freed: Notify,
}

/// One exchange under way; over when it is dropped.
#[derive(Debug)]
pub(super) struct Seat(Arc<Seats>);

impl Seats {
    /// At most `most` at a time, and as many more in the queue.
    pub(super) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most: AtomicU32::new(most), taken: AtomicU32::new(0), waiting: AtomicU32::new(0), freed: Notify::new() })
    }

    /// Another bound; whoever sits stays.
    pub(super) fn set_most(&self, most: u32) {
        self.most.store(most, SeqCst);
        self.freed.notify_waiters();
    }

    /// Exchanges under way.
    pub(super) fn taken(&self) -> u32 {
        self.taken.load(SeqCst)
    }

    /// Whether whoever comes now has to wait.
    pub(super) fn is_full(&self) -> bool {
        self.taken() >= self.most.load(SeqCst)
    }

    /// A seat, at once or within `patience`; `None` when there was none, or too many wait already.
    pub(super) async fn take(self: &Arc<Self>, patience: Duration) -> Option<Seat> {
        // Whoever waits came first.
        if self.waiting.load(SeqCst) == 0
            && let Some(seat) = self.try_take()
        {
            return Some(seat);
        }
        let _place = Place::in_queue(self)?;
        timeout(patience, self.turn()).await.ok()
    }

    async fn turn(self: &Arc<Self>) -> Seat {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // From here on no seat is freed unheard.
            freed.as_mut().enable();
            if let Some(seat) = self.try_take() {
                return seat;
            }
            freed.await;
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<Seat> {
        let most = self.most.load(SeqCst);
        // Never one too many, not even for a moment: somebody else would see no seat where one is about to be free.
        self.taken.fetch_update(SeqCst, SeqCst, |taken| (taken < most).then_some(taken + 1)).ok()?;
        Some(Seat(self.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, SeqCst);
        if self.0.waiting.load(SeqCst) > 0 {
            self.0.freed.notify_one();
        }
    }
}

/// A place in the queue.
struct Place<'a>(&'a Seats);

impl<'a> Place<'a> {
    fn in_queue(seats: &'a Seats) -> Option<Self> {
        let place = Self(seats);
        (seats.waiting.fetch_add(1, SeqCst) < seats.most.load(SeqCst)).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Seats;

    const PATIENCE: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_seat_waits_for_one_but_not_for_ever() {
        let seats = Seats::new(1);
        let first = seats.take(PATIENCE).await.expect("free");
        assert!(seats.is_full());
        let start = tokio::time::Instant::now();
        assert!(seats.take(PATIENCE).await.is_none());
        assert_eq!(start.elapsed(), PATIENCE);
        let waiting = tokio::spawn({
            let seats = seats.clone();
            async move { seats.take(PATIENCE).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waiting.await.expect("no panic"));
        assert_eq!(seats.taken(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_no_longer_than_the_table() {
        let seats = Seats::new(1);
        let _first = seats.take(PATIENCE).await.expect("free");
        let waiting = tokio::spawn({
            let seats = seats.clone();
            async move { seats.take(PATIENCE).await.is_some() }
        });
        tokio::task::yield_now().await;
        let start = tokio::time::Instant::now();
        assert!(seats.take(PATIENCE).await.is_none());
        assert_eq!(start.elapsed(), Duration::ZERO, "refused at once");
        assert!(!waiting.await.expect("no panic"));
    }

    #[tokio::test]
    async fn nobody_is_forgotten_and_never_more_sit_than_may() {
        let seats = Seats::new(8);
        let guests: Vec<_> = (0..12)
            .map(|_| {
                let seats = seats.clone();
                tokio::spawn(async move {
                    for _ in 0..200 {
                        let _seat = seats.take(Duration::from_secs(30)).await.expect("a turn");
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        for guest in guests {
            guest.await.expect("no panic");
        }
        assert_eq!(seats.taken(), 0);
    }
}
