//! What a link with a provider is.

use doorward_kit::id::IdentityId;
use doorward_kit::{Timestamp, UserId};

/// An account at a provider that is linked with an account here. It is known by issuer and subject, never by an address (OAUTH-08).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Names it.
    pub id: IdentityId,
    /// Whose.
    pub user_id: UserId,
    /// The provider's name in the configuration.
    pub provider: String,
    /// Who vouches for the subject; with the subject unique in the whole store.
    pub issuer: String,
    /// The provider's name for the account; opaque, up to 255 octets (OpenID Connect Core §2).
    pub subject: String,
    /// How its owner may tell it from others: the address there when it was linked, or nothing.
    pub label: String,
    /// What the provider gave to act for its account, sealed; only where the configuration asks for it (OAUTH-14).
    pub grant: Option<Vec<u8>>,
    /// When it was linked.
    pub created_at: Timestamp,
    /// The last sign-in with it.
    pub last_used_at: Timestamp,
}
