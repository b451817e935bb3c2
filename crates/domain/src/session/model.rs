//! What a session is.

use doorward_kit::{ClientAddr, SessionId, Timestamp, TokenDigest, UserId};
use doorward_policy::Identity;

use crate::account::User;

/// A signed-in state, as stored: it knows the digest of its credential, never the credential (SES-06).
#[derive(Clone)]
pub struct Session {
    /// Reference that may be shown.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// Keyed hash of the cookie value.
    pub digest: TokenDigest,
    /// Keyed hash of the value before the last rotation, and until when that one is let pass (SES-13).
    pub previous: Option<PreviousCredential>,
    /// When the value was last replaced; the beginning, if never.
    pub rotated_at: Timestamp,
    /// The last full proof of who it is: what step-up asks for.
    pub authenticated_at: Timestamp,
    /// Signed in with 'remember me': the longer pair of clocks holds (D-13).
    pub is_remembered: bool,
    /// When it began.
    pub created_at: Timestamp,
    /// Last request seen; written back at most once a minute.
    pub last_seen_at: Timestamp,
    /// Absolute end (SES-11).
    pub expires_at: Timestamp,
    /// Capped, escaped.
    pub user_agent: String,
    /// Where it began.
    pub client: ClientAddr,
}

/// What a session's credential was before its last rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousCredential {
    /// Keyed hash of the former cookie value.
    pub digest: TokenDigest,
    /// Requests that were under way may still use it until then; after that its use is a reuse.
    pub until: Timestamp,
}

/// A live session with its account, as the cache holds it.
#[derive(Clone)]
pub struct ActiveSession {
    /// The session.
    pub session: Session,
    /// Its account.
    pub user: User,
}

impl ActiveSession {
    /// What an upstream may know.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            user: self.user.id,
            email: self.user.email.display.clone(),
            name: self.user.display_name.clone(),
            roles: self.user.roles.clone(),
            session: self.session.id,
        }
    }
}
