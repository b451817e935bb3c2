//! A provider over real sockets that answers as it is told, also what no honest one does.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// Every host that the server has a certificate for: those of the presets are led here by a test's own sockets.
const HOSTS: [&str; 9] = [
    "localhost",
    "github.com",
    "api.github.com",
    "accounts.google.com",
    "oauth2.googleapis.com",
    "www.googleapis.com",
    "openidconnect.googleapis.com",
    "login.microsoftonline.com",
    "graph.microsoft.com",
];

/// What it says at a path.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

#[derive(Clone)]
pub(crate) enum Body {
    Text(String),
    /// Says no length, and never ends.
    Endless,
    /// One octet a moment, for ever.
    Drip,
    /// A field of the head that never ends.
    EndlessHead,
    /// Closes without a word.
    Nothing,
}

impl Answer {
    pub(crate) fn json(value: &Value) -> Self {
        Self::text(200, "application/json", value.to_string())
    }

    pub(crate) fn text(status: u16, media: &str, body: String) -> Self {
        Self { status, fields: vec![("Content-Type", media.to_owned())], body: Body::Text(body) }
    }

    pub(crate) fn of(body: Body) -> Self {
        Self { status: 200, fields: vec![("Content-Type", "application/json".to_owned())], body }
    }

    pub(crate) fn redirect(to: &str) -> Self {
        Self { status: 302, fields: vec![("Location", to.to_owned())], body: Body::Text(String::new()) }
    }
}

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method and path, such as `GET /keys`.
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) fields: HashMap<String, String>,
    pub(crate) body: String,
}

/// A running server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) ca_file: PathBuf,
    state: Arc<State>,
    _folder: TempDir,
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    seen: Mutex<Vec<Seen>>,
    connections: Mutex<usize>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let (config, pem) = tls();
        let folder = tempfile::tempdir().unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, pem).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), state.clone()));
        Self { port, ca_file, state, _folder: folder }
    }

    pub(crate) fn base(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    pub(crate) fn say(&self, path: &str, answer: Answer) {
        self.state.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    pub(crate) fn count(&self, line: &str) -> usize {
        self.lines().iter().filter(|seen| *seen == line).count()
    }

    /// Connections, those that brought no request included.
    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }
}

fn tls() -> (rustls::ServerConfig, String) {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = ca.self_signed(&ca_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let names = HOSTS.iter().chain(&["127.0.0.1"]).map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let leaf = CertificateParams::new(names).unwrap().signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    (config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], key).unwrap(), pem)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    while let Ok((socket, _)) = listener.accept().await {
        *state.connections.lock().unwrap() += 1;
        let (acceptor, state) = (acceptor.clone(), state.clone());
        tokio::spawn(async move {
            // What does not begin as TLS does is plain HTTP.
            let mut first = [0; 1];
            if socket.peek(&mut first).await.is_ok() && first[0] == 0x16 {
                if let Ok(stream) = acceptor.accept(socket).await {
                    converse(stream, &state).await;
                }
            } else {
                converse(socket, &state).await;
            }
        });
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, state: &State) {
    let Some(seen) = read(&mut stream).await else { return };
    let path = seen.line.split(' ').nth(1).unwrap_or_default().to_owned();
    let answer = state.answers.lock().unwrap().get(&path).cloned();
    state.seen.lock().unwrap().push(seen);
    let answer = answer.unwrap_or_else(|| Answer::text(404, "text/plain", "not there".to_owned()));
    let _ = write(&mut stream, &answer).await;
    let _ = stream.shutdown().await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut text = Vec::new();
    let head = loop {
        if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    };
    let head_text = String::from_utf8_lossy(&text[..head]).into_owned();
    let mut lines = head_text.split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let fields: HashMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = fields.get("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    while text.len() < head + 4 + length {
        if stream.read_buf(&mut text).await.ok()? == 0 {
            return None;
        }
    }
    let body = String::from_utf8_lossy(&text[head + 4..]).into_owned();
    Some(Seen { line, fields, body })
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> std::io::Result<()> {
    if matches!(answer.body, Body::Nothing) {
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} X\r\n", answer.status);
    for (name, value) in &answer.fields {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    match &answer.body {
        Body::Text(body) => {
            head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
            stream.write_all(head.as_bytes()).await
        }
        Body::EndlessHead => {
            stream.write_all(head.as_bytes()).await?;
            loop {
                stream.write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n").await?;
            }
        }
        Body::Endless | Body::Drip => {
            stream.write_all(format!("{head}\r\n").as_bytes()).await?;
            let is_drip = matches!(answer.body, Body::Drip);
            loop {
                if is_drip {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                stream.write_all(if is_drip { b" " } else { &[b' '; 16 * 1024] }).await?;
                stream.flush().await?;
            }
        }
        Body::Nothing => Ok(()),
    }
}
