//! When a certificate is renewed, and when somebody has to be woken (TLS-14).
//!
//! Comes in: its validity, the window that the authority suggests (RFC 9773), chance. Goes out: times.
//! Must never know: sockets, the clock (times are arguments).

use std::time::Duration;

use doorward_kit::{Entropy, Timestamp};

use crate::backoff::{fraction, later};

/// With so much left the alarm is raised, unless the whole lifetime is short.
const ALARM: Duration = Duration::from_secs(7 * 24 * 3600);

/// The time at which a third of the lifetime is left.
#[must_use]
pub fn due_at(issued_at: Timestamp, not_after: Timestamp) -> Timestamp {
    earlier(not_after, lifetime(issued_at, not_after) / 3)
}

/// The time of the alarm: seven days before the end, or a sixth of the lifetime when that is less (six-day certificates would
/// otherwise ring from the first minute).
#[must_use]
pub fn alarm_at(issued_at: Timestamp, not_after: Timestamp) -> Timestamp {
    earlier(not_after, ALARM.min(lifetime(issued_at, not_after) / 6))
}

/// A uniformly drawn time of the suggested window (RFC 9773 §4.2); `None` when the window is not one.
#[must_use]
pub fn within(start: Timestamp, end: Timestamp, entropy: &dyn Entropy) -> Option<Timestamp> {
    if end <= start {
        return None;
    }
    Some(later(start, fraction(lifetime(start, end), entropy)))
}

/// Whole days until the end, negative after it.
#[must_use]
pub fn days_left(not_after: Timestamp, now: Timestamp) -> i64 {
    not_after.as_second().saturating_sub(now.as_second()).div_euclid(24 * 3600)
}

fn lifetime(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}
