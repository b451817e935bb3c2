//! Length, coding and type of a body, decided from the head before anything of it is read (CSRF-08, CSRF-09, INPUT-01, INPUT-05).

use http::{HeaderMap, HeaderName, header};

use crate::cookie::{Found, field_once};
use crate::problem::Problem;
use crate::route::{CsrfClass, Route};

/// What a route reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Form,
    Report,
}

/// Refuses an announced length over `limit` octets.
pub(crate) fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), Problem> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match announced.and_then(|text| text.parse::<u64>().ok()) {
        Some(length) if length > limit => Err(Problem::TOO_LARGE),
        _ => Ok(()),
    }
}

/// Refuses every content type but the route's own, and every content coding.
pub(crate) fn check_type(route: &Route, headers: &HeaderMap) -> Result<(), Problem> {
    let kind = match route.csrf {
        CsrfClass::Safe => return Ok(()),
        CsrfClass::Token if is_empty(headers) && !headers.contains_key(header::CONTENT_TYPE) => return Ok(()),
        CsrfClass::Origin | CsrfClass::Token => Kind::Json,
        CsrfClass::Form => Kind::Form,
        CsrfClass::Open => Kind::Report,
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Problem::MEDIA_TYPE);
    }
    match once_text(headers, &header::CONTENT_TYPE) {
        Some(value) if is_kind(kind, value) => Ok(()),
        _ => Err(Problem::MEDIA_TYPE),
    }
}

/// No body at all, as the framing says.
fn is_empty(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::TRANSFER_ENCODING)
        && headers.get(header::CONTENT_LENGTH).is_none_or(|value| value.as_bytes() == b"0")
}

fn once_text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    match field_once(headers, name) {
        Found::Once(value) => std::str::from_utf8(value).ok(),
        Found::Absent | Found::Many => None,
    }
}

/// The essence, exactly, and no parameter but `charset=utf-8` (RFC 9110 §8.3.1: names and this value ignore case).
fn is_kind(kind: Kind, value: &str) -> bool {
    let (essence, parameter) = match value.split_once(';') {
        Some((essence, parameter)) => (essence, Some(parameter)),
        None => (value, None),
    };
    let essence = essence.trim_matches([' ', '\t']);
    let allowed: &[&str] = match kind {
        Kind::Json => &["application/json"],
        Kind::Form => &["application/x-www-form-urlencoded"],
        Kind::Report => &["application/csp-report", "application/reports+json", "application/json"],
    };
    allowed.iter().any(|name| essence.eq_ignore_ascii_case(name)) && parameter.is_none_or(is_utf8_charset)
}

fn is_utf8_charset(parameter: &str) -> bool {
    let parameter = parameter.trim_matches([' ', '\t']);
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
}
