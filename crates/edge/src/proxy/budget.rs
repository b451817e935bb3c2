//! How many requests may be sent a second time: a tenth of all, and a few more, so that retries never become the load (HTTP-16).

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// What a request brings and a second try costs.
const PRICE: u32 = 10;

/// Most that is saved: twenty second tries.
const MOST: u32 = 20 * PRICE;

/// The account of one upstream. A request costs a load while it is full.
#[derive(Debug)]
pub(super) struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(MOST))
    }
}

impl Budget {
    /// A request came.
    pub(super) fn earn(&self) {
        if self.0.load(Relaxed) < MOST {
            self.0.fetch_add(1, Relaxed);
        }
    }

    /// Whether a second try is paid for.
    pub(super) fn spend(&self) -> bool {
        self.0.fetch_update(Relaxed, Relaxed, |saved| saved.checked_sub(PRICE)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn when_everything_fails_every_tenth_request_is_tried_twice() {
        let budget = Budget::default();
        while budget.spend() {}
        let tried_again = (0..1000).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert_eq!(tried_again.count(), 100);
    }
}
