//! Which part of a file is asked for, and whether the part that came is the right one (RFC 9110 §14.2, §13.1.5).
//!
//! The file service knows single ranges but not `If-Range`: without it, a download that goes on after the file was replaced would
//! be glued together from two files. Comes in: the fields of a request, then the answer to it. Goes out: the fields without a range
//! that is not to be followed, and whether the answer has to be asked for again without one.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};

/// Removes `Range` unless it is for a GET and names one part of the octets.
///
/// More parts than one would multiply the work and the framing of one short request; a server may always answer with the whole.
pub(super) fn keep_single(method: &Method, headers: &mut HeaderMap) {
    let mut ranges = headers.get_all(header::RANGE).iter();
    let first = ranges.next();
    if first.is_some() && !(method == Method::GET && ranges.next().is_none() && first.is_some_and(is_single)) {
        headers.remove(header::RANGE);
    }
}

/// `bytes=` with a first or a last number or both, in order.
fn is_single(value: &HeaderValue) -> bool {
    let bounds = value.to_str().ok().and_then(|text| text.strip_prefix("bytes=")).and_then(|range| range.split_once('-'));
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    match bounds {
        Some(("", last)) => number(last).is_some_and(|length| length > 0),
        Some((first, "")) => number(first).is_some(),
        Some((first, last)) => number(first).zip(number(last)).is_some_and(|(first, last)| first <= last),
        None => false,
    }
}

/// Whether the whole has to be sent instead of this answer: the part is one of another version than the client holds, or it is
/// the end of a file that is shorter than that end.
pub(super) fn wants_whole<B>(asked: &HeaderMap, answer: &Response<B>) -> bool {
    let Some(range) = asked.get(header::RANGE) else { return false };
    let condition = asked.get(header::IF_RANGE);
    match answer.status() {
        StatusCode::PARTIAL_CONTENT => condition.is_some_and(|held| !is_held(held, answer.headers())),
        StatusCode::RANGE_NOT_SATISFIABLE => condition.is_some() || range.as_bytes().starts_with(b"bytes=-"),
        _ => false,
    }
}

/// Strong comparison. A date never matches: it is exact to the second only, and whoever has our tag may not send it.
fn is_held(held: &HeaderValue, answer: &HeaderMap) -> bool {
    held.as_bytes().starts_with(b"\"") && answer.get(header::ETAG) == Some(held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_part_of_a_get_is_followed() {
        for (method, ranges, kept) in [
            (Method::GET, vec!["bytes=0-0"], true),
            (Method::GET, vec!["bytes=7-"], true),
            (Method::GET, vec!["bytes=-7"], true),
            (Method::HEAD, vec!["bytes=0-0"], false),
            (Method::GET, vec!["bytes=0-0", "bytes=1-1"], false),
            (Method::GET, vec!["bytes=0-0,1-1"], false),
            (Method::GET, vec!["bytes=2-1"], false),
            (Method::GET, vec!["bytes=-0"], false),
            (Method::GET, vec!["bytes=-"], false),
            (Method::GET, vec!["bytes=+1-2"], false),
            (Method::GET, vec!["bytes=99999999999999999999-"], false),
            (Method::GET, vec!["items=0-0"], false),
            (Method::GET, vec![""], false),
        ] {
            let mut headers = HeaderMap::new();
            for range in &ranges {
                headers.append(header::RANGE, HeaderValue::from_static(range));
            }
            keep_single(&method, &mut headers);
            assert_eq!(headers.contains_key(header::RANGE), kept, "{method} {ranges:?}");
        }
    }
}
