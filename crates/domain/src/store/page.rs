//! Lists come in pages.

use std::num::NonZeroU32;

/// How many rows one page may hold: 1 to 1000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(NonZeroU32);

impl PageLimit {
    /// Caps `limit` to the range.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self(NonZeroU32::new(limit.clamp(1, 1000)).unwrap_or(NonZeroU32::MIN))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

/// Some rows, and where the next page begins.
#[derive(Debug, Clone)]
pub struct Page<T, C> {
    /// In the list's order.
    pub items: Vec<T>,
    /// `None` when this was the last page.
    pub next: Option<C>,
}
