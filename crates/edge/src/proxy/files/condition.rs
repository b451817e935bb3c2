//! Conditions of a request (RFC 9110 §13): whether what the client holds is what it would get.

use std::time::{Duration, SystemTime};

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// What the conditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The file goes out, or a part of it.
    Send,
    /// 304: the client has it.
    NotModified,
    /// 412: the client wants another version than there is.
    Failed,
}

/// Judges in the order of §13.2.2: a tag, where one is named, decides and no date beside it.
pub(super) fn judge(headers: &HeaderMap, tag: &HeaderValue, modified: SystemTime) -> Verdict {
    if headers.contains_key(header::IF_MATCH) {
        if !lists(headers, &header::IF_MATCH, tag, false) {
            return Verdict::Failed;
        }
    } else if date(headers, &header::IF_UNMODIFIED_SINCE).is_some_and(|date| seconds(modified) > seconds(date)) {
        return Verdict::Failed;
    }
    let is_held = if headers.contains_key(header::IF_NONE_MATCH) {
        lists(headers, &header::IF_NONE_MATCH, tag, true)
    } else {
        date(headers, &header::IF_MODIFIED_SINCE).is_some_and(|date| seconds(modified) <= seconds(date))
    };
    if is_held { Verdict::NotModified } else { Verdict::Send }
}

/// Whether the field names this tag or any; with `weakly`, a tag that was weakened on the way is the same (§8.8.3.2).
fn lists(headers: &HeaderMap, name: &HeaderName, tag: &HeaderValue, weakly: bool) -> bool {
    let own = tag.as_bytes();
    headers.get_all(name).iter().any(|value| {
        let mut rest = value.as_bytes().trim_ascii();
        if rest == b"*" {
            return true;
        }
        while let Some((weak, named, after)) = next_tag(rest) {
            if named == own && (weakly || !weak) {
                return true;
            }
            rest = after;
        }
        false
    })
}

/// The first tag of a list, whether it is a weak one, and what stands behind it; `None` at the end or at what is no tag.
fn next_tag(list: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let start = list.iter().position(|octet| !matches!(octet, b' ' | b'\t' | b','))?;
    let list = &list[start..];
    let (weak, quoted) = list.strip_prefix(b"W/").map_or((false, list), |rest| (true, rest));
    let end = quoted.strip_prefix(b"\"").and_then(|inner| memchr::memchr(b'"', inner))? + 2;
    Some((weak, &quoted[..end], &quoted[end..]))
}

/// A date that is said once and is one.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// Fields know no fraction of a second.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TAG: HeaderValue = HeaderValue::from_static("\"a,b\"");

    fn verdict(fields: &[(&'static str, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"));
        }
        judge(&headers, &TAG, SystemTime::UNIX_EPOCH + Duration::from_millis(10_500))
    }

    #[test]
    fn tags_go_before_dates_and_doubt_sends_the_file() {
        const SAME: &str = "Thu, 01 Jan 1970 00:00:10 GMT";
        const BEFORE: &str = "Thu, 01 Jan 1970 00:00:09 GMT";
        use Verdict::{Failed, NotModified, Send};
        for (fields, expected) in [
            (vec![], Send),
            (vec![("if-none-match", "\"a,b\"")], NotModified),
            (vec![("if-none-match", "W/\"a,b\"")], NotModified),
            (vec![("if-none-match", "\"x\" , W/\"a,b\"")], NotModified),
            (vec![("if-none-match", "\"x\""), ("if-none-match", "\"a,b\"")], NotModified),
            (vec![("if-none-match", " * ")], NotModified),
            (vec![("if-none-match", "\"x\"")], Send),
            (vec![("if-none-match", "a,b")], Send),
            (vec![("if-none-match", "\"a,b")], Send),
            (vec![("if-none-match", "w/\"a,b\"")], Send),
            (vec![("if-none-match", "")], Send),
            (vec![("if-none-match", "\"x\""), ("if-modified-since", SAME)], Send),
            (vec![("if-modified-since", SAME)], NotModified),
            (vec![("if-modified-since", BEFORE)], Send),
            (vec![("if-modified-since", "yesterday")], Send),
            (vec![("if-modified-since", SAME), ("if-modified-since", SAME)], Send),
            (vec![("if-match", "\"a,b\"")], Send),
            (vec![("if-match", "*")], Send),
            (vec![("if-match", "W/\"a,b\"")], Failed),
            (vec![("if-match", "\"x\"")], Failed),
            (vec![("if-match", "\"x\""), ("if-none-match", "*")], Failed),
            (vec![("if-unmodified-since", BEFORE)], Failed),
            (vec![("if-unmodified-since", SAME)], Send),
            (vec![("if-match", "*"), ("if-unmodified-since", BEFORE)], Send),
        ] {
            assert_eq!(verdict(&fields), expected, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn no_list_breaks_it(list in "[ -~]{0,80}") {
            prop_assume!(!list.contains("a,b") && list.trim() != "*");
            prop_assert_eq!(verdict(&[("if-none-match", &list)]), Verdict::Send);
        }
    }
}
