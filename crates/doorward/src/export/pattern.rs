//! Prefixes of paths as regular expressions, in the part of the language that RE2 and PCRE share.

use super::ExportError;

/// Whether letters in another case match as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// They do not.
    Exact,
    /// They do.
    Any,
}

/// Matches any of the prefixes at segment boundaries, as routes do.
pub(super) fn prefixes(paths: &[&str]) -> Result<String, ExportError> {
    let all: Result<Vec<String>, ExportError> = paths.iter().map(|path| literal(path)).collect();
    Ok(format!("^({})(/|$)", all?.join("|")))
}

/// Text as an expression that matches it alone. Quotes and backslashes would need a second escape in every language, so there are none.
fn literal(path: &str) -> Result<String, ExportError> {
    let mut text = String::new();
    for c in path.chars() {
        match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '~') => text.push(c),
            '.' | '+' | '*' | '(' | ')' | '@' | '!' | ',' | ':' | '=' | '&' => text.extend(['[', c, ']']),
            _ => {
                return Err(ExportError::Inexpressible {
                    what: format!("path {path:?}"),
                    why: "one of its letters cannot be written in a rule of another edge",
                });
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_text_and_never_an_expression() {
        assert_eq!(prefixes(&["", "/a.b"]).as_deref(), Ok("^(|/a[.]b)(/|$)"));
        for evil in ["/a`", "/a\"b", "/a\\b", "/a b", "/a$", "/a{2}", "/a^", "/é", "/a\nb"] {
            assert!(prefixes(&[evil]).is_err(), "{evil}");
        }
    }
}
