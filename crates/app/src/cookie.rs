//! Cookies as octets (SES-03): exact names, nothing decoded, nothing guessed. And how ours are set.

use doorward_policy::CookiePolicy;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// How often something that must come once has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// Not at all.
    Absent,
    /// Once.
    Once(T),
    /// More than once, whatever the values.
    Many,
}

impl<T> Found<T> {
    fn and(self, next: T) -> Self {
        match self {
            Self::Absent => Self::Once(next),
            Self::Once(_) | Self::Many => Self::Many,
        }
    }
}

/// The cookies of the site, as they came.
#[derive(Clone, Copy)]
pub(crate) struct Cookies<'a> {
    pub(crate) session: Found<&'a [u8]>,
    pub(crate) csrf: Found<&'a [u8]>,
    device: Found<&'a [u8]>,
    pending: Found<&'a [u8]>,
    provider: Found<&'a [u8]>,
}

impl<'a> Cookies<'a> {
    /// Reads every `Cookie` field: HTTP/2 may split the one field into several (RFC 9113 §8.2.3).
    pub(crate) fn read(headers: &'a HeaderMap, policy: &CookiePolicy) -> Self {
        let mut found = Self {
            session: Found::Absent,
            csrf: Found::Absent,
            device: Found::Absent,
            pending: Found::Absent,
            provider: Found::Absent,
        };
        for field in headers.get_all(header::COOKIE) {
            for pair in field.as_bytes().split(|byte| *byte == b';') {
                let Some((name, value)) = split_pair(pair) else { continue };
                if name == policy.session.name.as_bytes() {
                    found.session = found.session.and(value);
                } else if name == policy.csrf.name.as_bytes() {
                    found.csrf = found.csrf.and(value);
                } else if name == policy.device.name.as_bytes() {
                    found.device = found.device.and(value);
                } else if name == policy.pending.name.as_bytes() {
                    found.pending = found.pending.and(value);
                } else if name == policy.provider.name.as_bytes() {
                    found.provider = found.provider.and(value);
                }
            }
        }
        found
    }

    /// The session cookie's value, when it came once and is text.
    pub(crate) fn session_text(&self) -> Option<&'a str> {
        text(self.session)
    }

    /// The device cookie's value, when it came once and is text. Twice is none: it lifts a throttle, and which of the two is not told.
    pub(crate) fn device_text(&self) -> Option<&'a str> {
        text(self.device)
    }

    /// The cookie of a sign-in that waits for its second factor, when it came once and is text. Twice is none: which one is meant is not told.
    pub(crate) fn pending_text(&self) -> Option<&'a str> {
        text(self.pending)
    }

    /// The cookie of a sign-in with a provider, when it came once and is text; twice is none here too.
    pub(crate) fn provider_text(&self) -> Option<&'a str> {
        text(self.provider)
    }
}

fn text(found: Found<&[u8]>) -> Option<&str> {
    match found {
        Found::Once(value) => std::str::from_utf8(value).ok(),
        Found::Absent | Found::Many => None,
    }
}

/// Splits at the first `=` after trimming SP and HTAB alone; a pair without a name is nobody's.
fn split_pair(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let pair = trim_blank(pair);
    let at = pair.iter().position(|byte| *byte == b'=')?;
    (at > 0).then(|| (&pair[..at], &pair[at + 1..]))
}

fn trim_blank(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// The values of one cookie, as they came.
pub(crate) fn named<'a>(headers: &'a HeaderMap, name: &str) -> Found<&'a [u8]> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
    let values = pairs.filter_map(split_pair).filter(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value);
    values.fold(Found::Absent, Found::and)
}

/// The values of a field that must come once.
pub(crate) fn field_once<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Found<&'a [u8]> {
    headers.get_all(name).iter().fold(Found::Absent, |found, value| found.and(value.as_bytes()))
}

/// The value of a `Set-Cookie` field; marked so that HTTP/2 keeps it out of its compression tables.
pub(crate) fn value(set_cookie: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(set_cookie).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Adds a `Set-Cookie` field.
pub(crate) fn add(headers: &mut HeaderMap, set_cookie: &str) {
    headers.extend(value(set_cookie).map(|value| (header::SET_COOKIE, value)));
}

/// Whether an answer sets or clears this cookie.
pub(crate) fn is_set(headers: &HeaderMap, name: &str) -> bool {
    let sets = |value: &HeaderValue| split_pair(value.as_bytes()).is_some_and(|(found, _)| found == name.as_bytes());
    headers.get_all(header::SET_COOKIE).iter().any(sets)
}

/// Takes both cookies away again, with the attributes they were set with (SES-09).
pub(crate) fn clear_all(headers: &mut HeaderMap, policy: &CookiePolicy) {
    add(headers, &policy.session.clear());
    add(headers, &policy.csrf.clear());
}
