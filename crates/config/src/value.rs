//! Parsers of single values, shared by the sections.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use doorward_kit::Host;

use crate::reader::{Item, Problem};

/// Units of time as they are written, with their seconds.
const UNITS: &[(&str, u64)] = &[("s", 1), ("min", 60), ("h", 3600), ("d", 86_400)];

/// A range of times, in seconds.
pub(crate) const fn seconds(from: u64, to: u64) -> RangeInclusive<Duration> {
    Duration::from_secs(from)..=Duration::from_secs(to)
}

/// `24h`, `15min`, `7d`, `90s`.
pub(crate) fn duration(item: &Item<'_>, range: &RangeInclusive<Duration>) -> Result<Duration, Problem> {
    let text = item.text()?;
    let shape =
        || Problem::new("is not a length of time", "a whole number and one of s, min, h, d, such as \"24h\" or \"15min\"");
    let length = parse_duration(text).ok_or_else(shape)?;
    if range.contains(&length) {
        return Ok(length);
    }
    Err(Problem::new("is out of range", format!("from {} to {}", spoken(*range.start()), spoken(*range.end()))))
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let seconds = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// Writes a length of time in its largest whole unit.
pub(crate) fn spoken(length: Duration) -> String {
    let seconds = length.as_secs();
    let fitting = UNITS.iter().rev().find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit));
    fitting.map_or_else(|| format!("{seconds}s"), |(name, unit)| format!("{}{name}", seconds / unit))
}

/// `5/min`, `10/15min`, `100/h`.
pub(crate) fn quota(text: &str) -> Result<(NonZeroU32, Duration), Problem> {
    let shape = || Problem::new("is not a quota", "how many per time, such as \"5/min\", \"10/15min\" or \"100/h\"");
    let (count, window) = text.split_once('/').ok_or_else(shape)?;
    if count.is_empty() || !count.bytes().all(|b| b.is_ascii_digit()) {
        return Err(shape());
    }
    let window = if window.starts_with(|c: char| c.is_ascii_digit()) {
        parse_duration(window)
    } else {
        parse_duration(&format!("1{window}"))
    };
    let window = window.ok_or_else(shape)?;
    let count = count.parse().ok().and_then(NonZeroU32::new).filter(|count| count.get() <= 1_000_000);
    let count = count.ok_or_else(|| Problem::new("allows nothing, or has no bound", "from 1 to 1000000 in the window"))?;
    if !(1..=86_400).contains(&window.as_secs()) {
        return Err(Problem::new("has a window out of range", "from 1s to 24h"));
    }
    Ok((count, window))
}

/// Letters, digits, `-` and `_`; 1 to 64.
pub(crate) fn name(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let fine = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fine { Ok(text.to_owned()) } else { Err(Problem::new("is not a name", "1 to 64 letters, digits, - or _")) }
}

/// A host alone.
pub(crate) fn host(item: &Item<'_>) -> Result<Host, Problem> {
    item.text()?.parse().map_err(|_| {
        Problem::new("is not a host", "a host name or address alone, without scheme, port or path, such as \"admin.example.com\"")
    })
}

/// A path in the file system; relative ones are taken from the configuration file's folder.
pub(crate) fn path(item: &Item<'_>, base: &Path) -> Result<PathBuf, Problem> {
    let text = item.text()?;
    if text.is_empty() || text.contains('\0') {
        return Err(Problem::new("is not a path", ""));
    }
    Ok(tidy(&base.join(text)))
}

/// Takes `.` and `..` out by the letter, without asking the file system.
pub(crate) fn tidy(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// A prefix of request paths: absolute, in its one spelling; the trailing slash is dropped, so that the root is empty.
pub(crate) fn prefix(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let bad = |problem: &str| Err(Problem::new(problem, "a plain absolute path such as \"/\" or \"/api/\""));
    if !text.starts_with('/') {
        return bad("does not start with a slash");
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~/!$&'()*+,=:@".contains(&b)) {
        return bad("holds something else than plain path characters");
    }
    let trimmed = text.strip_suffix('/').unwrap_or(text);
    if trimmed.split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")) {
        return bad("holds an empty or dot segment");
    }
    Ok(trimmed.to_owned())
}

/// A role: a lower-case letter, then such letters, digits, `-` or `_`; at most 32.
pub(crate) fn role(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text()?;
    let fine = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_');
    if fine {
        Ok(text.to_owned())
    } else {
        Err(Problem::new("is not a role", "a lower-case word of at most 32 letters, digits, - or _"))
    }
}

/// One of a few words.
pub(crate) fn choice<T: Copy>(item: &Item<'_>, choices: &[(&str, T)]) -> Result<T, Problem> {
    let text = item.text()?;
    let words = || choices.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(", ");
    let found = choices.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| Problem::new("is none of the choices", format!("one of {}", words())))
}

/// What a feature of a later version is answered with.
pub(crate) fn not_yet(what: &str) -> Problem {
    Problem::new(format!("{what} is not available in this version"), "")
}

/// `true` or `false`.
pub(crate) fn truth(item: &Item<'_>) -> Result<bool, Problem> {
    item.truth()
}

/// The name of a variable that holds a secret.
pub(crate) fn variable_name(item: &Item<'_>) -> Result<String, Problem> {
    let text = item.text().map_err(Problem::hidden)?;
    let fine = (1..=128).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.starts_with(|c: char| c.is_ascii_digit());
    // Somebody may have put the secret itself here.
    if fine { Ok(text.to_owned()) } else { Err(Problem::new("is not the name of a variable", "letters, digits and _").hidden()) }
}
