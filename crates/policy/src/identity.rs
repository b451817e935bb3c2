//! What an upstream is told about the person behind a request.

use doorward_kit::{SessionId, UserId};

/// Who a request comes from, as far as an upstream may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Account.
    pub user: UserId,
    /// Verified address.
    pub email: String,
    /// Display name, possibly empty.
    pub name: String,
    /// Role names, sorted.
    pub roles: Vec<String>,
    /// Reference to the session, never its credential.
    pub session: SessionId,
}

/// Names of the identity fields, lower-case. Every client copy is removed on every route, signed in or not.
pub const IDENTITY_FIELDS: [&str; 6] =
    ["x-doorward-user", "x-doorward-email", "x-doorward-name", "x-doorward-roles", "x-doorward-session", "x-doorward-assertion"];
