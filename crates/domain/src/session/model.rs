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
