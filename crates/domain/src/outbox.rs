//! Mail to send is a row in the same transaction as the reason to send it.

use doorward_kit::{Timestamp, id::MailId};

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
