//! Times as an operator types them.

use std::time::Duration;

use doorward_kit::Timestamp;

/// A point in time, or a distance back from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// This instant.
    At(Timestamp),
    /// So long ago.
    Ago(Duration),
}

impl When {
    /// The instant meant.
    #[must_use]
    pub(super) fn instant(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

/// Reads `2026-05-01T12:00:00Z` or `30s`, `15m`, `12h`, `7d`.
///
/// # Errors
/// Anything else, in words for the operator.
pub(super) fn parse(word: &str) -> Result<When, &'static str> {
    const WRONG: &str = "write a time such as 2026-05-01T12:00:00Z, or how long ago, such as 30m, 12h or 7d";
    if let Ok(at) = word.parse() {
        return Ok(When::At(at));
    }
    let split = word.len().checked_sub(1).filter(|split| word.is_char_boundary(*split)).ok_or(WRONG)?;
    let (number, unit) = word.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(WRONG),
    };
    if !number.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(WRONG);
    }
    let number: u64 = number.parse().map_err(|_| WRONG)?;
    number.checked_mul(seconds).map(|seconds| When::Ago(Duration::from_secs(seconds))).ok_or(WRONG)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{When, parse};

    #[test]
    fn distances_and_instants_are_read() {
        assert_eq!(parse("90m"), Ok(When::Ago(Duration::from_secs(5400))));
        assert!(matches!(parse("2026-05-01T12:00:00Z"), Ok(When::At(_))));
        for wrong in ["", "m", "-3h", "3w", "3", "ü", "1.5h", "99999999999999999999d", "+1h"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
