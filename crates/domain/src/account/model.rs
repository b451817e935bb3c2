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
    /// When it was made.
    pub created_at: Timestamp,
}
