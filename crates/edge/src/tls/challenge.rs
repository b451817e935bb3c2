//! How a name is proved to a certification authority: http-01 (RFC 8555 §8.3) and tls-alpn-01 (RFC 8737).
//!
//! Comes in: what waits to be proved, by the port [`Challenges`]. Goes out: the answer to a request below [`PREFIX`], and the certificate
//! that proves a name in a handshake which asks for nothing else. Must never know: who is asked for certificates, or when.

use std::sync::Arc;

use doorward_kit::{Entropy, Host, Timestamp};
use http::header::{self, HeaderValue};
use http::{Method, Response};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::identity::{Identity, TlsError};
use super::self_signed;
use super::store::CertStore;
use crate::body::{self, EdgeBody};
use crate::port::Challenges;

/// The protocol of tls-alpn-01; a connection that agreed on it ends with its handshake (RFC 8737 §4).
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// Everything below this path belongs to the authority's questions, on every host (TLS-11).
const PREFIX: &str = "/.well-known/acme-challenge/";

/// The longest token that is looked up, in octets; authorities send 43.
const TOKEN_MAX: usize = 128;

/// The answer below [`PREFIX`]; `None` for a path that is elsewhere. `Some(None)` is said of everything but a pending token of this host:
/// whether it is another host's, over already, or never was, nobody learns.
pub(crate) fn answer(
    challenges: &dyn Challenges,
    host: &Host,
    method: &Method,
    (path, query): (&str, Option<&str>),
) -> Option<Option<Response<EdgeBody>>> {
    // The path as it was sent: no other spelling of it is the authority's.
    let token = path.strip_prefix(PREFIX)?;
    let is_question = matches!(*method, Method::GET | Method::HEAD) && query.is_none() && is_token(token);
    let text = if is_question { challenges.http_01(host, token) } else { None };
    Some(text.map(|text| {
        let mut response = Response::new(body::full(text));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }))
}

/// base64url without padding (RFC 8555 §8.3).
fn is_token(text: &str) -> bool {
    (1..=TOKEN_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Makes the certificate that proves a name by tls-alpn-01: self-signed, for that name alone, with the digest of the key authorization
/// in the critical extension `acmeIdentifier` (RFC 8737 §3). Its key is new and never used again.
///
/// # Errors
/// [`TlsError::SelfSigned`] when the host cannot stand in a certificate.
pub fn proof(host: &Host, digest: &[u8; 32], now: Timestamp, entropy: &dyn Entropy) -> Result<Identity, TlsError> {
    self_signed::proof(host, digest, now, entropy)
}

/// Chooses what a handshake shows.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) certificates: Arc<CertStore>,
    pub(super) challenges: Arc<dyn Challenges>,
}

impl ResolvesServerCert for Resolver {
    /// The proof is shown only to who offers `acme-tls/1` and nothing beside it; who does gets the proof or nothing (TLS-12).
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match Wish::of(&hello) {
            Wish::Usual => self.certificates.resolve(hello),
            Wish::Proof => self.challenges.tls_alpn_01(hello.server_name()?).map(|identity| identity.0),
            Wish::Neither => None,
        }
    }
}

/// What a handshake is about.
enum Wish {
    /// The site: some protocol that is spoken here, or none named.
    Usual,
    /// `acme-tls/1` alone.
    Proof,
    /// `acme-tls/1` twice, or beside protocols that are not spoken here: that would be agreed on, and is no question of an authority.
    Neither,
}

impl Wish {
    fn of(hello: &ClientHello<'_>) -> Self {
        let Some(offered) = hello.alpn() else { return Self::Usual };
        let (mut count, mut proofs, mut usual) = (0, 0, 0);
        for name in offered {
            count += 1;
            proofs += usize::from(name == ACME_TLS);
            usual += usize::from(name != ACME_TLS && super::ALPN.contains(&name));
        }
        match (proofs, usual, count) {
            (1, _, 1) => Self::Proof,
            (1.., 0, _) => Self::Neither,
            _ => Self::Usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_token;

    #[test]
    fn a_token_is_base64url_and_short() {
        for good in ["a", "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", &"x".repeat(128)] {
            assert!(is_token(good), "{good}");
        }
        for bad in ["", "a/b", "..", "a.b", "a%2Fb", "a=", "a b", "ä", &"x".repeat(129)] {
            assert!(!is_token(bad), "{bad}");
        }
    }
}
