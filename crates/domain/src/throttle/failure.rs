//! Consecutive failures by address (D-11).

use doorward_kit::Timestamp;

/// How often password sign-in failed for an address since it last succeeded, whether the address has an account or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// In a row.
    pub count: u32,
    /// The last one.
    pub last_at: Timestamp,
}
