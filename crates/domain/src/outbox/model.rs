//! A mail, open and sealed.

use doorward_kit::{Timestamp, id::MailId};
use zeroize::Zeroizing;

use crate::store::Delivery;

/// A mail that waits. The body is sealed while it waits, and gone once it is sent (EMAIL-09).
pub struct OutboxMail {
    /// Names it; also the `Message-ID`, so that a mail sent twice can be told (at least once is promised, not exactly once).
    pub id: MailId,
    /// Which text.
    pub kind: MailKind,
    /// The one recipient: a stored address.
    pub to: String,
    /// Fixed text; nothing a stranger typed.
    pub subject: String,
    /// text/plain.
    pub body: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Deliveries tried.
    pub attempts: u32,
}

/// Which text a mail is: what operators see of it instead of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// Carries a verification link.
    Verification,
    /// Tells the owner of an address that it has an account.
    KnownAccount,
    /// Carries a reset link.
    Recovery,
    /// Tells that the password was changed or reset.
    PasswordChanged,
    /// Carries the link that confirms a new address; goes to the new one.
    EmailChange,
    /// Tells the old address, with the link that undoes it.
    EmailChangeNotice,
    /// Carries an invitation.
    Invitation,
    /// Tells that the account was deleted.
    AccountDeleted,
    /// Tells of a sign-in with a browser that was not known.
    NewDevice,
    /// Tells of a second factor that was enrolled.
    FactorAdded,
    /// Tells of a second factor that was removed.
    FactorRemoved,
    /// Tells of a recovery code that was used.
    RecoveryCodeUsed,
    /// Tells of new recovery codes.
    RecoveryCodesMade,
    /// Tells of a provider that was linked.
    ProviderLinked,
    /// Tells of a provider that was unlinked.
    ProviderUnlinked,
}

impl MailKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Verification,
        Self::KnownAccount,
        Self::Recovery,
        Self::PasswordChanged,
        Self::EmailChange,
        Self::EmailChangeNotice,
        Self::Invitation,
        Self::AccountDeleted,
        Self::NewDevice,
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::RecoveryCodeUsed,
        Self::RecoveryCodesMade,
        Self::ProviderLinked,
        Self::ProviderUnlinked,
    ];

    /// As stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::KnownAccount => "known_account",
            Self::Recovery => "recovery",
            Self::PasswordChanged => "password_changed",
            Self::EmailChange => "email_change",
            Self::EmailChangeNotice => "email_change_notice",
            Self::Invitation => "invitation",
            Self::AccountDeleted => "account_deleted",
            Self::NewDevice => "new_device",
            Self::FactorAdded => "factor_added",
            Self::FactorRemoved => "factor_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesMade => "recovery_codes_made",
            Self::ProviderLinked => "provider_linked",
            Self::ProviderUnlinked => "provider_unlinked",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }
}

/// A mail as it is stored.
#[derive(Clone)]
pub struct SealedMail {
    /// Names it.
    pub id: MailId,
    /// Which text.
    pub kind: MailKind,
    /// The one recipient.
    pub to: String,
    /// Fixed text.
    pub subject: String,
    /// The body, encrypted; empty once it was sent.
    pub body: Vec<u8>,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// Deliveries tried, this one included when it was just claimed.
    pub attempts: u32,
}

/// What a flow wants to say to somebody.
pub(crate) struct Letter {
    pub(crate) kind: MailKind,
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) body: Zeroizing<String>,
}

/// Whether one more mail may go to an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MailAllowance {
    /// A mail with a link.
    pub(crate) link: Delivery,
    /// A notice to somebody who did not ask for it.
    pub(crate) notice: Delivery,
}
