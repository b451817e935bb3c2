//! Mail as octets, and the ways it can leave.

mod clear;
mod file;
mod message;
mod relay;
mod trust;

use doorward_domain::outbox::{MailCause, MailFault, OutboxMail};

pub(crate) use file::FileTransport;
pub(crate) use message::{Sender, SenderError};
pub use relay::{Relay, RelayError, RelayTimes};

use message::{Lines, MessageError};

/// How mail leaves.
pub(crate) enum Transport {
    /// One file a message.
    Folder(FileTransport),
    /// A server that takes it on.
    Relay(Relay),
}

/// Connections to a relay at once.
const AT_ONCE: u32 = 8;

impl Transport {
    /// Mails that may be on their way at once. Files are written one after the other, in the order of their mails.
    pub(crate) fn at_once(&self) -> u32 {
        match self {
            Self::Folder(_) => 1,
            Self::Relay(_) => AT_ONCE,
        }
    }

    /// Delivers one mail. It may be delivered twice, and bears the same `Message-ID` then.
    pub(crate) async fn deliver(&self, sender: &Sender, mail: &OutboxMail) -> Result<(), MailFault> {
        match self {
            Self::Folder(folder) => {
                let message = sender.message(mail, Lines::AsTheyAre)?;
                folder.deliver(mail, message).await.map_err(|error| {
                    tracing::warn!(message = "the mail folder cannot be written", error = %error);
                    MailFault::of(MailCause::Folder)
                })
            }
            Self::Relay(relay) => {
                let (from, to) = sender.envelope(mail)?;
                relay.deliver(sender.hello(), from, to, &sender.message(mail, Lines::SevenBit)?).await
            }
        }
    }
}

impl From<MessageError> for MailFault {
    fn from(error: MessageError) -> Self {
        tracing::error!(message = "a mail cannot be made a message", error = %error);
        Self::of(MailCause::Unbuildable)
    }
}
