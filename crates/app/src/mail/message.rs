//! A waiting mail becomes a message (RFC 5322, RFC 2045): text alone, fixed fields, one recipient (EMAIL-08, FORGOT-05).

use std::time::SystemTime;

use doorward_domain::outbox::OutboxMail;
use doorward_kit::Host;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Body, Mailbox, Message};

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

/// Who mails come from.
pub(crate) struct Sender {
    from: Mailbox,
    host: String,
}

impl Sender {
    pub(crate) fn new(from: &str, host: &Host) -> Result<Self, SenderError> {
        let from = from.parse().map_err(|_| SenderError)?;
        let host = if host.ip().is_some() { format!("[{host}]") } else { host.to_string() };
        Ok(Self { from, host })
    }

    /// The octets of the message. The id of the row is the id of the message: a mail that is sent twice after a crash is known as one.
    pub(crate) fn message(&self, mail: &OutboxMail) -> Result<Vec<u8>, MessageError> {
        // `Address`, not `Mailbox`: there is no display name, no list and no comment to smuggle anything in.
        let to: Address = mail.to.parse().map_err(|_| MessageError::Recipient)?;
        let message = Message::builder()
            .date(SystemTime::try_from(mail.queued_at).unwrap_or(SystemTime::UNIX_EPOCH))
            .message_id(Some(format!("<{}@{}>", mail.id, self.host)))
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(mail.subject.clone())
            .header(AutoSubmitted)
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(body(&mail.body))
            .map_err(MessageError::Build)?;
        Ok(message.formatted())
    }
}

/// As it is, line for line: a link that quoted-printable breaks in two cannot be copied from the file.
fn body(text: &str) -> Body {
    if text.contains('\r') || text.lines().any(|line| line.len() > LINE_MAX_BYTES) {
        return Body::new(text.to_owned());
    }
    let lines = text.replace('\n', "\r\n").into_bytes();
    let encoding = if text.is_ascii() { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::EightBit };
    Body::dangerous_pre_encoded(lines, encoding)
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
