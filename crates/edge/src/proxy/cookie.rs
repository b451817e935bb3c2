//! Cookies on their way through: crumbs become one line (RFC 9113 §8.2.3), our own credentials stay here, and no upstream sets them.

use doorward_policy::CookiePolicy;
use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

const OURS: [&str; 7] = CookiePolicy::doorward().names();

/// Joins all `Cookie` fields to one with the same pairs in the same order, without Doorward's own. Removes the field when nothing is left.
pub(super) fn settle(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(COOKIE).iter();
    let Some(first) = fields.next() else {
        return;
    };
    if fields.next().is_none() && !pairs(first.as_bytes()).any(is_ours) {
        return;
    }
    let line = join(headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes));
    match HeaderValue::from_maybe_shared(line) {
        Ok(value) if !value.is_empty() => {
            headers.insert(COOKIE, value);
        }
        _ => {
            headers.remove(COOKIE);
        }
    }
}

/// Removes the fields of an answer that would set or clear a cookie of Doorward's: only the accounts application may.
pub(super) fn keep_ours(headers: &mut HeaderMap) {
    let touches_ours = |value: &HeaderValue| {
        let pair = pairs(value.as_bytes()).next().unwrap_or_default();
        // A cookie without a name is sent back as its bare value, which reads like a pair.
        is_ours(pair.strip_prefix(b"=").unwrap_or(pair))
    };
    if headers.get_all(SET_COOKIE).iter().any(touches_ours) {
        let kept: Vec<_> = headers.get_all(SET_COOKIE).iter().filter(|value| !touches_ours(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
}

fn pairs(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii)
}

fn join<'a>(fields: impl Iterator<Item = &'a [u8]>) -> bytes::Bytes {
    let mut line = Vec::new();
    for pair in fields.flat_map(pairs) {
        if pair.is_empty() || is_ours(pair) {
            continue;
        }
        if !line.is_empty() {
            line.extend_from_slice(b"; ");
        }
        line.extend_from_slice(pair);
    }
    line.into()
}

/// Browsers know cookie names by their exact octets; a lenient upstream might trim or ignore case, so we do as well.
fn is_ours(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    OURS.iter().any(|ours| ours.as_bytes().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::settle;
    use http::HeaderMap;
    use http::header::COOKIE;

    fn settled(fields: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(COOKIE, field.parse().expect("a value"));
        }
        settle(&mut headers);
        assert!(headers.get_all(COOKIE).iter().count() < 2);
        headers.get(COOKIE).map(|value| value.to_str().expect("text").to_owned())
    }

    #[test]
    fn one_line_is_left_as_it_is() {
        assert_eq!(settled(&["a=1;b=2;  c"]).as_deref(), Some("a=1;b=2;  c"));
        assert_eq!(settled(&[]), None);
    }

    #[test]
    fn our_pairs_go_and_all_others_keep_their_octets() {
        assert_eq!(settled(&["__Host-doorward_session=s"]), None);
        assert_eq!(settled(&["__HOST-DOORWARD_SESSION = s"]), None);
        assert_eq!(
            settled(&["a=\"x y\"; __Host-doorward_session=s; b=2; __Host-doorward_csrf=t"]).as_deref(),
            Some("a=\"x y\"; b=2")
        );
        assert_eq!(settled(&["__Host-doorward_device=d; a=1", "__Host-doorward_device"]).as_deref(), Some("a=1"));
        assert_eq!(settled(&["a=1", "__HOST-doorward_session =s", "b"]).as_deref(), Some("a=1; b"));
        assert_eq!(settled(&["x__Host-doorward_session=s"]).as_deref(), Some("x__Host-doorward_session=s"));
    }
}
