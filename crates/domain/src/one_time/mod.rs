//! One-time tokens that are mailed: reset, change of address, its undoing, invitation.
//!
//! Each is bound to one purpose: its digest is keyed with the purpose, and the row says it again. Consuming removes the row in the same
//! statement that finds it, so exactly one caller ever gets it (RESET-02).

mod model;

pub use model::{OneTime, Purpose, PurposeKind};
