//! One canonicalisation of request paths, used by matching and by forwarding alike (GATE-08, GATE-09).
//!
//! What has one plain meaning is brought to one spelling; what two servers could read differently is refused. Nothing is
//! ever decoded twice, and no dot segment is ever resolved: a client that means `/admin/` can write `/admin/`.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;

/// A path that matcher and upstream read alike: starts with `/`, no empty or dot segments, no escaped separators,
/// escapes only where needed and in upper case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

/// Why a path was refused. All are answered 400, with the class alone in log and audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// Does not start with `/`.
    #[error("path does not start with a slash")]
    NotAbsolute,
    /// An octet that RFC 3986 does not allow in a path, such as `\`, a space, a control or a raw non-ASCII octet.
    #[error("path holds an illegal octet")]
    IllegalOctet,
    /// `%` without two hexadecimal digits.
    #[error("path holds a broken escape")]
    BrokenEscape,
    /// `%2F`, `%5C`, `%00` or another escaped control.
    #[error("path holds an escaped separator or control")]
    EscapedSeparator,
    /// `%25` before two hexadecimal digits: something behind could decode twice.
    #[error("path is escaped twice")]
    DoubleEscape,
    /// `.` or `..`, plain or escaped.
    #[error("path holds a dot segment")]
    DotSegment,
    /// `//`.
    #[error("path holds an empty segment")]
    EmptySegment,
    /// `;`: path parameters are cut off by some servers and kept by others.
    #[error("path holds a parameter")]
    Parameter,
    /// Escaped octets that are not UTF-8, overlong forms included.
    #[error("path is not UTF-8")]
    NotUtf8,
    /// A character that compatibility normalisation or upper case turns into ASCII, such as a full-width solidus.
    #[error("path holds a look-alike of an ASCII character")]
    LookAlike,
}

impl<'a> CanonicalPath<'a> {
    /// Canonicalises the path part of a request target; the query must be cut off before.
    ///
    /// # Errors
    /// [`PathFault`] for everything that has more than one reading.
    pub fn parse(raw: &'a str) -> Result<Self, PathFault> {
        if !raw.starts_with('/') {
            return Err(PathFault::NotAbsolute);
        }
        let spelled = respell(raw)?;
        refuse_double_escapes(&spelled)?;
        refuse_odd_segments(&spelled)?;
        Ok(Self(spelled))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Detaches the text from the request it came from.
    #[must_use]
    pub fn into_owned(self) -> CanonicalPath<'static> {
        CanonicalPath(Cow::Owned(self.0.into_owned()))
    }

    /// What is left after `prefix` (without trailing slash) at a segment boundary; `None` when it does not match.
    ///
    /// ```
    /// use doorward_policy::CanonicalPath;
    /// let path = CanonicalPath::parse("/api/notes").expect("plain");
    /// assert_eq!(path.strip_prefix("/api"), Some("/notes"));
    /// assert_eq!(path.strip_prefix("/ap"), None);
    /// assert_eq!(path.strip_prefix(""), Some("/api/notes"));
    /// ```
    #[must_use]
    pub fn strip_prefix(&self, prefix: &str) -> Option<&str> {
        let rest = self.0.strip_prefix(prefix)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// Whether the path lies under `prefix` only when letter case is ignored: some upstreams would serve it there (GATE-08).
    #[must_use]
    pub fn is_case_variant_of(&self, prefix: &str) -> bool {
        let bytes = self.0.as_bytes();
        bytes.len() >= prefix.len()
            && bytes[..prefix.len()].eq_ignore_ascii_case(prefix.as_bytes())
            && matches!(bytes.get(prefix.len()), None | Some(b'/'))
            && !self.0.starts_with(prefix)
    }
}

/// Unreserved octets are unescaped (RFC 3986 §6.2.2.2), the other escapes written in upper case (§6.2.2.1).
fn respell(raw: &str) -> Result<Cow<'_, str>, PathFault> {
    let bytes = raw.as_bytes();
    let Some(first) = bytes.iter().position(|b| !is_plain(*b)) else {
        return Ok(Cow::Borrowed(raw));
    };
    let mut out = String::with_capacity(raw.len());
    out.push_str(&raw[..first]);
    let mut at = first;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                at += unescape(&bytes[at..], &mut out)?;
            }
            b';' => return Err(PathFault::Parameter),
            plain if is_plain(plain) => {
                out.push(char::from(plain));
                at += 1;
            }
            _ => return Err(PathFault::IllegalOctet),
        }
    }
    Ok(Cow::Owned(out))
}

/// `pchar` and `/` (RFC 3986 §3.3) without `%` and `;`.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,=:@".contains(&byte)
}

/// Reads one character written as one to four escapes, appends it, and says how many octets it took.
fn unescape(bytes: &[u8], out: &mut String) -> Result<usize, PathFault> {
    let first = octet(bytes)?;
    if first.is_ascii() {
        ascii_escape(first, out)?;
        return Ok(3);
    }
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Err(PathFault::NotUtf8),
    };
    let mut buffer = [0; 4];
    for (index, slot) in buffer[..length].iter_mut().enumerate() {
        *slot = octet(bytes.get(index * 3..).unwrap_or_default()).map_err(|_| PathFault::NotUtf8)?;
    }
    let text = std::str::from_utf8(&buffer[..length]).map_err(|_| PathFault::NotUtf8)?;
    if text.chars().any(char::is_control) {
        return Err(PathFault::EscapedSeparator);
    }
    if text.nfkc().any(|c| c.is_ascii()) || text.chars().any(is_case_twin_of_ascii) {
        return Err(PathFault::LookAlike);
    }
    for byte in text.bytes() {
        push_escape(byte, out);
    }
    Ok(length * 3)
}

/// A dotless `ı` is an `I` to whoever compares in upper case, and some case-blind routers do.
fn is_case_twin_of_ascii(character: char) -> bool {
    let mut upper = character.to_uppercase();
    matches!((upper.next(), upper.next()), (Some(single), None) if single.is_ascii())
}

fn ascii_escape(byte: u8, out: &mut String) -> Result<(), PathFault> {
    match byte {
        b'/' | b'\\' | 0..=0x1f | 0x7f => Err(PathFault::EscapedSeparator),
        _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
            out.push(char::from(byte));
            Ok(())
        }
        _ => {
            push_escape(byte, out);
            Ok(())
        }
    }
}

fn octet(bytes: &[u8]) -> Result<u8, PathFault> {
    let [b'%', high, low, ..] = bytes else {
        return Err(PathFault::BrokenEscape);
    };
    let digit = |b: u8| char::from(b).to_digit(16).ok_or(PathFault::BrokenEscape);
    // Two hexadecimal digits always fit an octet.
    Ok((digit(*high)? * 16 + digit(*low)?) as u8)
}

fn push_escape(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(char::from(HEX[usize::from(byte >> 4)]));
    out.push(char::from(HEX[usize::from(byte & 15)]));
}

/// Looks at the finished text: `%25%32%66` becomes `%252f` only once its inner escapes are undone.
fn refuse_double_escapes(path: &str) -> Result<(), PathFault> {
    let doubled = path.as_bytes().windows(5).any(|w| w.starts_with(b"%25") && w[3..].iter().all(u8::is_ascii_hexdigit));
    if doubled { Err(PathFault::DoubleEscape) } else { Ok(()) }
}

fn refuse_odd_segments(path: &str) -> Result<(), PathFault> {
    let mut segments = path[1..].split('/').peekable();
    while let Some(segment) = segments.next() {
        match segment {
            "." | ".." => return Err(PathFault::DotSegment),
            "" if segments.peek().is_some() => return Err(PathFault::EmptySegment),
            _ => {}
        }
    }
    Ok(())
}
