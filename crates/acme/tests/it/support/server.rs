//! An authority over real TLS that does as it is told, also what no honest one does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_acme::Directory;
use doorward_kit::{Clock as _, ManualClock};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer as _, X509CertificationRequest};

use super::ca::{Pki, RawKey, Signer};
use super::loopback;

/// What it does otherwise than an honest authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Twist {
    Honest,
    /// The member of the directory points there.
    DirectoryNames(&'static str, String),
    /// Answers to this path with a redirect.
    Redirects(&'static str, u16, String),
    /// Adds the field to its answer at this path.
    Adds(&'static str, &'static str, String),
    /// The member of the object at this path is replaced.
    Member(&'static str, &'static str, Value),
    /// A body without end, as fast as it is taken.
    Endless(&'static str),
    /// Answers as HTML.
    Html(&'static str),
    /// Refuses orders as RFC 8555 §6.6 says, with this `Retry-After`.
    RateLimits(String),
    /// Never finds the answer to this kind of challenge.
    NeverFinds(&'static str),
    /// Closes each connection.
    Gone,
    /// Rejects so many nonces of ten.
    RejectsNonces(usize),
    /// Knows no account.
    ForgotAccount,
    /// Suggests a window, in seconds from now.
    Suggests(i64, i64),
}

/// A running authority; it ends with the test's runtime.
pub(crate) struct Authority {
    pub(crate) port: u16,
    state: Arc<State>,
}

pub(crate) struct State {
    clock: Arc<ManualClock>,
    pki: Pki,
    base: String,
    twist: Mutex<Twist>,
    signer: Mutex<Signer>,
    life: Mutex<Duration>,
    /// Issues for these names instead of those that were ordered.
    issues_for: Mutex<Option<Vec<String>>>,
    /// Method and path of each request.
    seen: Mutex<Vec<String>>,
    names: Mutex<Vec<String>>,
    chain: Mutex<Option<String>>,
    failed: Mutex<bool>,
    posts: AtomicUsize,
    accounts: AtomicUsize,
}

struct Answer {
    status: u16,
    media: &'static str,
    fields: Vec<(String, String)>,
    body: String,
}

impl Authority {
    pub(crate) async fn start(clock: Arc<ManualClock>) -> Self {
        let pki = Pki::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (leaf, key) = pki.interface("localhost");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![leaf], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let state = Arc::new(State {
            clock,
            pki,
            base: format!("https://localhost:{port}"),
            twist: Mutex::new(Twist::Honest),
            signer: Mutex::new(Signer::Honest),
            life: Mutex::new(super::DAY * 90),
            issues_for: Mutex::default(),
            seen: Mutex::default(),
            names: Mutex::default(),
            chain: Mutex::default(),
            failed: Mutex::default(),
            posts: AtomicUsize::new(0),
            accounts: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, state) = (acceptor.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    if *state.twist.lock().unwrap() == Twist::Gone {
                        return;
                    }
                    if let Ok(mut tls) = acceptor.accept(socket).await
                        && let Some((method, path, body)) = read(&mut tls).await
                    {
                        let out = state.answer(&method, &path, &body);
                        let endless = matches!(&*state.twist.lock().unwrap(), Twist::Endless(at) if path.starts_with(at));
                        let mut sent = tls.write_all(&out).await;
                        while endless && sent.is_ok() {
                            sent = tls.write_all(&[b' '; 16 * 1024]).await;
                        }
                        let _ = tls.shutdown().await;
                    }
                });
            }
        });
        Self { port, state }
    }

    pub(crate) fn directory(&self) -> Directory {
        loopback(&format!("{}/dir", self.state.base), &self.state.pki)
    }

    pub(crate) fn twist(&self, twist: Twist) {
        *self.state.twist.lock().unwrap() = twist;
    }

    pub(crate) fn sign_with(&self, signer: Signer) {
        *self.state.signer.lock().unwrap() = signer;
    }

    pub(crate) fn issue_for(&self, names: &[&str]) {
        *self.state.issues_for.lock().unwrap() = Some(names.iter().map(|&name| name.to_owned()).collect());
    }

    pub(crate) fn life(&self, life: Duration) {
        *self.state.life.lock().unwrap() = life;
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }

    pub(crate) fn orders(&self) -> usize {
        self.seen().iter().filter(|line| *line == "POST /order").count()
    }

    pub(crate) fn accounts(&self) -> usize {
        self.state.accounts.load(Ordering::SeqCst)
    }
}

impl State {
    fn answer(&self, method: &str, path: &str, body: &[u8]) -> Vec<u8> {
        self.seen.lock().unwrap().push(format!("{method} {path}"));
        let twist = self.twist.lock().unwrap().clone();
        let mut answer = self.honest(method, path, body, &twist);
        match &twist {
            Twist::DirectoryNames(member, url) if path == "/dir" => replace(&mut answer, member, json!(url)),
            Twist::Redirects(at, status, to) if path.starts_with(at) => {
                answer.status = *status;
                answer.fields.push(("Location".to_owned(), to.clone()));
            }
            Twist::Adds(at, name, value) if path.starts_with(at) => {
                answer.fields.retain(|(known, _)| known != name);
                answer.fields.push(((*name).to_owned(), value.clone()));
            }
            Twist::Member(at, member, value) if path.starts_with(at) => replace(&mut answer, member, value.clone()),
            Twist::Html(at) if path.starts_with(at) => answer.media = "text/html",
            _ => {}
        }
        let length = match &twist {
            Twist::Endless(at) if path.starts_with(at) => String::new(),
            _ => format!("Content-Length: {}\r\n", answer.body.len()),
        };
        let mut head =
            format!("HTTP/1.1 {} X\r\nReplay-Nonce: n{}\r\n{length}Connection: close\r\n", answer.status, self.posts());
        for (name, value) in &answer.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Type: {}\r\n\r\n", answer.media));
        let body = if method == "HEAD" { "" } else { &answer.body };
        [head.as_bytes(), body.as_bytes()].concat()
    }

    fn posts(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }

    fn honest(&self, method: &str, path: &str, body: &[u8], twist: &Twist) -> Answer {
        let post = self.posts.fetch_add(usize::from(method == "POST"), Ordering::SeqCst);
        if let (Twist::RejectsNonces(of_ten), "POST") = (twist, method)
            && post * 7 % 10 < *of_ten
        {
            return problem(400, "badNonce");
        }
        let base = &self.base;
        let payload = if method == "POST" { payload(body) } else { Value::Null };
        let first = path.split('/').nth(1).unwrap_or_default();
        match first {
            "dir" => {
                let mut members = json!({
                    "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"), "newOrder": format!("{base}/order"),
                    "revokeCert": format!("{base}/revoke"), "keyChange": format!("{base}/key"),
                    "meta": { "website": "https://letsencrypt.org/docs/staging-environment/" },
                    "aBcDeFgHiJk": "https://community.letsencrypt.org/t/adding-random-entries-to-the-directory/33417",
                });
                if matches!(twist, Twist::Suggests(..)) {
                    members["renewalInfo"] = json!(format!("{base}/ari"));
                }
                json_answer(200, &members)
            }
            "nonce" => Answer { status: 200, media: "application/json", fields: Vec::new(), body: String::new() },
            "account" => {
                self.accounts.fetch_add(1, Ordering::SeqCst);
                json_answer(201, &json!({ "status": "valid" })).with("Location", format!("{base}/account/1"))
            }
            "order" => self.order(path, &payload, twist),
            "authz" => self.authorization(path, twist),
            "chall" => {
                let kind = path.rsplit('/').next().unwrap_or_default();
                let never = matches!(twist, Twist::NeverFinds(never) if *never == kind);
                *self.failed.lock().unwrap() |= never;
                json_answer(200, &json!({ "type": kind, "url": format!("{base}{path}"), "token": "t", "status": "processing" }))
            }
            "finalize" => self.finalize(&payload),
            "cert" => {
                let body = self.chain.lock().unwrap().clone().unwrap_or_default();
                Answer { status: 200, media: "application/pem-certificate-chain", fields: Vec::new(), body }
            }
            "ari" => {
                let Twist::Suggests(from, to) = twist else { return problem(404, "malformed") };
                let at = |seconds: &i64| {
                    doorward_kit::Timestamp::from_second(self.clock.now().as_second() + seconds).unwrap().to_string()
                };
                let window = json!({ "suggestedWindow": { "start": at(from), "end": at(to) } });
                json_answer(200, &window).with("Retry-After", "21600".to_owned())
            }
            _ => problem(404, "malformed"),
        }
    }

    fn order(&self, path: &str, payload: &Value, twist: &Twist) -> Answer {
        let base = &self.base;
        if path == "/order" {
            match twist {
                Twist::RateLimits(after) => return problem(429, "rateLimited").with("Retry-After", after.clone()),
                Twist::ForgotAccount if self.accounts.load(Ordering::SeqCst) < 2 => return problem(400, "accountDoesNotExist"),
                _ => {}
            }
            let asked = payload["identifiers"].as_array().into_iter().flatten();
            *self.names.lock().unwrap() = asked.map(|one| one["value"].as_str().unwrap_or_default().to_owned()).collect();
            (*self.chain.lock().unwrap(), *self.failed.lock().unwrap()) = (None, false);
        }
        let status = match (&*self.chain.lock().unwrap(), *self.failed.lock().unwrap()) {
            (Some(_), _) => "valid",
            (None, true) => "invalid",
            (None, false) if path == "/order" => "pending",
            _ => "ready",
        };
        self.order_object(status, if path == "/order" { 201 } else { 200 }).with("Location", format!("{base}/order/1"))
    }

    fn order_object(&self, status: &str, code: u16) -> Answer {
        let base = &self.base;
        let names = self.names.lock().unwrap();
        let authorizations: Vec<_> = (0..names.len()).map(|at| format!("{base}/authz/{at}")).collect();
        let identifiers: Vec<_> = names.iter().map(|name| json!({ "type": "dns", "value": name })).collect();
        let mut order = json!({
            "status": status, "identifiers": identifiers, "authorizations": authorizations, "finalize": format!("{base}/finalize/1"),
        });
        if status == "valid" {
            order["certificate"] = json!(format!("{base}/cert/1"));
        }
        json_answer(code, &order)
    }

    fn authorization(&self, path: &str, _twist: &Twist) -> Answer {
        let at: usize = path.rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or_default();
        let name = self.names.lock().unwrap().get(at).cloned().unwrap_or_default();
        let challenge = |kind: &str| {
            json!({ "type": kind, "url": format!("{}/chall/{at}/{kind}", self.base), "token": format!("token-{at}-{kind}"),
                "status": "pending" })
        };
        let challenges = [challenge("http-01"), challenge("tls-alpn-01"), challenge("dns-01")];
        json_answer(
            200,
            &json!({ "status": "pending", "identifier": { "type": "dns", "value": name }, "challenges": challenges }),
        )
    }

    fn finalize(&self, payload: &Value) -> Answer {
        let request = URL_SAFE_NO_PAD.decode(payload["csr"].as_str().unwrap_or_default()).unwrap_or_default();
        let Ok((_, request)) = X509CertificationRequest::from_der(&request) else { return problem(400, "badCSR") };
        let key = request.certification_request_info.subject_pki.subject_public_key.data.to_vec();
        let names = self.issues_for.lock().unwrap().clone().unwrap_or_else(|| self.names.lock().unwrap().clone());
        let (signer, life) = (*self.signer.lock().unwrap(), *self.life.lock().unwrap());
        let chain = self.pki.issue(signer, &names, &RawKey(key), self.clock.now(), life);
        *self.chain.lock().unwrap() = Some(chain);
        self.order_object("valid", 200).with("Location", format!("{}/order/1", self.base))
    }
}

impl Answer {
    fn with(mut self, name: &str, value: String) -> Self {
        self.fields.push((name.to_owned(), value));
        self
    }
}

fn json_answer(status: u16, value: &Value) -> Answer {
    Answer { status, media: "application/json", fields: Vec::new(), body: value.to_string() }
}

fn problem(status: u16, kind: &str) -> Answer {
    let body = json!({ "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "as ordered", "status": status });
    Answer { status, media: "application/problem+json", fields: Vec::new(), body: body.to_string() }
}

fn replace(answer: &mut Answer, member: &str, value: Value) {
    let mut object: Value = serde_json::from_str(&answer.body).unwrap();
    object[member] = value;
    answer.body = object.to_string();
}

/// What was signed; the signature itself is Pebble's business.
fn payload(body: &[u8]) -> Value {
    let outer: Value = serde_json::from_slice(body).unwrap_or_default();
    let inner = URL_SAFE_NO_PAD.decode(outer["payload"].as_str().unwrap_or_default()).unwrap_or_default();
    serde_json::from_slice(&inner).unwrap_or_default()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let first = String::from_utf8_lossy(&bytes[..end]).lines().next()?.to_owned();
    let mut words = first.split(' ');
    Some((words.next()?.to_owned(), words.next()?.to_owned(), bytes[end..].to_vec()))
}
