//! How far this process has seen the chain of its node.
//!
//! Head and rows together can be put back to an earlier state by whoever can write the database: each seal is good for its time. A process
//! that lives through it remembers more than the database then knows, and its next row says so (AUD-07).

use std::sync::atomic::{AtomicU64, Ordering};

use super::ChainHead;

/// The position of the last row that this process has committed; 0 before the first.
#[derive(Debug, Default)]
pub(crate) struct Reached(AtomicU64);

impl Reached {
    /// The position that the chain had before, when `head`, just locked, lies behind it.
    pub(super) fn lost(&self, head: &ChainHead) -> Option<u64> {
        Some(self.0.load(Ordering::Acquire)).filter(|reached| *reached > head.seq)
    }

    /// Notes where a unit of work has left the chain, once it is committed. A chain that was put back goes on from there.
    pub(crate) fn note(&self, moved: Moved) {
        match moved {
            Moved::Nowhere => {}
            Moved::On(seq) => {
                self.0.fetch_max(seq, Ordering::AcqRel);
            }
            Moved::Anew(seq) => self.0.store(seq, Ordering::Release),
        }
    }
}

/// What a unit of work did to the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Moved {
    /// Nothing.
    Nowhere,
    /// Rows up to this position.
    On(u64),
    /// The same, after the chain was found put back.
    Anew(u64),
}
