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
    /// Whether a second factor, or a passkey with user verification, was part of a proof in this session.
    pub is_two_factor: bool,
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

impl Session {
    /// Every digest under which a request may find it: its own, and the one before the last rotation.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &TokenDigest> {
        std::iter::once(&self.digest).chain(self.previous.as_ref().map(|previous| &previous.digest))
    }
}

/// A live session with its account, as the cache holds it.
#[derive(Clone)]
pub struct ActiveSession {
    /// The session.
    pub session: Session,
    /// Its account, without its password hash.
    pub user: User,
    /// Whether the account had a password when this was read.
    pub has_password: bool,
    /// The digest of the credential that came along: the session's own, or, for some seconds after a rotation, the previous one. CSRF
    /// tokens are bound to this one, since a browser holds both cookies from the same answer (CSRF-02).
    pub presented: TokenDigest,
    /// Whether the credential was made with a key that has been replaced since: it is to be replaced before that key retires.
    pub is_outdated: bool,
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
