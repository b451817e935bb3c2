//! A key ring as text, a key a line, newest first:
//!
//! ```text
//! # comment
//! 2 q83vEjRWeJ… from=2026-12-01T10:00:00Z
//! 1 bWFzdGVyLW… until=2026-12-31T10:00:00Z
//! ```
//!
//! A text of any other shape is one secret, taken octet by octet: version 1.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::{KeyRing, KeyTimes, RING_MAX_KEYS, RingError, RingKey, Stack, is_pattern};
use crate::clock::Timestamp;
use crate::key::MasterKey;

/// The longest text of a ring, in octets: room for [`RING_MAX_KEYS`] lines.
pub const RING_MAX_BYTES: u64 = 16 * 1024;

/// What rewrites a ring: a new key, and until when the one before it is of use.
pub struct Rotation<'a> {
    /// At least 32 random octets.
    pub material: &'a [u8],
    /// When the new key begins; the present or later.
    pub from: Timestamp,
    /// When the key before it retires; not before `from`.
    pub until: Timestamp,
    /// The present: a ring whose newest key has not begun is not rotated.
    pub now: Timestamp,
}

impl KeyRing {
    /// Reads the text of a key file.
    ///
    /// # Errors
    /// [`RingError`].
    ///
    /// ```
    /// use doorward_kit::{KeyRing, RingError};
    /// assert_eq!(KeyRing::parse("one secret of thirty-two octets or more").unwrap().newest(), 1);
    /// assert_eq!(KeyRing::parse("2 short").unwrap_err(), RingError::Line(1));
    /// ```
    pub fn parse(text: &str) -> Result<Self, RingError> {
        if !is_ring(text) {
            return Ok(MasterKey::new(text.as_bytes()).ok_or(RingError::Short)?.into());
        }
        let mut lines = Vec::new();
        for (number, line) in told_lines(text) {
            if lines.len() == RING_MAX_KEYS {
                return Err(RingError::Full);
            }
            let line = Line::read(number, line)?;
            line.follow(&lines)?;
            lines.push(line);
        }
        let mut keys = lines.into_iter().map(Line::into_key);
        let newest = keys.next().ok_or(RingError::Short)??;
        Ok(Self(Arc::new(Stack::new(newest, keys.collect::<Result<_, _>>()?))))
    }

    /// The text of a key file with one more key.
    ///
    /// # Errors
    /// [`RingError`] when `text` is no ring, is full, has a key that has not begun, or when the new key is weak or its times are not in
    /// order.
    pub fn rotated(text: &str, rotation: &Rotation<'_>) -> Result<Zeroizing<String>, RingError> {
        let ring = Self::parse(text)?;
        if ring.current(rotation.now) != ring.newest() {
            return Err(RingError::Pending(ring.newest()));
        }
        let version = ring.newest().checked_add(1).ok_or(RingError::Full)?;
        let Rotation { material, from, until, .. } = rotation;
        let mut new = Zeroizing::new(String::with_capacity(text.len() * 2 + 256));
        // Room is there: nothing is moved and left behind in memory.
        let _ = writeln!(new, "{version} {} from={from}", *Zeroizing::new(STANDARD.encode(material)));
        if is_ring(text) {
            for (at, (_, line)) in told_lines(text).enumerate() {
                let _ = if at == 0 { writeln!(new, "{line} until={until}") } else { writeln!(new, "{line}") };
            }
        } else {
            let _ = writeln!(new, "{} {} until={until}", ring.newest(), *Zeroizing::new(STANDARD.encode(text)));
        }
        Self::parse(&new)?;
        Ok(new)
    }
}

/// Whether the first line begins like that of a ring: a number and a space. Then a fault of it is a fault, and not another kind of secret.
#[must_use]
pub fn is_ring(text: &str) -> bool {
    told_lines(text).next().and_then(|(_, line)| line.split_once(' ')).is_some_and(|(word, _)| version(word).is_some())
}

/// One line, taken apart.
struct Line {
    number: usize,
    version: u32,
    material: Zeroizing<Vec<u8>>,
    times: KeyTimes,
}

impl Line {
    fn read(number: usize, line: &str) -> Result<Self, RingError> {
        let fault = || RingError::Line(number);
        let mut words = line.split_ascii_whitespace().peekable();
        let version = words.next().and_then(version).ok_or_else(fault)?;
        let material = STANDARD.decode(words.next().ok_or_else(fault)?).map(Zeroizing::new).map_err(|_| fault())?;
        let mut time = |name: &str| match words.next_if(|word| word.starts_with(name)) {
            Some(word) => word[name.len()..].parse().map(Some).map_err(|_| fault()),
            None => Ok(None),
        };
        let times = KeyTimes { from: time("from=")?, until: time("until=")? };
        if words.next().is_some() {
            return Err(fault());
        }
        if is_pattern(&material) {
            return Err(RingError::Weak(number));
        }
        Ok(Self { number, version, material, times })
    }

    /// Whether it may stand behind the lines above it.
    fn follow(&self, above: &[Self]) -> Result<(), RingError> {
        if self.times.until.is_some() == above.is_empty() {
            return Err(RingError::Retirement(self.number));
        }
        if above.iter().any(|line| line.material == self.material) {
            return Err(RingError::Twice(self.number));
        }
        let Some(newer) = above.last() else { return Ok(()) };
        if newer.version <= self.version {
            return Err(RingError::Order(self.number));
        }
        // A rotation leaves none out, so a line was lost: with it go the passwords that have its pepper.
        if newer.version != self.version + 1 {
            return Err(RingError::Gap(self.number));
        }
        let (begins, own) = (newer.times.from.unwrap_or(Timestamp::MIN), self.times.from.unwrap_or(Timestamp::MIN));
        let ends = self.times.until.unwrap_or(Timestamp::MAX);
        if own > begins || ends < begins { Err(RingError::Times(self.number)) } else { Ok(()) }
    }

    fn into_key(self) -> Result<RingKey, RingError> {
        let key = MasterKey::new(&self.material).ok_or(RingError::Weak(self.number))?;
        Ok(RingKey { version: self.version, times: self.times, key })
    }
}

/// Lines that say something, with their numbers from 1.
fn told_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// 1 to 999 999, without sign or leading zero.
fn version(word: &str) -> Option<u32> {
    let is_number = (1..=6).contains(&word.len()) && !word.starts_with('0') && word.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| word.parse().ok()).flatten()
}
