//! A relay that takes our mail (RFC 5321), over verified TLS (EMAIL-10).
//!
//! In: a message and its envelope. Out: taken, or a [`MailFault`]. What the relay writes beside its codes goes nowhere: it may repeat the
//! recipient or a line of the message, a link included (LOG-09). One connection a message: mails are few, and a connection that broke is
//! the trouble of one.

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use doorward_config::{Protection, Remote, SecretText};
use doorward_domain::outbox::{MailCause, MailFault};
use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::clear::LineByLine;
use super::trust;

/// How long to wait for the relay's goodbye; the mail is its by then.
const GOODBYE: Duration = Duration::from_secs(2);

/// Both send the password as it is, which TLS makes good; LOGIN is for relays that know nothing else.
const MECHANISMS: &[Mechanism] = &[Mechanism::Plain, Mechanism::Login];

/// Why a relay cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The file of authorities.
    #[error("{0}: no certificates of authorities, or not only such")]
    CaFile(PathBuf),
    /// The system's authorities.
    #[error("this system knows no certificate authorities: name some in ca_file")]
    NoSystemAuthorities,
    /// The TLS library.
    #[error("TLS cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// How long a relay may take.
#[derive(Debug, Clone, Copy)]
pub struct RelayTimes {
    /// Until the connection stands, per address of the relay.
    pub connect: Duration,
    /// From the name's look-up to the relay's word that it has the mail. Shorter than the two minutes after which another sender may have
    /// the mail.
    pub conversation: Duration,
}

impl Default for RelayTimes {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), conversation: Duration::from_secs(60) }
    }
}

/// A server that takes mail on.
pub struct Relay {
    host: String,
    port: u16,
    protection: Protection,
    tls: Option<TlsParameters>,
    sign_in: Option<(String, SecretText)>,
    times: RelayTimes,
}

impl Relay {
    /// Reads the authorities that may vouch for the relay; connects to nothing.
    ///
    /// # Errors
    /// [`RelayError`].
    pub fn new(server: &Remote, password: Option<SecretText>) -> Result<Self, RelayError> {
        let host = server.host.to_string().trim_matches(['[', ']']).to_owned();
        let tls = match server.protection {
            Protection::Plain => None,
            Protection::Tls | Protection::StartTls => Some(trust::verified(&host, server.ca_file.as_deref())?),
        };
        let sign_in = server.user.clone().zip(password);
        Ok(Self { host, port: server.port, protection: server.protection, tls, sign_in, times: RelayTimes::default() })
    }

    /// With other times.
    #[must_use]
    pub fn with_times(mut self, times: RelayTimes) -> Self {
        self.times = times;
        self
    }

    /// Hands a message over; it is the relay's when this returns without a fault.
    pub(super) async fn deliver(&self, hello: &ClientId, from: Address, to: Address, message: &[u8]) -> Result<(), MailFault> {
        let conversation = self.hand_over(hello, from, to, message);
        let late = |_| MailFault::of(MailCause::TimedOut);
        let mut connection = timeout(self.times.conversation, conversation).await.map_err(late)??;
        // Whatever comes of the goodbye: the mail has been taken.
        let _ = timeout(GOODBYE, connection.quit()).await;
        Ok(())
    }

    async fn hand_over(
        &self,
        hello: &ClientId,
        from: Address,
        to: Address,
        message: &[u8],
    ) -> Result<AsyncSmtpConnection, MailFault> {
        let mut connection = self.connect(hello).await?;
        self.sign_in(&mut connection).await?;
        connection.command(Mail::new(Some(from), Vec::new())).await.map_err(at(MailCause::Relay))?;
        connection.command(Rcpt::new(to, Vec::new())).await.map_err(refused(MailCause::Recipient))?;
        connection.command(Data).await.map_err(refused(MailCause::Message))?;
        connection.message(message).await.map_err(refused(MailCause::Message))?;
        Ok(connection)
    }

    /// A connection that is protected as it has to be, or none.
    async fn connect(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, MailFault> {
        let server = (self.host.as_str(), self.port);
        match (self.protection, &self.tls) {
            (Protection::Tls, tls) => {
                // Without TLS parameters this would be a connection in clear.
                let tls = tls.clone().ok_or(MailFault::of(MailCause::Tls))?;
                let connection = AsyncSmtpConnection::connect_tokio1(server, Some(self.times.connect), hello, Some(tls), None);
                connection.await.map_err(at(MailCause::Relay))
            }
            (Protection::StartTls, tls) => {
                let tls = tls.clone().ok_or(MailFault::of(MailCause::Tls))?;
                let mut connection = self.connect_in_clear(hello).await?;
                if !connection.can_starttls() {
                    return Err(MailFault::of(MailCause::NoStartTls));
                }
                connection.starttls(tls, hello).await.map_err(at(MailCause::Tls))?;
                Ok(connection)
            }
            (Protection::Plain, _) => self.connect_in_clear(hello).await,
        }
    }

    async fn connect_in_clear(&self, hello: &ClientId) -> Result<AsyncSmtpConnection, MailFault> {
        let stream = timeout(self.times.connect, TcpStream::connect((self.host.as_str(), self.port))).await;
        let stream = stream.map_err(|_| MailFault::of(MailCause::TimedOut))?;
        let stream = stream.map_err(|_| MailFault::of(MailCause::Unreachable))?;
        let stream = Box::new(LineByLine::new(stream));
        AsyncSmtpConnection::connect_with_transport(stream, hello).await.map_err(at(MailCause::Relay))
    }

    async fn sign_in(&self, connection: &mut AsyncSmtpConnection) -> Result<(), MailFault> {
        let Some((user, password)) = &self.sign_in else { return Ok(()) };
        let credentials = Credentials::new(user.clone(), password.expose().clone());
        match connection.auth(MECHANISMS, &credentials).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_client() => Err(MailFault::of(MailCause::SignIn)),
            Err(error) => Err(at(MailCause::SignIn)(error)),
        }
    }
}

/// What an error means once the relay has heard the recipient. Many relays say only now what they have against *us* (Postfix delays its
/// checks of client and sender until here), and that is no verdict on the mail.
fn refused(stage: MailCause) -> impl Fn(lettre::transport::smtp::Error) -> MailFault {
    move |error| {
        let is_of_us = error.is_permanent() && !is_of_mail(&error);
        at(if is_of_us { MailCause::Relay } else { stage })(error)
    }
}

/// Whether a refusal for good is of this recipient or message: by its code (RFC 5321 §4.2.3), unless the enhanced code beside it
/// (RFC 3463 §3) speaks of the relay's system, of the way there, or of what we may do.
fn is_of_mail(error: &lettre::transport::smtp::Error) -> bool {
    let code = error.status().map(u16::from);
    let is_of_us = error.source().and_then(|text| subject(&text.to_string())).is_some_and(|subject| matches!(subject, 3 | 4 | 7));
    matches!(code, Some(550..=553)) && !is_of_us
}

/// The middle number of the enhanced code that a reply's text begins with.
fn subject(text: &str) -> Option<u16> {
    let mut numbers = text.split_ascii_whitespace().next()?.splitn(3, '.');
    let (class, subject, detail) = (numbers.next()?, numbers.next()?, numbers.next()?);
    let is_code = matches!(class, "4" | "5") && detail.starts_with(|first: char| first.is_ascii_digit());
    is_code.then(|| subject.parse().ok()).flatten()
}

/// What an error at some point of the conversation means. Its text is dropped.
fn at(stage: MailCause) -> impl Fn(lettre::transport::smtp::Error) -> MailFault {
    move |error| {
        if let Some(code) = error.status() {
            return MailFault::replied(stage, code.into());
        }
        MailFault::of(if is_of_tls(&error) {
            MailCause::Tls
        } else if error.is_timeout() {
            MailCause::TimedOut
        } else if error.is_response() || error.is_client() || is_nonsense(&error) {
            MailCause::Protocol
        } else {
            MailCause::Unreachable
        })
    }
}

/// Octets that are no text, or too many of them.
fn is_nonsense(error: &lettre::transport::smtp::Error) -> bool {
    let io = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::InvalidData)
}

/// The TLS library's error is within an I/O error, within the mail library's.
fn is_of_tls(error: &lettre::transport::smtp::Error) -> bool {
    std::iter::successors(error.source(), |&error| error.source()).any(|error| {
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        within.is_some_and(|inner| inner.downcast_ref::<rustls::Error>().is_some())
    })
}
