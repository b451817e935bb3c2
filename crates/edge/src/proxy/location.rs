//! `Location` of an upstream that names itself: its inside name means nothing outside and tells where things are (EXPO-08).

use doorward_kit::Host;
use doorward_kit::net::{Authority, Scheme};

/// Rewrites a reference that points to `host:port` into one that points to the same path here; `None` leaves it alone.
///
/// `outside` is the authority that the client used, for the one case in which a path alone would be read as a host.
pub(super) fn outside(value: &str, host: &Host, port: u16, outside: &str) -> Option<String> {
    // Browsers drop tabs before they read a reference.
    let rest = own_reference(value, host, port)?.replace('\t', "");
    Some(match rest.as_bytes() {
        [] => "/".into(),
        // `//x` alone, or `/\x`, would name the host x.
        [b'/', b'/' | b'\\', ..] => format!("https://{outside}{rest}"),
        [b'\\', ..] => format!("https://{outside}/{rest}"),
        [b'/', ..] => rest,
        _ => format!("/{rest}"),
    })
}

/// What follows the authority, when the authority is the upstream's own.
fn own_reference<'a>(value: &'a str, host: &Host, port: u16) -> Option<&'a str> {
    let (scheme, rest) = split_scheme(value)?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, behind)| behind);
    let authority: Authority = authority.parse().ok()?;
    let is_own = authority.host == *host && authority.port.unwrap_or(scheme.default_port()) == port;
    is_own.then_some(tail)
}

fn split_scheme(value: &str) -> Option<(Scheme, &str)> {
    if let Some(rest) = value.strip_prefix("//") {
        return Some((Scheme::Http, rest));
    }
    let (scheme, rest) = value.split_once("://")?;
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Some((Scheme::Http, rest)),
        _ if scheme.eq_ignore_ascii_case("https") => Some((Scheme::Https, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::outside;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rewritten_reference_stays_on_the_site(rest in "[/\\\\?#a-z.:@\t]{0,24}") {
            let host = "api.internal".parse().expect("a host");
            if let Some(made) = outside(&format!("http://api.internal:5001{rest}"), &host, 5001, "app.example.com") {
                let path = made.strip_prefix("https://app.example.com").unwrap_or(&made);
                prop_assert!(path.starts_with('/'), "{made}");
                let is_bare = path.len() == made.len();
                prop_assert!(!is_bare || !made[1..].starts_with(['/', '\\']), "{made}");
                prop_assert!(!made.contains('\t'));
            }
        }
    }

    #[test]
    fn only_the_upstreams_own_name_is_taken_away() {
        let host = "api.internal".parse().expect("a host");
        let rewrite = |value: &str| outside(value, &host, 5001, "app.example.com");
        for (value, want) in [
            ("http://api.internal:5001/x?y=1#z", Some("/x?y=1#z")),
            ("HTTP://API.internal.:5001", Some("/")),
            ("https://u:p@api.internal:5001?q", Some("/?q")),
            ("//api.internal:5001/x", Some("/x")),
            ("http://api.internal:5001//evil.test/x", Some("https://app.example.com//evil.test/x")),
            ("http://api.internal:5001/\\evil.test", Some("https://app.example.com/\\evil.test")),
            ("http://api.internal:5001/\t/evil.test", Some("https://app.example.com//evil.test")),
            ("http://api.internal/x", None),
            ("http://other:5001/x", None),
            ("/x", None),
            ("https://accounts.example.org/authorize", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(rewrite(value).as_deref(), want, "{value}");
        }
    }
}
