//! The password as a value, and the port to whoever hashes it.

use async_trait::async_trait;
use doorward_kit::Secret;
use unicode_normalization::UnicodeNormalization as _;

/// A password as received, NFC-normalised once (PWD-02). No `Debug` of the value, no `Serialize`; at most 512 octets are ever taken.
#[derive(Debug, Clone)]
pub struct Password(pub Secret<String>);

/// Octets of a password that are ever looked at: 128 code points of four octets each.
pub const PASSWORD_MAX_OCTETS: usize = 512;

impl Password {
    /// Takes the text as it came.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// Unicode NFC: keyboards differ in how they write `ü`, people do not. Nothing else is changed: no trim, no case, no cut.
    ///
    /// Text that is too long for any password stays as it is; policy and hasher refuse it unread.
    #[must_use]
    pub fn normalised(self) -> Self {
        if self.0.expose().len() > PASSWORD_MAX_OCTETS || self.0.expose().is_ascii() {
            return self;
        }
        Self::new(self.0.expose().nfc().collect())
    }
}

/// What a verification found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum PasswordCheck {
    /// Right.
    Match,
    /// Right, and the stored hash is weaker than today's policy.
    MatchRehash,
    /// Wrong, or there was nothing to compare with.
    Mismatch,
}

/// Why hashing did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The queue was full past its deadline.
    #[error("hashing queue is full")]
    Busy,
    /// The stored string cannot be used; counts as a mismatch for the caller.
    #[error("stored hash cannot be used")]
    Unusable,
}

/// Hashes on threads of its own, boundedly (PWD-05).
#[async_trait]
pub trait PasswordHasher: Send + Sync + 'static {
    /// A PHC string for storage.
    async fn hash(&self, password: Password) -> Result<String, HashError>;

    /// Compares with a stored string; `None` does the same work on a dummy and answers `Mismatch` (ENUM-07).
    async fn verify(&self, password: Password, stored: Option<String>) -> Result<PasswordCheck, HashError>;

    /// Passwords that wait for their turn at the moment.
    fn waiting(&self) -> usize {
        0
    }
}
