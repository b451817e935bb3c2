//! What an account is.

use doorward_kit::{Timestamp, UserId};

use super::EmailAddress;

/// Longest display name, in characters.
pub(super) const DISPLAY_NAME_MAX_CHARS: usize = 150;

/// A verified account.
#[derive(Clone)]
pub struct User {
    /// Random, opaque.
    pub id: UserId,
    /// Verified address.
    pub email: EmailAddress,
    /// What others see; up to 150 characters, may be empty.
    pub display_name: String,
    /// Set by the profile; https only.
    pub avatar_url: Option<String>,
    /// Up to 2000 characters.
    pub bio: Option<String>,
    /// PHC string; `None` for an account without a password, and in what the session cache holds.
    pub password_hash: Option<String>,
    /// Role names, sorted.
    pub roles: Vec<String>,
    /// When an operator disabled it.
    pub disabled_at: Option<Timestamp>,
    /// Grows with every change of password or address, never with a mere rehash: what was issued for an older one is void (RESET-08).
    pub credential_version: u32,
    /// Whether it has a second factor; the store tells by looking, nobody sets it.
    pub has_second_factor: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What the owner of an account may change of it without further proof (PROF-01). `None` keeps, `Some(None)` clears (PROF-05).
#[derive(Clone, Default)]
pub struct ProfileChanges {
    /// What others see; up to 150 characters.
    pub display_name: Option<Option<String>>,
    /// An https address of up to 2048 octets, never fetched (PROF-02, PROF-03).
    pub avatar_url: Option<Option<String>>,
    /// Up to 2000 characters.
    pub bio: Option<Option<String>>,
}
