//! What a ceremony is.

use std::time::Duration;

use doorward_kit::{SessionId, Timestamp, TokenDigest, UserId};

/// Something that began in one request and is to end in another, as stored: it knows the digest of its token, never the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// Keyed hash of the token; the key is that of the kind.
    pub digest: TokenDigest,
    /// What it is.
    pub kind: CeremonyKind,
    /// Whose, when that is known; it ends with the account.
    pub user_id: Option<UserId>,
    /// In which session it began, if in one; it ends with it.
    pub session_id: Option<SessionId>,
    /// What has to be remembered, sealed.
    pub body: Vec<u8>,
    /// How often it was tried and not consumed.
    pub attempts: u32,
    /// When it began.
    pub created_at: Timestamp,
    /// Worthless from this instant on.
    pub expires_at: Timestamp,
}

/// The ceremonies by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CeremonyKind {
    /// A provider was asked who somebody is (OAUTH-02).
    Provider,
    /// A sign-in that waits for its second factor.
    SecondFactor,
    /// A passkey was asked for a signature.
    PasskeyRequest,
    /// A passkey is about to be enrolled.
    PasskeyEnrolment,
    /// A shared key for one-time codes is about to be enrolled.
    TotpEnrolment,
    /// A gate's host is to learn of an operator session.
    GateHandOver,
}

impl CeremonyKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Provider,
        Self::SecondFactor,
        Self::PasskeyRequest,
        Self::PasskeyEnrolment,
        Self::TotpEnrolment,
        Self::GateHandOver,
    ];

    /// As stored, and part of the digest's key; never changes once released.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::SecondFactor => "second_factor",
            Self::PasskeyRequest => "passkey_request",
            Self::PasskeyEnrolment => "passkey_enrolment",
            Self::TotpEnrolment => "totp_enrolment",
            Self::GateHandOver => "gate_hand_over",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// How long it may take: ten minutes where a person does something elsewhere (OAUTH-02), a minute where browsers only follow.
    #[must_use]
    pub const fn life(self) -> Duration {
        match self {
            Self::Provider | Self::SecondFactor | Self::TotpEnrolment => Duration::from_secs(600),
            Self::PasskeyRequest | Self::PasskeyEnrolment => Duration::from_secs(300),
            Self::GateHandOver => Duration::from_secs(60),
        }
    }
}
