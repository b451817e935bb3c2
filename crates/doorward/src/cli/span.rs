//! Lengths of time as an operator types them.

use std::time::Duration;

/// Longer than any life that the configuration allows.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// Reads `0`, `30s`, `15m`, `12h` or `7d`.
///
/// # Errors
/// Anything else, and more than 400 days, in words for the operator.
pub(super) fn parse(word: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "write 0, or a length of time such as 30s, 15m, 12h or 7d, at most 400d";
    if word == "0" {
        return Ok(Duration::ZERO);
    }
    let split = word.len().checked_sub(1).filter(|split| word.is_char_boundary(*split)).ok_or(WRONG)?;
    let (number, unit) = word.split_at(split);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(WRONG),
    };
    if number.is_empty() || !number.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(WRONG);
    }
    let number: u64 = number.parse().map_err(|_| WRONG)?;
    let span = number.checked_mul(seconds).map(Duration::from_secs);
    span.filter(|span| *span <= LONGEST).ok_or(WRONG)
}

/// Writes a length of time in its largest whole unit.
pub(super) fn render(span: Duration) -> String {
    let seconds = span.as_secs();
    match [(86_400, "d"), (3600, "h"), (60, "m")].into_iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((unit, letter)) => format!("{}{letter}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse, render};

    #[test]
    fn spans_are_read_and_written_alike() {
        for (word, seconds) in [("45s", 45), ("90m", 5400), ("10m", 600), ("5h", 18_000), ("30d", 2_592_000)] {
            assert_eq!(parse(word), Ok(Duration::from_secs(seconds)));
            assert_eq!(parse(&render(Duration::from_secs(seconds))), Ok(Duration::from_secs(seconds)));
        }
        assert_eq!((parse("0"), render(Duration::ZERO).as_str()), (Ok(Duration::ZERO), "0s"));
        for wrong in ["", "m", "-3h", "3w", "3", "ü", "1.5h", "99999999999999999999d", "+1h", "401d", " 1h"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
