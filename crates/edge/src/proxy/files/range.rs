//! Which part of a file is asked for (RFC 9110 §14.2), and whether it is a part of what the client holds (§13.1.5).
//!
//! One part at most: more would multiply the work and the framing of one short request, and a server may always answer with the whole.

use http::Method;
use http::header::{self, HeaderMap, HeaderValue};

/// What goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first octet to the last, both included; there are such.
    Some(u64, u64),
    /// 416: the part begins behind the end.
    Beyond,
}

/// The part that the fields ask for of a file with this length and tag.
///
/// Without `If-Range`, a download that goes on after the file was replaced would be glued together from two files; with it, another
/// version goes out whole.
pub(super) fn wanted(method: &Method, headers: &HeaderMap, length: u64, tag: &HeaderValue) -> Part {
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Part::Whole };
    if method != Method::GET || headers.get_all(header::IF_RANGE).iter().any(|held| !is_held(held, tag)) {
        return Part::Whole;
    }
    single(range, length).unwrap_or(Part::Whole)
}

/// Strong comparison. A date never matches: it is exact to the second only, and whoever has our tag may not send it.
fn is_held(held: &HeaderValue, tag: &HeaderValue) -> bool {
    held.as_bytes().starts_with(b"\"") && held == tag
}

/// `bytes=` with a first or a last number or both, in order; `None` for all else and for an end that is longer than the file.
fn single(range: &HeaderValue, length: u64) -> Option<Part> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (first, last) = range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = match (first, last) {
        ("", last) => {
            let tail = number(last).filter(|tail| *tail > 0)?;
            (length.checked_sub(tail)?, u64::MAX)
        }
        (first, "") => (number(first)?, u64::MAX),
        (first, last) => (number(first)?, number(last)?),
    };
    if first > last {
        return None;
    }
    Some(if first < length { Part::Some(first, last.min(length - 1)) } else { Part::Beyond })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAG: HeaderValue = HeaderValue::from_static("\"v\"");

    fn part(method: &Method, ranges: &[&str], held: &[&'static str], length: u64) -> Part {
        let mut headers = HeaderMap::new();
        for range in ranges {
            headers.append(header::RANGE, HeaderValue::from_str(range).expect("a value"));
        }
        for held in held {
            headers.append(header::IF_RANGE, HeaderValue::from_static(held));
        }
        wanted(method, &headers, length, &TAG)
    }

    #[test]
    fn only_one_part_of_a_get_is_followed() {
        for (range, expected) in [
            ("bytes=0-0", Part::Some(0, 0)),
            ("bytes=7-", Part::Some(7, 9)),
            ("bytes=-7", Part::Some(3, 9)),
            ("bytes=-10", Part::Some(0, 9)),
            ("bytes=-11", Part::Whole),
            ("bytes=8-99", Part::Some(8, 9)),
            ("bytes=10-", Part::Beyond),
            ("bytes=0-0,1-1", Part::Whole),
            ("bytes=2-1", Part::Whole),
            ("bytes=12-11", Part::Whole),
            ("bytes=-0", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("items=0-0", Part::Whole),
            ("", Part::Whole),
        ] {
            assert_eq!(part(&Method::GET, &[range], &[], 10), expected, "{range}");
            assert_eq!(part(&Method::HEAD, &[range], &[], 10), Part::Whole, "HEAD {range}");
        }
        assert_eq!(part(&Method::GET, &["bytes=0-0", "bytes=1-1"], &[], 10), Part::Whole);
        assert_eq!(part(&Method::GET, &["bytes=0-"], &[], 0), Part::Beyond);
        for (held, expected) in [
            (&["\"v\""][..], Part::Some(0, 0)),
            (&["W/\"v\""], Part::Whole),
            (&["v"], Part::Whole),
            (&["\"v\"", "\"w\""], Part::Whole),
        ] {
            assert_eq!(part(&Method::GET, &["bytes=0-0"], held, 10), expected, "{held:?}");
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_in_the_file(range in "(bytes=)?[0-9,-]{0,24}", length in 0_u64..30) {
            if let Part::Some(first, last) = part(&Method::GET, &[&range], &[], length) {
                prop_assert!(first <= last && last < length);
            }
        }
    }
}
