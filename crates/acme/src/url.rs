//! URLs, read so strictly that two readers cannot disagree (TLS-02).
//!
//! Comes in: text from a configuration or from an authority. Goes out: host, port and path, or the class of what is wrong.
//! Must never know: which host is allowed.

use crate::port::UrlClass;

/// Longer ones are no URL of an authority.
const LONGEST: usize = 1024;

/// A URL in the only spelling that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StrictUrl<'a> {
    /// Lower-case letters, digits, hyphens and dots.
    pub(crate) host: &'a str,
    /// 443 when none is written.
    pub(crate) port: u16,
    /// Begins with `/`; without dot segments, empty segments or escapes.
    pub(crate) path: &'a str,
}

impl<'a> StrictUrl<'a> {
    /// Reads `https://host[:port]/path`. Nothing is repaired: what would need it is refused.
    pub(crate) fn parse(text: &'a str) -> Result<Self, UrlClass> {
        if text.len() > LONGEST || !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'%')) {
            return Err(UrlClass::Spelling);
        }
        let rest = text.strip_prefix("https://").ok_or(UrlClass::Scheme)?;
        let slash = rest.find('/').ok_or(UrlClass::Path)?;
        let (authority, path) = rest.split_at(slash);
        if authority.contains('@') {
            return Err(UrlClass::Userinfo);
        }
        let (host, port) = match authority.split_once(':') {
            None => (authority, 443),
            Some((host, port)) => (host, read_port(port).ok_or(UrlClass::Port)?),
        };
        if !is_host(host) {
            return Err(UrlClass::Host);
        }
        if !is_path(path) {
            return Err(UrlClass::Path);
        }
        Ok(Self { host, port, path })
    }
}

/// Decimal without leading zeros, so that one port has one spelling.
fn read_port(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// Queries and fragments fall out here too, since neither `?` nor `#` is in the alphabet.
fn is_path(text: &str) -> bool {
    let segment = |segment: &str| {
        !matches!(segment, "." | "..") && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    text.len() > 1 && !text.contains("//") && text[1..].split('/').all(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_written_back_as_it_was() {
        let url = StrictUrl::parse("https://a-1.example:8443/dir/x_1~").unwrap();
        assert_eq!((url.host, url.port, url.path), ("a-1.example", 8443, "/dir/x_1~"));
        assert_eq!(StrictUrl::parse("https://a.example/d").unwrap().port, 443);
    }

    #[test]
    fn each_trick_has_its_class() {
        let cases = [
            ("http://a.example/d", UrlClass::Scheme),
            ("HTTPS://a.example/d", UrlClass::Scheme),
            ("https://A.example/d", UrlClass::Host),
            ("https://a.example./d", UrlClass::Host),
            ("https://a.example:/d", UrlClass::Port),
            ("https://a.example:0443/d", UrlClass::Port),
            ("https://a.example:70000/d", UrlClass::Port),
            ("https://u@a.example/d", UrlClass::Userinfo),
            ("https://[::1]/d", UrlClass::Port),
            ("https://a.example", UrlClass::Path),
            ("https://a.example/", UrlClass::Path),
            ("https://a.example/d?x", UrlClass::Path),
            ("https://a.example/d#x", UrlClass::Path),
            ("https://a.example/d/../e", UrlClass::Path),
            ("https://a.example//d", UrlClass::Path),
            ("https://a.example/%64", UrlClass::Spelling),
            ("https://a.example/d\n", UrlClass::Spelling),
            ("https://a.example\\@b.example/d", UrlClass::Spelling),
            ("https://ａ.example/d", UrlClass::Spelling),
        ];
        for (text, class) in cases {
            assert_eq!(StrictUrl::parse(text), Err(class), "{text:?}");
        }
    }
}
