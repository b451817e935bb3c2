//! What of an answer may be written down (VER-06). In doubt it is not.
//!
//! Two nets, one behind the other. By place: values of cookies, credentials, queries of URLs, and everything that looks like a token
//! in a field that nobody knows. By value: whatever was seen in such a place is removed from every other place too, so that a session
//! that an application echoes in a header of its own is not in the file either.

use std::borrow::Cow;

use doorward_kit::Secret;

/// What stands where a secret was.
pub(crate) const MARK: &str = "<redacted>";

/// Shorter values would cut holes into innocent words.
const KNOWN_MIN: usize = 8;

/// Fields whose values are part of the evidence and are never tokens.
const PLAIN: &[&str] = &[
    "accept",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-security-policy",
    "content-security-policy-report-only",
    "content-type",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "date",
    "etag",
    "expect-ct",
    "expires",
    "feature-policy",
    "keep-alive",
    "last-modified",
    "nel",
    "origin",
    "origin-agent-cluster",
    "permissions-policy",
    "pragma",
    "ratelimit",
    "ratelimit-policy",
    "referrer-policy",
    "report-to",
    "reporting-endpoints",
    "retry-after",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-powered-by",
    "x-request-id",
    "x-robots-tag",
    "x-xss-protection",
];

/// Fields that hold a URL.
const URLS: &[&str] = &["location", "content-location", "refresh", "link", "sourcemap", "x-sourcemap"];

/// Parts of names that hold credentials.
const SENSITIVE: &[&str] = &[
    "authorization",
    "authentication-info",
    "token",
    "secret",
    "password",
    "session",
    "credential",
    "assertion",
    "signature",
    "csrf",
    "xsrf",
    "jwt",
    "api-key",
    "apikey",
    "nonce",
];

/// Attributes of `Set-Cookie` whose values tell nothing.
const ATTRIBUTES: &[&str] =
    &["expires", "max-age", "domain", "path", "samesite", "secure", "httponly", "partitioned", "priority"];

/// How often something was removed; the sums are part of the report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Redactions {
    /// Values of `Set-Cookie` fields.
    pub set_cookie_values: u64,
    /// Queries and fragments of `Location` fields.
    pub location_queries: u64,
}

/// Removes secrets from what is written down.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    known: Vec<Secret<String>>,
    /// What was removed by place from the fields of answers.
    pub(crate) counts: Redactions,
}

impl Redactor {
    /// Remembers the secrets of an answer's fields before anything is written.
    pub(crate) fn learn(&mut self, name: &str, value: &str) {
        match name {
            "set-cookie" => {
                let pair = value.split(';').next().unwrap_or_default();
                self.remember(pair.split_once('=').map_or(pair, |(_, secret)| secret).trim().trim_matches('"'));
            }
            _ if URLS.contains(&name) => {
                let query = value.find(['?', '#']).map_or("", |at| &value[at + 1..]);
                let values = query.split(['&', '#', ';']).map(|part| part.split_once('=').map_or(part, |(_, secret)| secret));
                // A path to come back to is no secret, and removing it everywhere would make the report unreadable.
                for secret in values.filter(|value| value.contains(|c: char| c.is_ascii_digit()) && !is_path(value)) {
                    self.remember(secret);
                }
            }
            _ if is_sensitive(name) => self.remember(value.trim()),
            _ => {}
        }
    }

    /// Remembers a credential that the run itself sends.
    pub(crate) fn remember(&mut self, secret: &str) {
        if secret.len() >= KNOWN_MIN && !self.known.iter().any(|known| known.expose() == secret) {
            self.known.push(Secret::new(secret.to_owned()));
            // The longest first, so that no tail of one is left when another is its beginning.
            self.known.sort_by_key(|known| std::cmp::Reverse(known.expose().len()));
        }
    }

    /// The value of a field as it may be written down.
    pub(crate) fn field(&self, name: &str, value: &str) -> String {
        let by_place = match name {
            "set-cookie" => set_cookie(value),
            "cookie" => MARK.to_owned(),
            _ if URLS.contains(&name) => tokens(&queries(value)),
            _ if PLAIN.contains(&name) => queries(value),
            _ if is_sensitive(name) => MARK.to_owned(),
            _ => tokens(&queries(value)),
        };
        self.known_values(by_place)
    }

    /// As [`Redactor::field`], and counts what is removed.
    pub(crate) fn counted_field(&mut self, name: &str, value: &str) -> String {
        match name {
            "set-cookie" => self.counts.set_cookie_values += 1,
            "location" if value.contains(['?', '#']) => self.counts.location_queries += 1,
            _ => {}
        }
        self.field(name, value)
    }

    /// A sentence that may quote an answer.
    pub(crate) fn text(&self, text: &str) -> String {
        self.known_values(queries(text))
    }

    fn known_values(&self, mut text: String) -> String {
        for known in &self.known {
            if text.contains(known.expose().as_str()) {
                text = text.replace(known.expose().as_str(), MARK);
            }
        }
        text
    }
}

fn is_path(value: &str) -> bool {
    value.starts_with('/') || value.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("%2f"))
}

fn is_sensitive(name: &str) -> bool {
    SENSITIVE.iter().any(|word| name.contains(word))
}

/// Keeps the name and the attributes that are known; everything else goes.
fn set_cookie(value: &str) -> String {
    let mut parts = value.split(';');
    let pair = parts.next().unwrap_or_default();
    let mut out = pair.split_once('=').map_or_else(|| MARK.to_owned(), |(name, _)| format!("{}={MARK}", name.trim()));
    for part in parts {
        let name = part.split('=').next().unwrap_or_default().trim();
        out.push_str("; ");
        out.push_str(if ATTRIBUTES.iter().any(|known| name.eq_ignore_ascii_case(known)) { part.trim() } else { MARK });
    }
    out
}

/// Cuts the query, fragment and user of every URL in a text: `https://h/p?a=b` and `/p?a=b` alike.
fn queries(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '<' | '>' | '|');
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(ends) {
        let (word, end) = match piece.char_indices().next_back() {
            Some((at, last)) if ends(last) => piece.split_at(at),
            _ => (piece, ""),
        };
        out.push_str(&url(word));
        out.push_str(end);
    }
    out
}

fn url(word: &str) -> Cow<'_, str> {
    let looks_like_one = word.contains("://") || word.contains('/');
    let Some(at) = word.find(['?', '#']).filter(|_| looks_like_one || word.contains('=')) else {
        return without_user(word);
    };
    Cow::Owned(format!("{}{}{MARK}", without_user(&word[..at]), &word[at..=at]))
}

/// RFC 3986 §3.2.1: what stands before `@` in an authority.
fn without_user(word: &str) -> Cow<'_, str> {
    let Some(start) = word.find("://").map(|at| at + 3) else { return Cow::Borrowed(word) };
    let end = word[start..].find('/').map_or(word.len(), |at| start + at);
    match word[start..end].rfind('@') {
        Some(at) => Cow::Owned(format!("{}{MARK}@{}", &word[..start], &word[start + at + 1..])),
        None => Cow::Borrowed(word),
    }
}

/// Replaces runs of base64, base64url or hexadecimal that are too long and too mixed to be words.
fn tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '+' | '=');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_token) {
        out.push_str(&rest[..start]);
        let run = &rest[start..];
        let end = run.find(|c| !in_token(c)).unwrap_or(run.len());
        out.push_str(if is_token(&run[..end]) { MARK } else { &run[..end] });
        rest = &run[end..];
    }
    out.push_str(rest);
    out
}

fn is_token(run: &str) -> bool {
    let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(test);
    run.starts_with("eyJ") || (run.len() >= 20 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_secrets_are_emptied_and_their_surroundings_kept() {
        let redactor = Redactor::default();
        let cases = [
            ("set-cookie", "a=b; Path=/; Secure; X=y", "a=<redacted>; Path=/; Secure; <redacted>"),
            ("set-cookie", "nameless", "<redacted>"),
            ("location", "https://u:p@h/cb?code=1#t", "https://<redacted>@h/cb?<redacted>"),
            ("location", "/sign-in?next=/x", "/sign-in?<redacted>"),
            ("refresh", "0; url=https://h/?t=1", "0; url=https://h/?<redacted>"),
            ("x-auth-token", "abc", "<redacted>"),
            ("x-thing", "eyJhbGciOi.eyJzdWIi.R0lHQUdJR0FHSUdB1234", "<redacted>.<redacted>.<redacted>"),
            (
                "location",
                "https://pga4.app.example.com/reset/0123456789abcdef01234",
                "https://pga4.app.example.com/reset/<redacted>",
            ),
            ("x-thing", "plain words", "plain words"),
            ("content-security-policy", "default-src 'none'; report-uri /r", "default-src 'none'; report-uri /r"),
            ("origin-agent-cluster", "?1", "?1"),
            ("x-request-id", "6f1c2f3a-0c1d-4e2f-8a9b-0c1d2e3f4a5b", "6f1c2f3a-0c1d-4e2f-8a9b-0c1d2e3f4a5b"),
        ];
        for (name, value, expected) in cases {
            assert_eq!(redactor.field(name, value), expected, "{name}: {value}");
        }
    }

    #[test]
    fn a_secret_that_was_seen_once_is_removed_everywhere() {
        let mut redactor = Redactor::default();
        redactor.learn("set-cookie", "sid=opensesame; Path=/");
        redactor.learn("location", "/cb?code=swordfish9&state=x&next=/account/1");
        assert_eq!(redactor.field("x-echo", "is opensesame"), "is <redacted>");
        assert_eq!(redactor.text("/account/1 is swordfish9"), "/account/1 is <redacted>");
    }

    proptest::proptest! {
        #[test]
        fn a_cookie_value_survives_in_no_field_at_all(
            secret in "[a-zA-Z0-9_.~+/=-]{12,60}",
            name in "[a-z-]{1,20}",
            before in "[ -~]{0,20}",
            after in "[ -~]{0,20}",
        ) {
            let mut redactor = Redactor::default();
            redactor.learn("set-cookie", &format!("__Host-doorward_session={secret}; Path=/; Secure"));
            let value = format!("{before}{secret}{after}");
            proptest::prop_assert!(!redactor.field(&name, &value).contains(&secret));
            proptest::prop_assert!(!redactor.field("set-cookie", &value).contains(&secret));
            proptest::prop_assert!(!redactor.text(&value).contains(&secret));
        }
    }
}
