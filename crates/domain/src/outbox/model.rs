//! A mail, open and sealed.

use doorward_kit::{Timestamp, id::MailId};
use zeroize::Zeroizing;

use crate::store::Delivery;

/// A mail that waits. The body is sealed while it waits, and gone once it is sent (EMAIL-09).
pub struct OutboxMail {
    /// Names it.
    pub id: MailId,
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

/// A mail as it is stored.
#[derive(Clone)]
pub struct SealedMail {
    /// Names it.
    pub id: MailId,
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
