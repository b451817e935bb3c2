//! Why a text is no key ring.

use super::RING_MAX_KEYS;

/// Why a text is no key ring, or cannot be rotated. Names lines, counted from 1; never repeats anything of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// A line that says something else.
    #[error("line {0}: not \"version base64 [from=TIME] [until=TIME]\"")]
    Line(usize),
    /// Too short, or a pattern.
    #[error("line {0}: a key is at least 32 random octets, in base64")]
    Weak(usize),
    /// Versions fall from line to line.
    #[error("line {0}: versions fall from line to line, the newest first")]
    Order(usize),
    /// A version between two lines is in none.
    #[error("line {0}: the version between this line and the one above it is missing: put its line back")]
    Gap(usize),
    /// Only former keys retire, and all of them do.
    #[error("line {0}: the first key has no \"until=\", every further one has one")]
    Retirement(usize),
    /// A key that would begin before an older one, or a time at which no key is in use.
    #[error("line {0}: a key is used until the one above it begins, or longer")]
    Times(usize),
    /// The same key twice.
    #[error("line {0}: the key is in the ring already")]
    Twice(usize),
    /// A single secret that is shorter than a key.
    #[error("no key of at least 32 octets")]
    Short,
    /// More than [`RING_MAX_KEYS`].
    #[error("more than {RING_MAX_KEYS} keys")]
    Full,
    /// The newest key is not in use yet: rotating again would make it one that never was.
    #[error("version {0} is not in use yet")]
    Pending(u32),
}
