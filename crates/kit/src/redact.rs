//! What foreign text looks like in a log: escaped, short, and without what might be a secret.

use std::fmt::{self, Write as _};

/// Prints foreign text on one line: control, bidi, line-separator and other invisible characters are escaped (AUD-03, LOG-10).
///
/// ```
/// use doorward_kit::redact::Visible;
/// assert_eq!(Visible::new("a\r\n\u{202e}b", 64).to_string(), r"a\u{d}\u{a}\u{202e}b");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Visible<'a> {
    text: &'a str,
    max_chars: usize,
}

impl<'a> Visible<'a> {
    /// Shows at most `max_chars` characters of `text`, then `…`.
    #[must_use]
    pub fn new(text: &'a str, max_chars: usize) -> Self {
        Self { text, max_chars }
    }
}

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (seen, character) in self.text.chars().enumerate() {
            if seen == self.max_chars {
                return f.write_char('…');
            }
            if is_invisible(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Cuts query and fragment off a request target or URL: what stays is safe to log (LOG-02, LOG-03).
///
/// Path parameters after `;` go as well, since a session id may ride in them.
#[must_use]
pub fn without_query(target: &str) -> &str {
    target.find(['?', '#', ';']).map_or(target, |end| &target[..end])
}

/// How often a path may be percent-encoded over and over before nobody can have meant it.
const ENCODINGS_MAX: usize = 4;

/// A path as a log shows it: visible, at most 1 KiB, without query and parameters, and without segments that look like a credential
/// (LOG-02). A token does not belong in a path, but an application behind us may put one there, and a person may paste one.
///
/// What is percent-encoded, once or several times, is judged by what it stands for: an encoded `?`, `#` or `;` ends the path as well.
///
/// ```
/// use doorward_kit::redact::LoggedPath;
/// let token = "q3K0b1Zr8hN5tYw2Xc7Vd4Ls6Jm9Pf1Ga0Re3Ui5Oo8";
/// assert_eq!(LoggedPath(&format!("/reset-password/{token}?x=1")).to_string(), "/reset-password/[redacted]");
/// assert_eq!(LoggedPath("/callback%253Fcode=x").to_string(), "/callback…");
/// assert_eq!(LoggedPath("/blog/how-to-open-a-door-in-2026").to_string(), "/blog/how-to-open-a-door-in-2026");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LoggedPath<'a>(pub &'a str);

impl fmt::Display for LoggedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = without_query(self.0);
        let end = encoded_end(path);
        let mut room: usize = 1024;
        for (number, segment) in path[..end.unwrap_or(path.len())].split('/').enumerate() {
            if number > 0 {
                f.write_char('/')?;
            }
            if room == 0 {
                return f.write_char('…');
            }
            if looks_secret(segment) {
                f.write_str("[redacted]")?;
            } else {
                Visible::new(segment, room).fmt(f)?;
            }
            room = room.saturating_sub(segment.len() + 1);
        }
        if end.is_some() { f.write_char('…') } else { Ok(()) }
    }
}

/// Where `?`, `#` or `;` stands percent-encoded, however often: `%3F`, `%253f`, `%252523`.
fn encoded_end(path: &str) -> Option<usize> {
    let octets = path.as_bytes();
    (0..octets.len()).filter(|at| octets[*at] == b'%').find(|at| {
        let mut rest = &octets[at + 1..];
        while let Some(inner) = rest.strip_prefix(b"25") {
            rest = inner;
        }
        rest.get(..2).is_some_and(|code| [b"3F", b"23", b"3B"].iter().any(|end| code.eq_ignore_ascii_case(*end)))
    })
}

/// Whether a segment holds something that was drawn, not written, under any of its encodings.
fn looks_secret(segment: &str) -> bool {
    if !segment.contains('%') {
        return has_drawn_part(segment.as_bytes());
    }
    let mut octets = segment.as_bytes().to_vec();
    for _ in 0..ENCODINGS_MAX {
        if has_drawn_part(&octets) {
            return true;
        }
        match decode(&octets) {
            Some(decoded) => octets = decoded,
            None => return false,
        }
    }
    true
}

/// Undoes one percent-encoding; `None` when there is none.
fn decode(octets: &[u8]) -> Option<Vec<u8>> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (mut decoded, mut rest, mut any) = (Vec::with_capacity(octets.len()), octets, false);
    while let Some((&octet, tail)) = rest.split_first() {
        match tail {
            [high, low, after @ ..] if octet == b'%' && digit(*high).is_some() && digit(*low).is_some() => {
                decoded.push(digit(*high).unwrap_or_default() << 4 | digit(*low).unwrap_or_default());
                (rest, any) = (after, true);
            }
            _ => {
                decoded.push(octet);
                rest = tail;
            }
        }
    }
    any.then_some(decoded)
}

/// Looks between the separators that no token contains; a token may be wrapped, as in `t=…` or `….html`.
fn has_drawn_part(octets: &[u8]) -> bool {
    octets.split(|octet| !(octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'+'))).any(is_drawn)
}

/// Twenty or more characters of all three kinds, forty or more of both cases, thirty or more letters and digits without a break, or
/// thirty-two or more hexadecimal digits; but no UUID, which names a thing and opens nothing.
fn is_drawn(part: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| part.iter().any(kind);
    let is_cased = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
    let is_mixed = is_cased && (part.len() >= 40 || part.len() >= 20 && has(u8::is_ascii_digit));
    let is_name = || std::str::from_utf8(part).is_ok_and(|text| text.contains('-') && uuid::Uuid::try_parse(text).is_ok());
    let is_unbroken = |word: &[u8]| {
        let digits = word.iter().filter(|octet| octet.is_ascii_digit()).count();
        word.len() >= 30 && digits >= 4 && word.len() - digits >= 4
    };
    is_mixed && !is_name()
        || part.split(|octet| !octet.is_ascii_alphanumeric()).any(is_unbroken)
        || part.split(|octet| !octet.is_ascii_hexdigit()).any(|run| run.len() >= 32)
}
