//! A client that sends exactly the octets it is given and reads exactly one answer at a time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

/// How long a test waits before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(30);

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// One connection.
pub(crate) struct Client {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// In wire order, names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    /// The one value of a field; more than one is a failure of the test.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let values: Vec<&str> = self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect();
        assert!(values.len() <= 1, "{name} came {} times: {values:?}", values.len());
        values.first().copied()
    }

    /// Every value of a field, in wire order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The `detail` of an error body, which must be the only key.
    pub(crate) fn detail(&self) -> String {
        let value: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"));
        let object = value.as_object().unwrap_or_else(|| panic!("not an object: {self:?}"));
        assert_eq!(object.len(), 1, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        object["detail"].as_str().unwrap_or_else(|| panic!("no detail: {self:?}")).to_owned()
    }
}

/// A plain GET.
pub(crate) fn get(host: &str, target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")
}

/// A TLS configuration that trusts one certificate.
pub(crate) fn tls_config(
    certificate: &[u8],
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(certificate.to_vec())).expect("trust anchor");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

impl Client {
    pub(crate) async fn plain(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("connect");
        Self { stream: Box::new(stream), buffer: Vec::new() }
    }

    pub(crate) async fn tls(
        address: SocketAddr,
        from: &str,
        name: &str,
        config: impl Into<Arc<rustls::ClientConfig>>,
    ) -> std::io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from.parse().expect("address"), 0))?;
        let stream = socket.connect(address).await?;
        let name = ServerName::try_from(name.to_owned()).expect("name");
        let stream = TlsConnector::from(config.into()).connect(name, stream).await?;
        Ok(Self { stream: Box::new(stream), buffer: Vec::new() })
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may have closed already; what it said before is what counts.
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Ends our side.
    pub(crate) async fn end(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Sends and reads one answer.
    pub(crate) async fn ask(&mut self, bytes: impl AsRef<[u8]>) -> Reply {
        let is_head = bytes.as_ref().starts_with(b"HEAD ");
        self.send(bytes).await;
        self.reply(is_head).await.expect("an answer")
    }

    /// Reads one answer, interim ones skipped; `None` when the connection ended instead.
    pub(crate) async fn reply(&mut self, to_head: bool) -> Option<Reply> {
        self.reply_and_octets(to_head).await.map(|(reply, _)| reply)
    }

    /// The same, with the body as it came.
    pub(crate) async fn reply_and_octets(&mut self, to_head: bool) -> Option<(Reply, Vec<u8>)> {
        loop {
            let head = self.take_until(b"\r\n\r\n").await?;
            let (status, headers) = parse_head(&String::from_utf8_lossy(&head));
            if status == 100 {
                continue;
            }
            let mut reply = Reply { status, headers, body: String::new() };
            let mut octets = Vec::new();
            if !(to_head || status == 204 || status == 304 || status == 101) {
                octets = self.body(&reply).await;
                reply.body = String::from_utf8_lossy(&octets).into_owned();
            }
            return Some((reply, octets));
        }
    }

    /// Reads one line, such as an interim answer's.
    pub(crate) async fn line(&mut self) -> Option<String> {
        Some(String::from_utf8_lossy(&self.take_until(b"\r\n").await?).into_owned())
    }

    /// Everything until the other side ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.buffer)
    }

    /// Sends the same octets again and again until the other side ends; says what came.
    pub(crate) async fn drip(mut self, bytes: &str, every: Duration) -> Vec<u8> {
        loop {
            match tokio::time::timeout(every, self.stream.read_buf(&mut self.buffer)).await {
                Ok(Ok(0) | Err(_)) => return self.buffer,
                Ok(Ok(_)) => {}
                Err(_) => self.send(bytes).await,
            }
        }
    }

    /// Whether the other side ends without another octet.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.rest().await.is_empty()
    }

    /// Waits for more octets; `false` at the end.
    pub(crate) async fn more(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.buffer)).await;
        read.expect("the other side neither speaks nor ends").unwrap_or(0) > 0
    }

    /// Takes exactly so many octets.
    pub(crate) async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.buffer.len() < length {
            if !self.more().await {
                return None;
            }
        }
        let rest = self.buffer.split_off(length);
        Some(std::mem::replace(&mut self.buffer, rest))
    }

    /// Takes what has come.
    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    async fn take_until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return self.take(at + end.len()).await;
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn body(&mut self, reply: &Reply) -> Vec<u8> {
        if let Some(length) = reply.header("content-length") {
            return self.take(length.parse().expect("a length")).await.expect("a whole body");
        }
        if reply.header("transfer-encoding").is_none() {
            return self.rest().await;
        }
        let mut body = Vec::new();
        loop {
            let line = self.line().await.expect("a chunk size");
            let size = usize::from_str_radix(line.trim_end(), 16).expect("hexadecimal");
            body.extend(self.take(size).await.expect("a chunk"));
            assert_eq!(self.line().await.as_deref(), Some("\r\n"), "nothing but the end behind a chunk");
            if size == 0 {
                return body;
            }
        }
    }
}

fn parse_head(text: &str) -> (u16, Vec<(String, String)>) {
    let mut lines = text.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).expect("a status");
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    (status, headers.collect())
}
