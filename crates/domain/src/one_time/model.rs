//! What a one-time token stands for.

use doorward_kit::id::OneTimeId;
use doorward_kit::{Timestamp, TokenDigest, UserId};

use crate::account::EmailAddress;

/// A token that was mailed and not used yet, as stored: it knows the digest, never the token (FORGOT-07).
#[derive(Debug, Clone)]
pub struct OneTime {
    /// Names it.
    pub id: OneTimeId,
    /// Keyed hash of the token; the key is that of the purpose.
    pub digest: TokenDigest,
    /// What it is for.
    pub purpose: Purpose,
    /// When it was issued.
    pub created_at: Timestamp,
    /// Worthless from this instant on.
    pub expires_at: Timestamp,
}

/// What a token is for, with everything it is bound to (RESET-08, EMAIL-02).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// Sets a new password; one live token for each account.
    Recovery {
        /// Whose.
        user: UserId,
        /// Canonical address at issue.
        canonical: String,
        /// The account's credential version at issue.
        version: u32,
    },
    /// Moves an account to a new address; one live token for each account.
    EmailChange {
        /// Whose.
        user: UserId,
        /// Canonical address at issue.
        canonical: String,
        /// The account's credential version at issue.
        version: u32,
        /// The new address.
        to: EmailAddress,
    },
    /// Takes an account back to its former address.
    EmailUndo {
        /// Whose.
        user: UserId,
        /// Canonical address that the change led to.
        canonical: String,
        /// The address before the change.
        to: EmailAddress,
    },
    /// Ends every session of an account and mails a reset link: goes with notices of what the owner may not have done.
    EndSessions {
        /// Whose.
        user: UserId,
        /// Canonical address at issue.
        canonical: String,
    },
    /// Lets somebody sign up where sign-up is by invitation.
    Invitation {
        /// The one address it is good for; any, if `None`.
        email: Option<EmailAddress>,
        /// Roles it grants, sorted.
        roles: Vec<String>,
    },
}

/// The purposes by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "see Purpose")]
pub enum PurposeKind {
    Recovery,
    EmailChange,
    EmailUndo,
    EndSessions,
    Invitation,
}

impl PurposeKind {
    /// As stored, and part of the digest's key; never changes once released.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recovery => "recovery",
            Self::EmailChange => "email_change",
            Self::EmailUndo => "email_undo",
            Self::EndSessions => "end_sessions",
            Self::Invitation => "invitation",
        }
    }
}

impl Purpose {
    /// Its name.
    #[must_use]
    pub fn kind(&self) -> PurposeKind {
        match self {
            Self::Recovery { .. } => PurposeKind::Recovery,
            Self::EmailChange { .. } => PurposeKind::EmailChange,
            Self::EmailUndo { .. } => PurposeKind::EmailUndo,
            Self::EndSessions { .. } => PurposeKind::EndSessions,
            Self::Invitation { .. } => PurposeKind::Invitation,
        }
    }

    /// Whose it is; an invitation is nobody's yet.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Recovery { user, .. }
            | Self::EmailChange { user, .. }
            | Self::EmailUndo { user, .. }
            | Self::EndSessions { user, .. } => Some(*user),
            Self::Invitation { .. } => None,
        }
    }
}
