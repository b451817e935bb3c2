//! Signed double-submit tokens, bound to a session (CSRF-02).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_kit::{Entropy, PurposeRing, SubKey, TokenDigest, constant_time_eq};

/// Octets of chance in a token, so that every form has its own.
const SALT_BYTES: usize = 16;
const SALT_CHARS: usize = 22;
const MAC_BYTES: usize = 32;
const MAC_CHARS: usize = 43;

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub enum CsrfBinding {
    /// A signed-in browser.
    Session(TokenDigest),
    /// A browser that has not signed in: only page forms use it (D-12).
    PreSession,
}

/// Makes and checks tokens: `base64url(random 16) "." base64url(HMAC-SHA-256(key, binding, random))`.
pub struct CsrfKey(PurposeRing);

impl CsrfKey {
    /// Wraps the keys for [`doorward_kit::KeyPurpose::Csrf`].
    #[must_use]
    pub fn new(keys: impl Into<PurposeRing>) -> Self {
        Self(keys.into())
    }

    /// A fresh token: 66 characters of base64url and one dot.
    ///
    /// ```
    /// use doorward_domain::{CsrfBinding, CsrfKey};
    /// use doorward_kit::{SubKey, SystemEntropy, TokenDigest};
    /// let key = CsrfKey::new(SubKey::new([1; 32]));
    /// let token = key.issue(CsrfBinding::Session(TokenDigest([2; 32])), &SystemEntropy);
    /// assert!(key.verify(CsrfBinding::Session(TokenDigest([2; 32])), &token));
    /// assert!(!key.verify(CsrfBinding::PreSession, &token));
    /// ```
    #[must_use]
    pub fn issue(&self, binding: CsrfBinding, entropy: &dyn Entropy) -> String {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt);
        format!("{}.{}", URL_SAFE_NO_PAD.encode(salt), URL_SAFE_NO_PAD.encode(mac(&self.0.now().current().key, binding, &salt)))
    }

    /// Whether `token` was made by us for this binding, with a key that has not retired; constant time in each MAC.
    #[must_use]
    pub fn verify(&self, binding: CsrfBinding, token: &str) -> bool {
        let Some((salt, told)) = parse(token) else { return false };
        self.0.now().alive().any(|key| constant_time_eq(&mac(&key.key, binding, &salt), &told))
    }
}

/// The binding's kind and length are fixed octets in front, so no session digest can pass for a pre-session.
fn mac(key: &SubKey, binding: CsrfBinding, salt: &[u8; SALT_BYTES]) -> [u8; MAC_BYTES] {
    let mut message = Vec::with_capacity(1 + MAC_BYTES + SALT_BYTES);
    match binding {
        CsrfBinding::Session(digest) => {
            message.push(1);
            message.extend_from_slice(&digest.0);
        }
        CsrfBinding::PreSession => message.push(0),
    }
    message.extend_from_slice(salt);
    key.mac(&message)
}

/// Exactly the shape that [`CsrfKey::issue`] writes; nothing is trimmed, nothing is padded (CSRF-03).
fn parse(token: &str) -> Option<([u8; SALT_BYTES], [u8; MAC_BYTES])> {
    if token.len() != SALT_CHARS + 1 + MAC_CHARS {
        return None;
    }
    let (salt_text, mac_text) = token.split_once('.')?;
    let (mut salt, mut mac) = ([0; SALT_BYTES], [0; MAC_BYTES]);
    let is_whole = salt_text.len() == SALT_CHARS
        && URL_SAFE_NO_PAD.decode_slice(salt_text, &mut salt).ok()? == SALT_BYTES
        && URL_SAFE_NO_PAD.decode_slice(mac_text, &mut mac).ok()? == MAC_BYTES;
    is_whole.then_some((salt, mac))
}
