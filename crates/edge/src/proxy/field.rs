//! Which fields may cross the door (PROXY-02, PROXY-03). Names only, classified by their bytes, without allocation.

use http::header::{HeaderMap, HeaderName, HeaderValue};

/// The longest stretch of a name that is looked at for aliases; every guarded name and prefix is shorter.
const ALIAS_MAX_BYTES: usize = 64;

/// Whether a client's field of this (lower-case) name stops at the door: it belongs to the hop, or upstreams believe it and only
/// the door may say it.
pub(super) fn stops_at_the_door(name: &str) -> bool {
    if name.bytes().any(is_alias_mark) {
        return is_alias(name);
    }
    is_hop_by_hop(name) || is_framing(name) || is_claim(name)
}

/// Fields that end with the connection (RFC 9110 §7.6.1), both ways.
pub(super) fn is_hop_by_hop(name: &str) -> bool {
    matches!(name, "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" | "http2-settings")
        || name.starts_with("proxy")
}

/// Fields that hyper or we write anew (HTTP-07).
fn is_framing(name: &str) -> bool {
    matches!(name, "host" | "content-length" | "expect")
}

/// Fields in which a caller could claim to be somebody, somewhere or something else.
fn is_claim(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'x') => name.strip_prefix("x-").is_some_and(is_x_claim),
        Some(b'f') => matches!(name, "forwarded" | "fastly-client-ip"),
        Some(b't') => name == "true-client-ip",
        Some(b'c') => name.starts_with("cf-connecting-ip"),
        Some(b'r') => name.starts_with("remote-"),
        Some(b's') => name == "script-name",
        Some(b'w') => name.starts_with("wl-proxy-"),
        _ => false,
    }
}

fn is_x_claim(rest: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "forwarded",
        "doorward-",
        "original-",
        "rewrite-",
        "user-",
        "remote-",
        "accel-",
        "envoy-",
        "webauth-",
        "auth-request-",
        "authenticated-",
    ];
    matches!(
        rest,
        "real-ip"
            | "client-ip"
            | "cluster-client-ip"
            | "azure-clientip"
            | "proxyuser-ip"
            | "script-name"
            | "http-method-override"
            | "http-method"
            | "method-override"
            | "request-id"
            | "host"
            | "user"
    ) || PREFIXES.iter().any(|prefix| rest.starts_with(prefix))
}

/// What may follow a request's body: nothing that stops at the door, nothing that means something as a header, nothing that is odd.
/// `None` when nothing is left.
pub(super) fn harmless_trailers(mut trailers: HeaderMap) -> Option<HeaderMap> {
    let doomed: Vec<HeaderName> =
        trailers.keys().filter(|name| stops_at_the_door(name.as_str()) || is_end_to_end(name.as_str())).cloned().collect();
    for name in doomed {
        trailers.remove(name);
    }
    (!trailers.is_empty()).then_some(trailers)
}

/// Octets that CGI and WSGI servers turn into the same letter as `-`.
fn is_alias_mark(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric() && byte != b'-'
}

/// Whether the name, with its odd marks read as `-`, is one that is guarded or that the application itself relies on.
fn is_alias(name: &str) -> bool {
    let mut folded = [0; ALIAS_MAX_BYTES];
    let length = name.len().min(ALIAS_MAX_BYTES);
    for (slot, byte) in folded.iter_mut().zip(name.bytes()) {
        *slot = if is_alias_mark(byte) { b'-' } else { byte };
    }
    std::str::from_utf8(&folded[..length])
        .is_ok_and(|plain| is_hop_by_hop(plain) || is_framing(plain) || is_claim(plain) || is_end_to_end(plain))
}

/// Fields that mean something to the application whatever `Connection` says: a caller cannot have them taken away on the way.
fn is_end_to_end(name: &str) -> bool {
    const PREFIXES: &[&str] = &["content-", "sec-", "accept", "if-", "x-forwarded", "x-doorward-", "access-control-"];
    matches!(
        name,
        "authorization"
            | "cache-control"
            | "cookie"
            | "date"
            | "host"
            | "location"
            | "origin"
            | "range"
            | "referer"
            | "set-cookie"
            | "strict-transport-security"
            | "user-agent"
            | "vary"
            | "www-authenticate"
            | "x-csrf-token"
            | "x-frame-options"
            | "x-request-id"
            | "x-xsrf-token"
    ) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Removes the fields that `Connection` names, except those that are end-to-end (PROXY-03), and `Connection` itself.
pub(super) fn remove_named_by_connection(headers: &mut HeaderMap) {
    let mut doomed = Vec::new();
    for value in headers.get_all(http::header::CONNECTION) {
        doomed.extend(named(value).filter(|name| !is_end_to_end(name.as_str())));
    }
    headers.remove(http::header::CONNECTION);
    for name in doomed {
        headers.remove(name);
    }
}

fn named(value: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    value
        .as_bytes()
        .split(|byte| *byte == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|token| !is_common_option(token))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
}

/// The options that nearly every message carries name no field.
fn is_common_option(token: &[u8]) -> bool {
    token.eq_ignore_ascii_case(b"keep-alive") || token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"upgrade")
}

/// Whether a comma-separated field holds the token, in any letter case.
pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &[u8]) -> bool {
    headers
        .get_all(name)
        .iter()
        .any(|value| value.as_bytes().split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token)))
}

#[cfg(test)]
mod tests {
    use super::{is_end_to_end, stops_at_the_door};

    #[test]
    fn names_that_upstreams_believe_stop_in_every_spelling() {
        for name in ["x-forwarded-for", "x-real-ip", "forwarded", "x-original-url", "x-doorward-user", "x-remote-user", "proxy"] {
            for mark in ['-', '_', '.', '!', '~', '\''] {
                let spelled = name.replace('-', &mark.to_string());
                assert!(stops_at_the_door(&spelled), "{spelled}");
            }
        }
        assert!(stops_at_the_door("content_length") && stops_at_the_door("transfer_encoding") && !stops_at_the_door("co_okie"));
    }

    #[test]
    fn ordinary_fields_pass() {
        for name in ["accept", "cookie", "authorization", "user-agent", "x-csrf-token", "x-my_field", "referer", "dnt", "x-trace"]
        {
            assert!(!stops_at_the_door(name), "{name}");
        }
        assert!(is_end_to_end("content-security-policy") && !is_end_to_end("x-trace"));
    }
}
