//! Secrets that must turn up nowhere, in whatever coat they may wear (LOG-01).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A value that was planted, and what it was.
#[derive(Debug, Clone)]
pub struct Canary {
    /// What a report calls it.
    pub name: String,
    value: Vec<u8>,
}

/// Where a canary was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Which canary.
    pub canary: String,
    /// In which coat.
    pub coat: &'static str,
    /// In which file or other sink.
    pub sink: String,
    /// What stands around the first find, every secret in it masked: a report is kept longer than a test's folder (LOG-14).
    pub around: String,
}

impl Canary {
    /// A canary; shorter than eight octets would be found by accident.
    #[must_use]
    pub fn new(name: &str, value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        assert!(value.len() >= 8, "{name} is too short to be looked for");
        Self { name: name.to_owned(), value }
    }

    /// Every spelling that is looked for.
    #[must_use]
    pub fn coats(&self) -> Vec<(&'static str, Vec<u8>)> {
        let text = String::from_utf8_lossy(&self.value).into_owned();
        let mut coats = vec![
            ("plain", self.value.clone()),
            ("reversed", self.value.iter().rev().copied().collect()),
            ("hex", hex(&self.value, false)),
            ("hex upper", hex(&self.value, true)),
            ("URL-encoded", percent(&self.value, false)),
            ("URL-encoded lower", percent(&self.value, true)),
            ("JSON-escaped", json(&text)),
            ("JSON-escaped twice", json(&String::from_utf8_lossy(&json(&text)))),
            ("first half", self.value[..self.value.len().div_ceil(2).max(8)].to_vec()),
            ("second half", self.value[(self.value.len() / 2).min(self.value.len() - 8)..].to_vec()),
        ];
        // Base64 groups three octets: inside a longer text the secret starts at any of three places in a group.
        for shift in 0..3 {
            coats.push(("base64", within(&self.value, shift, |bytes| STANDARD_NO_PAD.encode(bytes))));
            coats.push(("base64url", within(&self.value, shift, |bytes| URL_SAFE_NO_PAD.encode(bytes))));
        }
        coats
    }

    /// Looks through one sink.
    #[must_use]
    pub fn search(&self, sink: &str, haystack: &[u8]) -> Vec<Hit> {
        let coats = self.coats();
        let hit = |(coat, needle): &(&'static str, Vec<u8>)| {
            let at = find(haystack, needle)?;
            let around = &haystack[at.saturating_sub(200)..haystack.len().min(at + needle.len() + 100)];
            let around = String::from_utf8_lossy(&masked(around, &coats)).into_owned();
            Some(Hit { canary: self.name.clone(), coat, sink: sink.to_owned(), around })
        };
        coats.iter().filter_map(hit).collect()
    }
}

/// Every find of every coat replaced, the longest first, since one may be a part of another.
fn masked(text: &[u8], coats: &[(&'static str, Vec<u8>)]) -> Vec<u8> {
    let mut needles: Vec<&[u8]> = coats.iter().map(|(_, needle)| needle.as_slice()).collect();
    needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
    needles.into_iter().fold(text.to_vec(), |mut text, needle| {
        while let Some(at) = find(&text, needle) {
            text.splice(at..at + needle.len(), *b"<canary>");
        }
        text
    })
}

/// The part of an encoding that does not depend on what stands before or after the secret.
fn within(value: &[u8], shift: usize, encode: impl Fn(&[u8]) -> String) -> Vec<u8> {
    let mut padded = vec![0; shift];
    padded.extend_from_slice(value);
    let text = encode(&padded).into_bytes();
    let front = if shift == 0 { 0 } else { shift + 1 };
    let back = usize::from(!padded.len().is_multiple_of(3));
    text[front..text.len() - back].to_vec()
}

fn hex(bytes: &[u8], upper: bool) -> Vec<u8> {
    bytes
        .iter()
        .fold(String::new(), |mut out, byte| {
            let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
            out
        })
        .into_bytes()
}

fn percent(bytes: &[u8], lower: bool) -> Vec<u8> {
    bytes
        .iter()
        .fold(String::new(), |mut out, byte| {
            let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
            let _ = match (plain, lower) {
                (true, _) => write!(out, "{}", char::from(*byte)),
                (false, false) => write!(out, "%{byte:02X}"),
                (false, true) => write!(out, "%{byte:02x}"),
            };
            out
        })
        .into_bytes()
}

fn json(text: &str) -> Vec<u8> {
    let quoted = serde_json::to_string(text).unwrap();
    quoted.as_bytes()[1..quoted.len() - 1].to_vec()
}

/// Whether `needle` is somewhere in `haystack`.
#[must_use]
pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    find(haystack, needle).is_some()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// Every file below a folder.
#[must_use]
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { waiting.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::{Canary, STANDARD_NO_PAD};
    use base64::Engine as _;

    #[test]
    fn every_coat_is_seen_through() {
        let canary = Canary::new("c", "p\"ss w\u{f6}rd/with+all&sorts");
        for (coat, text) in canary.coats() {
            let sink = [b"before ".as_slice(), &text, b" after"].concat();
            assert!(canary.search("sink", &sink).iter().any(|hit| hit.coat == coat), "{coat}");
        }
    }

    #[test]
    fn a_secret_inside_longer_base64_is_found_at_every_place_of_a_group() {
        let canary = Canary::new("c", "canary-0123456789");
        for before in ["", "u", "us", "use", "user"] {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}:canary-0123456789:after"));
            assert!(!canary.search("sink", encoded.as_bytes()).is_empty(), "{before}");
        }
    }

    #[test]
    fn what_was_not_written_is_not_found() {
        assert!(Canary::new("c", "canary-0123456789").search("sink", b"nothing of the sort here").is_empty());
    }
}
