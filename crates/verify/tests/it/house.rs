//! A site over real sockets that answers as the policy says, unless a test tampers with an answer.
//!
//! It shares nothing with the edge: it writes its answers by hand, octet by octet, and remembers them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use doorward_kit::{SystemClock, SystemEntropy};
use doorward_policy::{Audience, HeaderPolicy, Policy};
use doorward_verify::{Options, Pin, Plan, Report};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::accounts_site::Accounts;
use crate::strict::is_ambiguous;

pub(crate) const SITE: &str = "app.test";
pub(crate) const GATE: &str = "adm.app.test";
pub(crate) const INSIDE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
pub(crate) const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
/// Stands for the method of a request that is refused before it is read; its head is in `body`.
pub(crate) const AMBIGUOUS: &str = "AMBIGUOUS";
/// `operator:open the gate, please`
const RIGHT: &str = "Basic b3BlcmF0b3I6b3BlbiB0aGUgZ2F0ZSwgcGxlYXNl";

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) from: IpAddr,
    pub(crate) secure: bool,
    pub(crate) http2: bool,
    pub(crate) host: String,
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) fields: Vec<(String, String)>,
    /// As far as it came: nothing of what announces more than 4 KiB.
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(seen, _)| seen == name).map(|(_, value)| value.as_str())
    }

    /// Whether this is a GET of `path` on the public site over TLS and HTTP/1.1.
    pub(crate) fn is_get(&self, path: &str) -> bool {
        self.secure && !self.http2 && self.method == "GET" && self.host.starts_with(SITE) && self.target == path
    }
}

/// An answer to write.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        match self.fields.iter_mut().find(|(seen, _)| seen == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.fields.push((name.into(), value.into())),
        }
        self
    }

    pub(crate) fn add(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(seen, _)| seen != name);
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    fn bytes(&self, asked: &Asked) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} X\r\n", self.status);
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        if asked.method != "HEAD" {
            head.push_str(&self.body);
        }
        head.into_bytes()
    }
}

/// What the site does with a request.
pub(crate) enum Act {
    /// Answers.
    Reply(Reply),
    /// Writes these octets and closes.
    Raw(Vec<u8>),
    /// Answers and keeps the connection, whatever was asked.
    Linger(Reply),
    /// Says nothing and keeps the connection.
    Hang,
    /// Closes.
    Close,
}

pub(crate) type Tamper = Arc<dyn Fn(&Asked, Reply) -> Act + Send + Sync>;
type Said = Arc<Mutex<Vec<(Asked, Vec<u8>)>>>;

/// A running site.
pub(crate) struct House {
    pub(crate) https: u16,
    pub(crate) http: u16,
    pub(crate) policy: Policy,
    pub(crate) root: CertificateDer<'static>,
    pub(crate) said: Said,
    /// Who has an account.
    pub(crate) accounts: Arc<Accounts>,
}

impl House {
    /// A site that does everything right.
    pub(crate) async fn honest() -> Self {
        Self::tampered(|_, reply| Act::Reply(reply)).await
    }

    /// A site with something wrong.
    pub(crate) async fn tampered(tamper: impl Fn(&Asked, Reply) -> Act + Send + Sync + 'static) -> Self {
        let (tls, plain) = (listen().await, listen().await);
        let (https, http) = (port(&tls), port(&plain));
        let policy = policy(https, http);
        let (acceptor, root) = acceptor(&["app.test", "adm.app.test"]);
        let said = Said::default();
        let accounts = Arc::new(Accounts::default());
        let csrf = AtomicU32::new(0);
        let site = Arc::new(Site { tamper: Arc::new(tamper), https, said: said.clone(), csrf, accounts: accounts.clone() });
        tokio::spawn(serve(tls, Some(acceptor), site.clone()));
        tokio::spawn(serve(plain, None, site));
        Self { https, http, policy, root, said, accounts }
    }

    /// How the site is looked at when nothing is left out.
    pub(crate) fn options(&self) -> Options {
        let pin = |host: &str, port| Pin { host: host.parse().expect("a host"), port, address: INSIDE };
        Options {
            http_port: Some(self.http),
            pins: vec![pin(SITE, self.https), pin(GATE, self.https), pin(SITE, self.http)],
            inside: Some(INSIDE),
            outside: Some(OUTSIDE),
            // Nobody lends hands here: see `backstage_site` for what they are for.
            from_afar: true,
            ..Options::default()
        }
    }

    pub(crate) fn plan(&self, options: Options) -> Plan {
        Plan::for_site(&self.policy, options, &SystemEntropy)
    }

    /// Looks at everything.
    pub(crate) async fn look(&self) -> Report {
        look(&self.plan(self.options())).await
    }

    /// Looks at everything but the limiter, which takes the longest.
    pub(crate) async fn look_quickly(&self) -> Report {
        look(&self.plan(Options { declared: vec!["api-429".into()], ..self.options() })).await
    }

    pub(crate) fn said(&self) -> Vec<(Asked, Vec<u8>)> {
        self.said.lock().expect("nobody panicked").clone()
    }
}

pub(crate) async fn look(plan: &Plan) -> Report {
    doorward_verify::run(plan, Arc::new(SystemClock), &SystemEntropy).await
}

pub(crate) async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a free port")
}

pub(crate) fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("bound").port()
}

fn policy(https: u16, http: u16) -> Policy {
    let text = format!(
        r#"
version = 1
[site]
origin = "https://app.test:{https}"
env = "development"
data_dir = "data"
[listen]
http = ["127.0.0.1:{http}"]
https = ["127.0.0.1:{https}"]
[tls]
source = "self-signed"
[mail]
from = "App <no-reply@app.test>"
[[upstream]]
name = "web"
root = "dist"
[[upstream]]
name = "adm"
url = "http://127.0.0.1:9"
[[route]]
path = "/"
upstream = "web"
access = "public"
[[route]]
path = "/private/"
upstream = "web"
access = "signed-in"
[[gate]]
name = "desk"
host = "adm.app.test"
upstream = "adm"
allow = ["127.0.0.1/32"]
users_file = "desk.htpasswd"
profile = "django-admin"
"#
    );
    let config = doorward_config::parse(&text, Path::new("/srv/doorward.toml"), &BTreeMap::new()).expect("a legal configuration");
    Policy::decide(&config)
}

/// A leaf for `names` under a root of its own.
pub(crate) fn acceptor(names: &[&str]) -> (TlsAcceptor, CertificateDer<'static>) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut root = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    root.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = rcgen::CertifiedIssuer::self_signed(root, rcgen::KeyPair::generate().expect("a key")).expect("a root");
    let key = rcgen::KeyPair::generate().expect("a key");
    let leaf = rcgen::CertificateParams::new(names).expect("parameters").signed_by(&key, &root).expect("a leaf");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .expect("a certificate");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    (TlsAcceptor::from(Arc::new(config)), root.der().clone())
}

struct Site {
    tamper: Tamper,
    https: u16,
    said: Said,
    csrf: AtomicU32,
    accounts: Arc<Accounts>,
}

async fn serve(listener: TcpListener, acceptor: Option<TlsAcceptor>, site: Arc<Site>) {
    while let Ok((stream, peer)) = listener.accept().await {
        let (acceptor, site) = (acceptor.clone(), site.clone());
        tokio::spawn(async move {
            let Some(acceptor) = acceptor else {
                return http1(stream, peer.ip(), false, &site).await;
            };
            let Ok(stream) = acceptor.accept(stream).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                http2(stream, peer.ip(), site).await;
            } else {
                http1(stream, peer.ip(), true, &site).await;
            }
        });
    }
}

async fn http1(mut stream: impl AsyncRead + AsyncWrite + Unpin, from: IpAddr, secure: bool, site: &Site) {
    loop {
        let Some(asked) = read_request(&mut stream, from, secure).await else { return };
        let ends = asked.field("connection") != Some("keep-alive");
        let (bytes, ends) = match (site.tamper)(&asked, site.answer(&asked)) {
            Act::Reply(reply) => (reply.bytes(&asked), ends),
            Act::Linger(reply) => (reply.bytes(&asked), false),
            Act::Raw(bytes) => (bytes, true),
            Act::Hang => return std::future::pending().await,
            Act::Close => return,
        };
        site.said.lock().expect("nobody panicked").push((asked, bytes.clone()));
        if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() || ends {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), from: IpAddr, secure: bool) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    if is_ambiguous(&head) {
        let (host, method) = (SITE.to_owned(), AMBIGUOUS.to_owned());
        return Some(Asked { from, secure, http2: false, host, method, target: String::new(), fields: Vec::new(), body: head });
    }
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let fields: Vec<_> = lines.filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut asked = Asked { from, secure, http2: false, host: String::new(), method, target, fields, body: String::new() };
    asked.host = asked.field("host")?.to_owned();
    let length: usize = asked.field("content-length").and_then(|length| length.parse().ok()).unwrap_or_default();
    if length <= 4096 {
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        asked.body = String::from_utf8(body).ok()?;
    }
    Some(asked)
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, from: IpAddr, site: Arc<Site>) {
    let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let site = site.clone();
        async move {
            let asked = Asked {
                from,
                secure: true,
                http2: true,
                host: request.uri().authority().map(ToString::to_string).unwrap_or_default(),
                method: request.method().to_string(),
                target: request.uri().path().to_owned(),
                fields: Vec::new(),
                body: String::new(),
            };
            let reply = match (site.tamper)(&asked, site.answer(&asked)) {
                Act::Reply(reply) | Act::Linger(reply) => reply,
                Act::Hang => return std::future::pending().await,
                Act::Raw(_) | Act::Close => return Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
            };
            let mut response = hyper::Response::builder().status(reply.status);
            for (name, value) in &reply.fields {
                response = response.header(name, value);
            }
            Ok(response.body(Full::new(Bytes::from(reply.body))).expect("legal"))
        }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

impl Site {
    /// The right answer.
    fn answer(&self, asked: &Asked) -> Reply {
        let path = asked.target.split('?').next().unwrap_or_default();
        if asked.method == AMBIGUOUS {
            let is_of_path = asked.body.contains("%2");
            return error(400, if is_of_path { Audience::PublicPage } else { Audience::Api }, "Invalid request");
        }
        if !asked.secure {
            return self.plain(asked, path);
        }
        if asked.host.starts_with(GATE) {
            return gate(asked);
        }
        if !asked.host.starts_with(SITE) {
            return error(421, Audience::Api, "Misdirected request");
        }
        if let Some(reply) = self.accounts.answer(asked) {
            return reply;
        }
        let is_get = matches!(asked.method.as_str(), "GET" | "HEAD");
        match path {
            "/private" => reply(303, Audience::PublicPage, "").add("location", "/account/sign-in?next=/private"),
            "/" => reply(200, Audience::PublicPage, "<title>home</title>"),
            "/account/sign-in" => {
                reply(200, Audience::PublicPage, "<link href=\"/assets/doorward/site.0a1b2c3d.css\" rel=stylesheet>")
                    .add("set-cookie", "__Host-doorward_csrf=c2VjcmV0LW9mLXRoZS1mb3Jt; Path=/; Secure; SameSite=Strict")
            }
            "/assets/doorward/site.0a1b2c3d.css" => reply(200, Audience::Asset, "body{}"),
            "/api/health" if is_get => reply(200, Audience::Api, "{\"ok\":true}"),
            "/api/health" => error(405, Audience::Api, "Method not allowed"),
            "/api/auth/me" | "/api/auth/sessions" => error(401, Audience::Api, "Not authenticated"),
            "/api/auth/login" if asked.field("content-length").is_some_and(|length| length.len() > 3) => {
                error(413, Audience::Api, "Request body too large")
            }
            "/api/auth/csrf" if self.csrf.fetch_add(1, Ordering::SeqCst) < 60 => reply(200, Audience::Api, "{\"detail\":\"ok\"}")
                .add("set-cookie", "__Host-doorward_csrf=YW5vdGhlci1zZWNyZXQ; Path=/; Secure; SameSite=Strict"),
            "/api/auth/csrf" => error(429, Audience::Api, "Rate limited").add("retry-after", "60"),
            _ if path.starts_with("/api/") => error(404, Audience::Api, "Not found"),
            _ => reply(404, Audience::PublicPage, "<title>not found</title>"),
        }
    }

    fn plain(&self, asked: &Asked, path: &str) -> Reply {
        if path.starts_with("/api/") {
            return error(403, Audience::PlainHttp, "Use https");
        }
        let target = format!("https://{SITE}:{}{}", self.https, asked.target);
        reply(308, Audience::PlainHttp, "").add("location", &target)
    }
}

fn gate(asked: &Asked) -> Reply {
    let audience = Audience::Gate(doorward_config::Profile::DjangoAdmin);
    if asked.from != INSIDE {
        return reply(403, audience, "Forbidden");
    }
    match asked.field("authorization") {
        Some(RIGHT) => reply(200, audience, "desk"),
        _ => reply(401, audience, "Unauthorized").add("www-authenticate", "Basic realm=\"restricted\", charset=\"UTF-8\""),
    }
}

pub(crate) fn reply(status: u16, audience: Audience, body: &str) -> Reply {
    let policy = HeaderPolicy::guide();
    let fields = policy.rules(audience).iter();
    let fields = fields.map(|rule| (rule.name.as_str().to_owned(), rule.value.to_str().expect("text").to_owned())).collect();
    let kind = if audience == Audience::Api { "application/json" } else { "text/html; charset=utf-8" };
    Reply { status, fields, body: body.into() }.add("content-type", kind)
}

pub(crate) fn error(status: u16, audience: Audience, detail: &str) -> Reply {
    reply(status, audience, &format!("{{\"detail\":\"{detail}\"}}")).set("content-type", "application/json")
}

/// A plan that does not wait long for a site that says nothing.
pub(crate) fn impatient(mut plan: Plan) -> Plan {
    plan.limits.probe = Duration::from_millis(400);
    plan
}
