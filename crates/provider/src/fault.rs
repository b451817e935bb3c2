//! Why a provider did not say who somebody is: one word of a closed set, and a fingerprint of what it wrote instead (OAUTH-13, LOG-09).

use doorward_domain::federation::ProviderError;
use doorward_kit::sha256_hex;

/// A word, and what was written if anything was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) word: Word,
    pub(crate) written: Option<Written>,
}

/// What stands in a log for what a provider wrote. Two answers can be told apart by it, and neither can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) status: u16,
    pub(crate) size_bytes: usize,
    /// The first 16 hexadecimal digits of its SHA-256.
    pub(crate) sha256: String,
}

impl Written {
    pub(crate) fn of(status: http::StatusCode, body: &[u8]) -> Self {
        let mut sha256 = sha256_hex(body);
        sha256.truncate(16);
        Self { status: status.as_u16(), size_bytes: body.len(), sha256 }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)+) => {
        /// Every word that there is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Word { $($(#[$doc])* $name,)+ }

        impl Word {
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

words! {
    /// No connection came about, or it broke.
    Unreachable = "unreachable",
    /// Every address of the name is one that is never asked (OAUTH-16).
    NotPublic = "not_public",
    /// The certificate does not hold.
    Untrusted = "untrusted",
    /// The time for all of it is over.
    Slow = "slow",
    /// A status from 500 on.
    ServerError = "server_error",
    /// It sends us elsewhere, which is never followed.
    Redirect = "redirect",
    /// More than an answer may have.
    TooLarge = "too_large",
    /// Another status than the one that was hoped for.
    Status = "status",
    /// Neither JSON nor called so.
    MediaType = "media_type",
    /// JSON that lacks what it has to have, or none.
    Malformed = "malformed",
    /// An address that does not belong to the provider.
    ForeignHost = "foreign_host",
    /// The description is another issuer's.
    DescribesAnother = "describes_another",
    /// It says that it knows no S256 (OAUTH-01).
    NoPkce = "no_pkce",
    /// No way of proving who we are is common to both.
    NoClientAuthentication = "no_client_authentication",
    /// The `iss` beside the code is missing or another's (OAUTH-05).
    ResponseIssuer = "response_issuer",
    /// The code is none.
    Code = "code",
    /// RFC 6749 §5.2.
    InvalidRequest = "invalid_request",
    /// RFC 6749 §5.2: mostly a wrong client secret.
    InvalidClient = "invalid_client",
    /// RFC 6749 §5.2: the code was used, is too old, or was somebody else's.
    InvalidGrant = "invalid_grant",
    /// RFC 6749 §5.2.
    UnauthorizedClient = "unauthorized_client",
    /// RFC 6749 §5.2.
    UnsupportedGrantType = "unsupported_grant_type",
    /// RFC 6749 §5.2.
    InvalidScope = "invalid_scope",
    /// Another word than RFC 6749 has, or none.
    TokenRefused = "token_refused",
    /// No bearer token.
    TokenType = "token_type",
    /// No ID token.
    NoIdToken = "no_id_token",
    /// The token's header has what it must not have, or lacks what it must.
    TokenHeader = "token_header",
    /// An algorithm that is not taken.
    Algorithm = "algorithm",
    /// No key of the issuer has that name.
    UnknownKey = "unknown_key",
    /// Signature, issuer, audience, expiry or nonce do not hold.
    TokenUnverified = "token_unverified",
    /// `iss`.
    TokenIssuer = "token_issuer",
    /// `aud`.
    Audience = "audience",
    /// `azp`.
    AuthorizedParty = "authorized_party",
    /// `exp`.
    Expired = "expired",
    /// `iat`.
    IssuedAt = "issued_at",
    /// `nonce`.
    Nonce = "nonce",
    /// `sub`.
    Subject = "subject",
    /// `auth_time`: a fresh sign-in was asked for and did not take place.
    NotFresh = "not_fresh",
    /// The interface for addresses speaks of somebody else.
    OtherSubject = "other_subject",
}

impl Word {
    /// As the token endpoint says it; anything else stays outside.
    pub(crate) fn of_token_error(error: &str) -> Self {
        match error {
            "invalid_request" => Self::InvalidRequest,
            "invalid_client" | "incorrect_client_credentials" => Self::InvalidClient,
            "invalid_grant" | "bad_verification_code" => Self::InvalidGrant,
            "unauthorized_client" => Self::UnauthorizedClient,
            "unsupported_grant_type" => Self::UnsupportedGrantType,
            "invalid_scope" => Self::InvalidScope,
            _ => Self::TokenRefused,
        }
    }

    /// Whether another attempt may go better without anybody changing anything here.
    fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::NotPublic | Self::Untrusted | Self::Slow | Self::ServerError)
    }
}

impl From<Word> for Fault {
    fn from(word: Word) -> Self {
        Self { word, written: None }
    }
}

impl Fault {
    pub(crate) fn of(word: Word, status: http::StatusCode, body: &[u8]) -> Self {
        Self { word, written: Some(Written::of(status, body)) }
    }

    /// Logs it once, where it leaves this room, and reduces it to its word.
    pub(crate) fn tell(&self, provider: &str, step: &'static str) -> ProviderError {
        let word = self.word.as_str();
        match &self.written {
            Some(Written { status, size_bytes, sha256 }) => {
                tracing::warn!(provider, step, word, status, size_bytes, sha256, "a provider's answer was refused");
            }
            None => tracing::warn!(provider, step, word, "a provider did not say who somebody is"),
        }
        if self.word.is_passing() { ProviderError::Unavailable(word) } else { ProviderError::Refused(word) }
    }
}
