//! Why a mail did not leave: a word from a closed set and perhaps a reply code, never what the other side wrote (LOG-09).

use std::fmt;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailCause {
    /// The relay's name or port cannot be reached, or the connection broke.
    Unreachable,
    /// The relay took too long.
    TimedOut,
    /// The relay's certificate is not one to trust, or no TLS came about.
    Tls,
    /// The relay offers no STARTTLS; nothing was said to it.
    NoStartTls,
    /// The relay did not accept our user and password.
    SignIn,
    /// The relay takes nothing from us at the moment: refused before it heard of the recipient, or afterwards for a reason of ours.
    Relay,
    /// The relay did not accept the recipient.
    Recipient,
    /// The relay did not accept the message.
    Message,
    /// What the relay said is not SMTP.
    Protocol,
    /// The mail folder cannot be written.
    Folder,
    /// No message could be made of the mail.
    Unbuildable,
    /// The stored body cannot be opened: a key that this node lacks, or a row that was tampered with.
    Sealed,
    /// The mail waited for too long.
    TooOld,
    /// The recipient's domain is reserved never to exist (RFC 6761 §6.4): no relay is asked.
    NoSuchDomain,
    /// A fault of ours.
    Internal,
}

impl MailCause {
    /// As stored, logged and audited.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Tls => "tls",
            Self::NoStartTls => "no_starttls",
            Self::SignIn => "sign_in",
            Self::Relay => "relay",
            Self::Recipient => "recipient",
            Self::Message => "message",
            Self::Protocol => "protocol",
            Self::Folder => "folder",
            Self::Unbuildable => "unbuildable",
            Self::Sealed => "sealed",
            Self::TooOld => "too_old",
            Self::NoSuchDomain => "no_such_domain",
            Self::Internal => "internal",
        }
    }
}

/// Why a delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailFault {
    /// What went wrong.
    pub cause: MailCause,
    /// The relay's reply code (RFC 5321 §4.2), 400 to 599, when it replied.
    pub code: Option<u16>,
}

impl MailFault {
    /// A fault that no relay replied with.
    #[must_use]
    pub const fn of(cause: MailCause) -> Self {
        Self { cause, code: None }
    }

    /// A refusal with its code.
    #[must_use]
    pub const fn replied(cause: MailCause, code: u16) -> Self {
        Self { cause, code: Some(code) }
    }

    /// Whether another attempt would end the same: the mail is then given up at once. What a relay has against us, and not against this
    /// mail, passes when the operator puts it right; of the codes that refuse for good, only 550 to 553 are about the mailbox or the
    /// message (RFC 5321 §4.2.3).
    #[must_use]
    pub fn is_permanent(self) -> bool {
        match self.cause {
            MailCause::Recipient | MailCause::Message => matches!(self.code, Some(550..=553)),
            MailCause::Unbuildable | MailCause::TooOld | MailCause::NoSuchDomain => true,
            MailCause::Unreachable
            | MailCause::TimedOut
            | MailCause::Tls
            | MailCause::NoStartTls
            | MailCause::SignIn
            | MailCause::Relay
            | MailCause::Protocol
            | MailCause::Folder
            // Another node may have the key that this one lacks.
            | MailCause::Sealed
            | MailCause::Internal => false,
        }
    }

    /// Whether the next mail would fare the same: the sender then rests instead of knocking for each that waits.
    #[must_use]
    pub fn is_of_relay(self) -> bool {
        /// "Service not available, closing transmission channel" (RFC 5321 §4.2.2), whatever it is the answer to.
        const CLOSING: u16 = 421;
        let is_of_mail = matches!(
            self.cause,
            MailCause::Recipient
                | MailCause::Message
                | MailCause::Unbuildable
                | MailCause::Sealed
                | MailCause::TooOld
                | MailCause::NoSuchDomain
                | MailCause::Internal
        );
        !is_of_mail || self.code == Some(CLOSING)
    }
}

impl fmt::Display for MailFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.as_str())?;
        self.code.map_or(Ok(()), |code| write!(f, " {code}"))
    }
}

/// What becomes of a mail whose delivery failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailFate {
    /// It is tried again.
    Deferred,
    /// It was given up; an operator may have it tried again.
    GivenUp,
    /// It no longer waited: somebody else has dealt with it.
    Settled,
}
