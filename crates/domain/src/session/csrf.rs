//! Signed double-submit tokens, bound to a session (CSRF-02).

use doorward_kit::{Entropy, SubKey, TokenDigest};

/// What a token is bound to.
#[derive(Debug, Clone, Copy)]
pub enum CsrfBinding {
    /// A signed-in browser.
    Session(TokenDigest),
    /// A browser that has not signed in: only page forms use it (D-12).
    PreSession,
}

/// Makes and checks tokens: `base64url(random 16) "." base64url(HMAC-SHA-256(key, binding, random))`.
pub struct CsrfKey(#[expect(dead_code, reason = "filled in below")] SubKey);

impl CsrfKey {
    /// Wraps the key for [`doorward_kit::KeyPurpose::Csrf`].
    #[must_use]
    pub fn new(key: SubKey) -> Self {
        Self(key)
    }

    /// A fresh token.
    #[must_use]
    pub fn issue(&self, _binding: CsrfBinding, _entropy: &dyn Entropy) -> String {
        todo!()
    }

    /// Whether `token` was made by us for this binding; constant time in the MAC.
    #[must_use]
    pub fn verify(&self, _binding: CsrfBinding, _token: &str) -> bool {
        todo!()
    }
}
