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
