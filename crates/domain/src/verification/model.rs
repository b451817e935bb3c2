//! A sign-up before its proof.

use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, TokenDigest};

use crate::account::EmailAddress;

/// What somebody asked for, not yet an account: it blocks nothing and alters nothing for the owner of the address (ENUM-14).
#[derive(Clone)]
pub struct PendingSignUp {
    /// Names it.
    pub id: SignUpId,
    /// The address to be proved.
    pub email: EmailAddress,
    /// Becomes the account's.
    pub display_name: String,
    /// Roles that an invitation grants; become the account's.
    pub roles: Vec<String>,
    /// PHC string; becomes the account's.
    pub password_hash: String,
    /// Keyed hash of the token that was mailed.
    pub digest: TokenDigest,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The token is worthless from this instant on.
    pub expires_at: Timestamp,
}
