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

/// A path as a log shows it: visible, at most 1 KiB, without query and parameters, and without segments that look like a credential
/// (LOG-02). A token does not belong in a path, but an application behind us may put one there, and a person may paste one.
///
/// ```
/// use doorward_kit::redact::LoggedPath;
/// let token = "q3K0b1Zr8hN5tYw2Xc7Vd4Ls6Jm9Pf1Ga0Re3Ui5Oo8";
/// assert_eq!(LoggedPath(&format!("/reset-password/{token}?x=1")).to_string(), "/reset-password/[redacted]");
/// assert_eq!(LoggedPath("/blog/how-to-open-a-door-in-2026").to_string(), "/blog/how-to-open-a-door-in-2026");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LoggedPath<'a>(pub &'a str);

impl fmt::Display for LoggedPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut room: usize = 1024;
        for (number, segment) in without_query(self.0).split('/').enumerate() {
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
        Ok(())
    }
}

/// Twenty or more characters of all three kinds, or thirty-two or more hexadecimal digits that are no UUID: drawn, not written.
fn looks_secret(segment: &str) -> bool {
    // The longest part between separators that no token contains; a token may be wrapped, as in `t=…` or `….html`.
    segment.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '%' | '+' | '='))).any(|part| {
        let has = |kind: fn(&u8) -> bool| part.as_bytes().iter().any(kind);
        let is_mixed = part.len() >= 20 && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
        let is_hex = part.len() >= 32 && part.bytes().all(|octet| octet.is_ascii_hexdigit());
        is_mixed && uuid::Uuid::try_parse(part).is_err() || is_hex
    })
}
