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

/// How many mails a sender takes at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Claimed together.
    pub(crate) claim: u32,
    /// On their way at the same time.
    pub(crate) at_once: usize,
}

impl Transport {
    /// Files are written one after the other, in the order of their mails. A relay may take a minute over a mail: what is claimed
    /// together is on its way together, so that each has the whole lease.
    pub(crate) fn pace(&self) -> Pace {
        match self {
            Self::Folder(_) => Pace { claim: 32, at_once: 1 },
            Self::Relay(_) => Pace { claim: 8, at_once: 8 },
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
