//! A waiting mail becomes a message (RFC 5322, RFC 2045): text alone, fixed fields, one recipient (EMAIL-08, FORGOT-05).

use std::net::IpAddr;
use std::time::SystemTime;

use doorward_domain::outbox::OutboxMail;
use doorward_kit::Host;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Body, Mailbox, Message};
use lettre::transport::smtp::extension::ClientId;

/// RFC 5322 §2.1.1, without the line end.
const LINE_MAX_BYTES: usize = 998;

/// The configured sender is not one mailbox.
#[derive(Debug, thiserror::Error)]
#[error("the sender of mails must be one mailbox, such as `App <no-reply@example.com>`")]
pub struct SenderError;

/// Why a mail could not become a message. Names nobody.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error("the recipient is not an address")]
    Recipient,
    #[error("the message could not be built")]
    Build(#[source] lettre::error::Error),
}

/// What lines a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Those of the text: a link that quoted-printable breaks in two cannot be copied from a file.
    AsTheyAre,
    /// Seven bits an octet: what every relay takes, with 8BITMIME or without (RFC 6152).
    SevenBit,
}

/// Who mails come from.
pub(crate) struct Sender {
    from: Mailbox,
    host: String,
    hello: ClientId,
}

impl Sender {
    pub(crate) fn new(from: &str, host: &Host) -> Result<Self, SenderError> {
        let from = from.parse().map_err(|_| SenderError)?;
        let hello = match host.ip() {
            Some(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Some(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            None => ClientId::Domain(host.to_string()),
        };
        let host = if host.ip().is_some() { format!("[{host}]") } else { host.to_string() };
        Ok(Self { from, host, hello })
    }

    /// How we introduce ourselves to a relay.
    pub(crate) fn hello(&self) -> &ClientId {
        &self.hello
    }

    /// Who a relay is told to tell of trouble, and the one recipient.
    pub(crate) fn envelope(&self, mail: &OutboxMail) -> Result<(Address, Address), MessageError> {
        Ok((self.from.email.clone(), recipient(mail)?))
    }

    /// The octets of the message. The id of the row is the id of the message: a mail that is sent twice after a crash is known as one.
    pub(crate) fn message(&self, mail: &OutboxMail, lines: Lines) -> Result<Vec<u8>, MessageError> {
        let message = Message::builder()
            .date(SystemTime::try_from(mail.queued_at).unwrap_or(SystemTime::UNIX_EPOCH))
            .message_id(Some(format!("<{}@{}>", mail.id, self.host)))
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient(mail)?))
            .subject(mail.subject.clone())
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(body(&mail.body, lines))
            .map_err(MessageError::Build)?;
        Ok(message.formatted())
    }
}

/// `Address`, not `Mailbox`: there is no display name, no list and no comment to smuggle anything in.
fn recipient(mail: &OutboxMail) -> Result<Address, MessageError> {
    mail.to.parse().map_err(|_| MessageError::Recipient)
}

/// Line for line as the text is, as far as `lines` allows.
fn body(text: &str, lines: Lines) -> Body {
    if (lines == Lines::SevenBit && !text.is_ascii())
        || text.contains('\r')
        || text.lines().any(|line| line.len() > LINE_MAX_BYTES)
    {
        return Body::new(text.to_owned());
    }
    let octets = text.replace('\n', "\r\n").into_bytes();
    let encoding = if text.is_ascii() { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::EightBit };
    Body::dangerous_pre_encoded(octets, encoding)
}

/// `Auto-Submitted: auto-generated` (RFC 3834 §5): no vacation notes, please.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}
