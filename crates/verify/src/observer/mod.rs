//! The client that looks: raw HTTP/1.1 over TLS or plain TCP, from a chosen local address to a pinned remote one.
//!
//! Comes in: a [`Call`]. Goes out: an [`Answer`] as it was on the wire (order, duplicates, trailers) and the [`Connection`] it came
//! over. Must never know: what the answer should have been.

pub(crate) mod address;
mod http2;
mod raw;
mod tls;
mod wire;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use doorward_kit::redact::Visible;
use doorward_kit::{Clock, Host, Secret};
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;

pub(crate) use wire::Answer;

/// A name and its value.
pub(crate) type Field = (String, String);

/// One request to make.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) to: SocketAddr,
    pub(crate) from: Option<IpAddr>,
    pub(crate) host: Host,
    pub(crate) authority: String,
    pub(crate) transport: Transport,
    pub(crate) method: &'static str,
    pub(crate) target: String,
    /// Without `Host` and `Connection`, which the transport adds.
    pub(crate) fields: Vec<Field>,
    /// The value of `Authorization`, which no report ever holds.
    pub(crate) authorization: Option<Secret<String>>,
    /// Fields with secrets.
    pub(crate) secrets: Vec<(String, Secret<String>)>,
    /// Sent after the head.
    pub(crate) body: Secret<String>,
}

/// What carries a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTP/1.1 over TLS.
    Http1,
    /// HTTP/2 over TLS.
    Http2,
    /// HTTP/1.1 without TLS.
    Plain,
}

/// The connection that an answer came over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) remote: SocketAddr,
    pub(crate) sni: Option<String>,
    pub(crate) tls: Option<&'static str>,
    pub(crate) alpn: Option<String>,
    pub(crate) leaf: Option<CertificateDer<'static>>,
}

/// Why there is no answer. Foreign text in it is escaped and short.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("no address: {0}")]
    Address(String),
    #[error("no connection: {0}")]
    Connect(std::io::ErrorKind),
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    #[error("no whole answer within {0} ms")]
    Timeout(u128),
    #[error("the answer is not well-formed HTTP: {0}")]
    Parse(&'static str),
    #[error("the connection ended before the answer did")]
    Ended,
    #[error("HTTP/2 failed: {0}")]
    Http2(String),
    #[error("the run's time is used up")]
    OutOfTime,
    #[error("{0}")]
    Prerequisite(&'static str),
}

/// Makes calls.
pub(crate) struct Observer {
    tls: tls::Clients,
}

impl Observer {
    /// With `roots` every chain must verify; without them any certificate is taken.
    pub(crate) fn new(roots: &[CertificateDer<'static>], clock: &Arc<dyn Clock>) -> Result<Self, rustls::Error> {
        Ok(Self { tls: tls::Clients::new(roots, clock)? })
    }

    /// Makes one call on a connection of its own. The connection is told of as soon as it stands, even if no answer follows.
    pub(crate) async fn call(&self, call: &Call, connection: &mut Option<Connection>) -> Result<Answer, Fault> {
        match call.transport {
            Transport::Plain => {
                let stream = connect(call.to, call.from).await?;
                *connection = Some(plain(call.to));
                wire::exchange(stream, call).await
            }
            Transport::Http1 => {
                let stream = self.secure(call, connection).await?;
                wire::exchange(stream, call).await
            }
            Transport::Http2 => {
                let stream = self.secure(call, connection).await?;
                http2::exchange(stream, call).await
            }
        }
    }

    /// Repeats a call on kept connections until an answer is `until` or `most` answers came; gives the first and the last one.
    pub(crate) async fn burst(
        &self,
        call: &Call,
        until: u16,
        most: u32,
        connection: &mut Option<Connection>,
    ) -> Result<(Answer, Answer), Fault> {
        let mut kept: Option<wire::Wire<Box<dyn Stream>>> = None;
        let mut first: Option<Answer> = None;
        let mut last: Option<Answer> = None;
        for _ in 0..most {
            let mut wire = match kept.take() {
                Some(wire) => wire,
                None => wire::Wire::new(Box::new(self.secure(call, connection).await?) as Box<dyn Stream>),
            };
            let answer = wire.exchange(call, true).await?;
            kept = (!answer.ends_connection).then_some(wire);
            first.get_or_insert_with(|| answer.clone());
            let done = answer.status == until;
            last = Some(answer);
            if done {
                break;
            }
        }
        first.zip(last).ok_or(Fault::Prerequisite("the quota is zero"))
    }

    async fn secure(&self, call: &Call, connection: &mut Option<Connection>) -> Result<TlsStream<TcpStream>, Fault> {
        let stream = connect(call.to, call.from).await?;
        *connection = Some(plain(call.to));
        let stream = self.tls.handshake(stream, &call.host, call.transport).await?;
        *connection = Some(tls::describe(&stream, call));
        Ok(stream)
    }
}

/// What HTTP/1.1 needs of a connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

fn plain(remote: SocketAddr) -> Connection {
    Connection { remote, sni: None, tls: None, alpn: None, leaf: None }
}

async fn connect(to: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream, Fault> {
    let refused = |error: std::io::Error| Fault::Connect(error.kind());
    let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(refused)?;
    if let Some(local) = from {
        if local.is_ipv4() != to.is_ipv4() {
            return Err(Fault::Address("the vantage and the site are of different address families".into()));
        }
        socket.bind(SocketAddr::new(local, 0)).map_err(refused)?;
    }
    let stream = socket.connect(to).await.map_err(refused)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Foreign error text, made safe to show.
fn shown(text: &str) -> String {
    Visible::new(text, 160).to_string()
}
