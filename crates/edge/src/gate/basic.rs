//! `Authorization: Basic`, read in exactly one way or not at all (GATE-17; RFC 7617 §2, RFC 9110 §11.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

/// The longest `user:password`, in octets; nobody types more.
const MAX_BYTES: usize = 1024;

/// What a caller says of itself. Wiped when dropped, never printed.
pub(super) struct Credentials {
    /// `user:password`, UTF-8 without controls.
    text: Zeroizing<String>,
    colon: usize,
}

impl Credentials {
    pub(super) fn user(&self) -> &str {
        &self.text[..self.colon]
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.text.as_bytes()[self.colon + 1..]
    }
}

/// What the field holds.
pub(super) enum Read {
    /// No field, or another scheme: whoever asks has to be told what is wanted.
    Absent,
    /// Two readings, or none.
    Malformed,
    /// One user and one password, neither empty.
    Basic(Credentials),
}

/// Reads the one field.
pub(super) fn read(headers: &HeaderMap) -> Read {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else {
        return Read::Absent;
    };
    if fields.next().is_some() {
        return Read::Malformed;
    }
    let bytes = field.as_bytes();
    let scheme_end = bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len());
    let (scheme, rest) = bytes.split_at(scheme_end);
    if !scheme.eq_ignore_ascii_case(b"basic") {
        return Read::Absent;
    }
    decode(rest).map_or(Read::Malformed, Read::Basic)
}

fn decode(rest: &[u8]) -> Option<Credentials> {
    let start = rest.iter().position(|byte| *byte != b' ')?;
    let token = &rest[start..];
    if token.len() > MAX_BYTES.div_ceil(3) * 4 {
        return None;
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(token.len()));
    STANDARD.decode_vec(token, &mut octets).ok()?;
    let text = Zeroizing::new(std::str::from_utf8(&octets).ok()?.to_owned());
    let colon = text.find(':')?;
    let is_sound = colon > 0 && colon + 1 < text.len() && text.len() <= MAX_BYTES && !text.chars().any(char::is_control);
    is_sound.then_some(Credentials { text, colon })
}

#[cfg(test)]
mod tests {
    use super::{Read, read};
    use base64::Engine as _;
    use http::HeaderMap;
    use http::header::AUTHORIZATION;
    use proptest::prelude::*;

    fn header(value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, http::HeaderValue::from_bytes(value).expect("a value"));
        headers
    }

    proptest! {
        #[test]
        fn what_was_written_is_what_is_read(user in "[^:\\p{Cc}]{1,40}", password in "[^\\p{Cc}]{1,80}", gap in " {1,3}") {
            let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
            match read(&header(format!("bAsIc{gap}{token}").as_bytes())) {
                Read::Basic(credentials) => {
                    prop_assert_eq!(credentials.user(), user);
                    prop_assert_eq!(credentials.password(), password.as_bytes());
                }
                Read::Absent | Read::Malformed => prop_assert!(false, "refused"),
            }
        }

        #[test]
        fn no_value_breaks_the_reader(value in proptest::collection::vec(0x20u8..=0xfe, 0..200)) {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value);
                let _ = read(&headers);
            }
        }
    }
}
