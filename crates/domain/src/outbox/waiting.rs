//! How many mails wait, without asking the store: flows must take the same time whether the queue is empty or full (ENUM-13).

use std::sync::atomic::{AtomicU64, Ordering};

/// What this node knows of the queue's length: the store's count when it last asked, and what it has done since. Other nodes' mails are
/// seen with the next count, so that the bound may be passed by what came in between.
#[derive(Debug, Default)]
pub(crate) struct Waiting(AtomicU64);

impl Waiting {
    /// The store was asked.
    pub(crate) fn counted(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// One more waits.
    pub(crate) fn added(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One no longer waits.
    pub(crate) fn settled(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }

    /// Whether one more may be added under a bound.
    pub(crate) fn has_room(&self, bound: u32) -> bool {
        self.0.load(Ordering::Relaxed) < u64::from(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::Waiting;

    #[test]
    fn the_bound_is_the_most_that_wait() {
        let waiting = Waiting::default();
        waiting.settled();
        assert!(waiting.has_room(1), "nothing below zero");
        waiting.added();
        assert!(!waiting.has_room(1) && waiting.has_room(2));
        waiting.settled();
        assert!(waiting.has_room(1));
        waiting.counted(7);
        assert!(!waiting.has_room(7) && waiting.has_room(8));
    }
}
