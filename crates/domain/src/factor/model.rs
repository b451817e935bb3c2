//! What a second factor is.

use doorward_kit::id::FactorId;
use doorward_kit::{Timestamp, UserId};

/// A second factor of an account, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Names it.
    pub id: FactorId,
    /// Whose.
    pub user_id: UserId,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it; 1 to 60 characters.
    pub name: String,
    /// A passkey's credential id, unique in the whole store; `None` for one-time codes.
    pub credential: Option<Vec<u8>>,
    /// Sealed: the shared key of one-time codes, or the public half of a passkey with what is known of its authenticator.
    pub secret: Vec<u8>,
    /// Only ever grows: the last time step whose code was accepted (RFC 6238 §5.2), or the last signature counter (WebAuthn §6.1.1).
    pub counter: u64,
    /// When it was enrolled.
    pub created_at: Timestamp,
    /// The last time that it proved anything.
    pub last_used_at: Option<Timestamp>,
}

/// The kinds of factors that are rows; recovery codes are digests beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FactorKind {
    /// One-time codes by time (RFC 6238); one for each account.
    Totp,
    /// A passkey (WebAuthn), several for each account; with user verification it is a sign-in of its own.
    Passkey,
}

impl FactorKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Totp, Self::Passkey];

    /// As stored and shown; never changes once released.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}
