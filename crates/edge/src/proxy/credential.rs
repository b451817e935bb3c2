//! What the door proves itself with to upstreams (EXPO-10).
//!
//! An upstream that listens on a network cannot tell our requests from those of a neighbour who writes the same fields. With a secret that
//! both know it can. Comes in: secrets, by the upstream's name. Goes out: one field. Must never know: where a secret is kept.

use std::fmt;

use doorward_kit::Secret;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The field that carries the secret. As every field of ours it never passes from a client (PROXY-02).
pub(super) const X_DOORWARD_EDGE: HeaderName = HeaderName::from_static("x-doorward-edge");

/// The secret of every upstream that has one.
#[derive(Clone, Default)]
pub struct UpstreamSecrets(Vec<(String, HeaderValue)>);

/// A secret that no field can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("holds characters that a header field cannot carry: write it in hexadecimal or Base64")]
pub struct UnspeakableSecret;

impl UpstreamSecrets {
    /// Adds the secret of an upstream.
    ///
    /// # Errors
    /// [`UnspeakableSecret`] unless it is visible ASCII.
    pub fn add(&mut self, upstream: &str, secret: &Secret<String>) -> Result<(), UnspeakableSecret> {
        let text = secret.expose();
        if !text.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(UnspeakableSecret);
        }
        let mut value = HeaderValue::from_str(text).map_err(|_| UnspeakableSecret)?;
        // Not shown by `Debug`, and kept out of the table of HTTP/2.
        value.set_sensitive(true);
        self.0.push((upstream.to_owned(), value));
        Ok(())
    }

    /// Writes the secret of an upstream among the fields that it gets. There are few, so a list is searched.
    pub(super) fn write(&self, upstream: &str, headers: &mut HeaderMap) {
        if let Some((_, secret)) = self.0.iter().find(|(name, _)| name == upstream) {
            headers.insert(X_DOORWARD_EDGE, secret.clone());
        }
    }
}

/// Names alone.
impl fmt::Debug for UpstreamSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_name_and_never_shown() {
        let mut secrets = UpstreamSecrets::default();
        secrets.add("api", &Secret::new("c2VjcmV0IG9mIHRoZSBhcGk=".to_owned())).expect("plain");
        let written = |upstream: &str| {
            let mut headers = HeaderMap::new();
            secrets.write(upstream, &mut headers);
            headers
        };
        assert_eq!(written("api")[X_DOORWARD_EDGE].as_bytes(), b"c2VjcmV0IG9mIHRoZSBhcGk=");
        assert!(written("ap").is_empty() && written("api2").is_empty());
        let shown = format!("{secrets:?} {:?}", written("api"));
        assert!(!shown.contains("c2Vj"), "{shown}");
        for text in ["a b", "a\r\nX-Other: b", "\u{e9}", "\t"] {
            assert_eq!(secrets.add("web", &Secret::new(text.to_owned())), Err(UnspeakableSecret), "{text:?}");
        }
    }
}
