//! The edge with everything it needs, on free ports.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use doorward_config as config;
use doorward_config::{Access, Config, Profile, UpstreamTarget};
use doorward_edge::body::{empty, full};
use doorward_edge::gate::GateKeeper;
use doorward_edge::proxy::Forwarder;
use doorward_edge::{
    Admission, Admitted, AppService, Bond, CertStore, Challenges, Edge, EdgeAudit, EdgeBody, EdgeEvent, EdgeParts, GateKnock,
    ListenSpec, NoChallenges, OperatorAdmitted, Refusal, ServeParts, Tether,
};
use doorward_kit::{Cidr, Clock as _, Host, RequestContext, SystemClock, SystemEntropy};
use doorward_policy::{Policy, RoutePolicy};
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use tower::util::BoxCloneSyncService;

use super::client::{Client, Reply, tls_config};
use super::upstream::Upstream;
use super::{GATED, SITE};

/// The one user of the gate.
pub(crate) const USER: &str = "operator";
/// Its password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// What to build.
pub(crate) struct HouseBuilder {
    policy: Box<dyn FnOnce(&mut Policy) + Send>,
    config: Box<dyn FnOnce(&mut Config) + Send>,
    challenges: Arc<dyn Challenges>,
}

/// A running edge.
pub(crate) struct House {
    pub(crate) https: SocketAddr,
    pub(crate) http: SocketAddr,
    pub(crate) internal: SocketAddr,
    /// Behind `/` (public), `/api` (identified) and `/members` (signed-in, prefix stripped).
    pub(crate) web: Upstream,
    /// Behind the gate.
    pub(crate) gated: Upstream,
    pub(crate) edge: Edge,
    pub(crate) audit: Arc<Recorder>,
    pub(crate) app: Arc<Mutex<Vec<(String, RequestContext)>>>,
    pub(crate) certificate: Vec<u8>,
    pub(crate) certificates: Arc<CertStore>,
    pub(crate) stop: Option<oneshot::Sender<()>>,
    _users: tempfile::TempDir,
}

/// Keeps events.
#[derive(Default)]
pub(crate) struct Recorder(pub(crate) Mutex<Vec<EdgeEvent>>);

impl EdgeAudit for Recorder {
    fn record(&self, event: EdgeEvent) {
        self.0.lock().expect("lock").push(event);
    }
}

impl HouseBuilder {
    /// Changes the policy after it was decided.
    pub(crate) fn policy(mut self, change: impl FnOnce(&mut Policy) + Send + 'static) -> Self {
        let before = self.policy;
        self.policy = Box::new(move |policy| {
            before(policy);
            change(policy);
        });
        self
    }

    /// Changes the configuration before anything is decided.
    pub(crate) fn config(mut self, change: impl FnOnce(&mut Config) + Send + 'static) -> Self {
        let before = self.config;
        self.config = Box::new(move |config| {
            before(config);
            change(config);
        });
        self
    }

    /// Knows what an authority may ask.
    pub(crate) fn challenges(mut self, challenges: impl Challenges) -> Self {
        self.challenges = Arc::new(challenges);
        self
    }

    /// Sets a quota of the edge.
    pub(crate) fn limit(self, scope: &'static str, count: u32, window: Duration) -> Self {
        self.config(move |config| {
            config.limits.retain(|limit| limit.scope != scope);
            config.limits.push(config::Limit { scope, count: NonZeroU32::new(count).expect("not zero"), window });
        })
    }

    pub(crate) async fn start(self) -> House {
        let (web, gated) = (Upstream::start().await, Upstream::start().await);
        let users = tempfile::tempdir().expect("a folder");
        let file = users.path().join("users");
        let hash = bcrypt::hash(PASSWORD, 10).expect("a hash");
        std::fs::write(&file, format!("{USER}:{hash}\n")).expect("written");
        let mut config = site(&web, &gated, file);
        (self.config)(&mut config);
        let mut policy = Policy::decide(&config);
        (self.policy)(&mut policy);
        let gates: Vec<_> = policy.routes.entries().iter().filter_map(|entry| entry.gate().cloned()).collect();
        let signed = doorward_edge::self_signed(policy.hosts(), SystemClock.now(), &SystemEntropy).expect("a certificate");
        let certificates = Arc::new(CertStore::new(signed.identity.clone(), policy.hosts()));
        let free: SocketAddr = "127.0.0.1:0".parse().expect("address");
        let bound =
            doorward_edge::bind(&ListenSpec { http: vec![free], https: vec![free], internal: Some(free) }).expect("bound");
        let addresses = bound.addresses().clone();
        let (audit, app) = (Arc::new(Recorder::default()), Arc::default());
        let edge = Edge::new(EdgeParts {
            app: stub_app(Arc::clone(&app)),
            admission: Arc::new(StubAdmission),
            audit: audit.clone(),
            challenges: self.challenges,
            entropy: Arc::new(SystemEntropy),
            gatekeeper: GateKeeper::load(&gates).expect("gates"),
            forwarder: Forwarder::new(policy.times, policy.sizes),
            https_port: 443,
            policy: Arc::new(policy),
        });
        let (stop, stopped) = oneshot::channel();
        let parts = ServeParts {
            edge: edge.clone(),
            certificates: certificates.clone(),
            ready: Arc::new(|| Box::pin(std::future::ready(true))),
            metrics: Arc::new(|| Box::pin(std::future::ready("a_total 1\n".to_owned()))),
            documents: Arc::new([("/openapi.json", bytes::Bytes::from_static(br#"{"openapi":"3.1.0"}"#))]),
            drain: Duration::from_secs(5),
        };
        tokio::spawn(doorward_edge::serve(bound, parts, async move {
            let _ = stopped.await;
        }));
        House {
            https: addresses.https[0],
            http: addresses.http[0],
            internal: addresses.internal.expect("internal"),
            web,
            gated,
            edge,
            audit,
            app,
            certificate: signed.identity.leaf_der().to_vec(),
            certificates,
            stop: Some(stop),
            _users: users,
        }
    }
}

impl House {
    pub(crate) fn builder() -> HouseBuilder {
        HouseBuilder { policy: Box::new(|_| ()), config: Box::new(|_| ()), challenges: Arc::new(NoChallenges) }
    }

    pub(crate) async fn start() -> Self {
        Self::builder().start().await
    }

    /// A TLS connection that speaks HTTP/1.1.
    pub(crate) async fn client(&self) -> Client {
        self.client_from("127.0.0.1").await
    }

    /// The same from another loopback address.
    pub(crate) async fn client_from(&self, address: &str) -> Client {
        let config = tls_config(&self.certificate, &["http/1.1"], rustls::ALL_VERSIONS);
        Client::tls(self.https, address, SITE, config).await.expect("a connection")
    }

    /// One request on a connection of its own.
    pub(crate) async fn ask(&self, bytes: impl AsRef<[u8]>) -> Reply {
        self.client().await.ask(bytes).await
    }
}

fn site(web: &Upstream, gated: &Upstream, users_file: std::path::PathBuf) -> Config {
    let host = |text: &str| text.parse::<Host>().expect("host");
    let http = |upstream: &Upstream| UpstreamTarget::server(host("127.0.0.1"), upstream.address.port());
    let route = |path: &str, access, strip_prefix| config::Route {
        roles: Vec::new(),
        host: host(SITE),
        path: path.into(),
        upstream: "web".into(),
        access,
        strip_prefix,
        websocket: path == "/live",
        compress: false,
    };
    Config {
        sha256: "00".repeat(32),
        site: config::Site {
            cors_origins: Vec::new(),
            danger_run_as_root: false,
            origin: format!("https://{SITE}").parse().expect("origin"),
            env: config::Env::Development,
            name: "Example".into(),
            node: None,
            data_dir: "/nonexistent".into(),
            key: None,
        },
        listen: config::Listen {
            http: vec![],
            https: vec![],
            internal: None,
            trusted_proxies: vec![],
            proxy_protocol: vec![],
            forward_auth: vec![],
        },
        tls: config::Tls::SelfSigned,
        store: config::Store::Sqlite,
        counters: config::Counters::Memory,
        mail: config::Mail::to_files("App <no-reply@example.test>"),
        audit: config::Audit::default(),
        upstreams: vec![
            config::Upstream { name: "web".into(), target: http(web), secret: None },
            config::Upstream { name: "gated".into(), target: http(gated), secret: None },
        ],
        routes: vec![
            route("", Access::Public, false),
            route("/api", Access::Identified, false),
            route("/live", Access::Public, false),
            route("/members", Access::SignedIn, true),
        ],
        gates: vec![config::Gate {
            name: "admin".into(),
            host: host(GATED),
            upstream: "gated".into(),
            allow: vec!["127.0.0.1/32".parse::<Cidr>().expect("network")],
            users_file,
            profile: Profile::DjangoAdmin,
            paths: vec!["/admin".into()],
            websocket: false,
            operator_session: false,
        }],
        accounts: config::Accounts::default(),
        oauth: Vec::new(),
        tunnels: config::Tunnels::default(),
        limits: config::SCOPES.iter().map(|(scope, _)| wide(scope)).collect(),
        headers: config::Headers::default(),
    }
}

/// Tests that are not about limits must not meet one.
fn wide(scope: &'static str) -> config::Limit {
    config::Limit { scope, count: NonZeroU32::new(1_000_000).expect("not zero"), window: Duration::from_secs(60) }
}

struct StubAdmission;

impl Admission for StubAdmission {
    fn admit<'a>(&'a self, head: &'a Parts, _: &'a RequestContext, route: &'a RoutePolicy) -> BoxFuture<'a, Admitted> {
        let cookie = head.headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let admitted = match cookie {
            "session=ok" => {
                let field = (HeaderName::from_static("x-doorward-user"), HeaderValue::from_static("user-1"));
                Admitted::Identified { fields: Arc::from([field]), cookies: Vec::new(), bond: BOND }
            }
            "session=old" => {
                let field = (HeaderName::from_static("x-doorward-user"), HeaderValue::from_static("user-1"));
                let cookies = vec![HeaderValue::from_static("session=ok; Path=/"), HeaderValue::from_static("csrf=t; Path=/")];
                Admitted::Identified { fields: Arc::from([field]), cookies, bond: BOND }
            }
            "session=forged" => Admitted::Refused(Refusal::Csrf),
            "session=twice" => Admitted::Refused(Refusal::DuplicateCookie),
            "session=down" => Admitted::Refused(Refusal::Unavailable),
            "session=half" => Admitted::Refused(Refusal::SecondFactor),
            _ if route.access == Access::SignedIn => Admitted::Refused(Refusal::NotAuthenticated),
            _ => Admitted::Anonymous,
        };
        Box::pin(std::future::ready(admitted))
    }

    fn ended(&self, _: Bond, _: &RoutePolicy) -> Tether {
        Box::pin(std::future::pending())
    }

    fn operator<'a>(&'a self, _: GateKnock<'a>) -> BoxFuture<'a, OperatorAdmitted> {
        Box::pin(std::future::ready(OperatorAdmitted::Refused(Refusal::NoOperatorSession)))
    }

    fn operator_ended(&self, _: Bond) -> Tether {
        Box::pin(std::future::pending())
    }
}

const BOND: Bond = Bond([1; 16]);

/// Answers `/api/auth/status/NNN` with that status, echoes bodies, panics on demand, and says 404 and 405 as an application does.
fn stub_app(seen: Arc<Mutex<Vec<(String, RequestContext)>>>) -> AppService {
    BoxCloneSyncService::new(tower::service_fn(move |request: Request<EdgeBody>| {
        let context = *request.extensions().get::<RequestContext>().expect("a context");
        seen.lock().expect("lock").push((request.uri().to_string(), context));
        async move { Ok::<_, Infallible>(stub_answer(request).await) }
    }))
}

async fn stub_answer(request: Request<EdgeBody>) -> Response<EdgeBody> {
    let path = request.uri().path().to_owned();
    let method = request.method().clone();
    if let Some(code) = path.rsplit_once("/status/").and_then(|(_, code)| code.parse::<u16>().ok()) {
        let mut response = Response::new(if matches!(code, 204 | 304) { empty() } else { full("{}") });
        *response.status_mut() = StatusCode::from_u16(code).expect("a status");
        return response;
    }
    match path.as_str() {
        "/api/auth/panic" => panic!("a handler that panics"),
        "/api/auth/echo" => match request.into_body().collect().await {
            Ok(body) => Response::new(full(format!(r#"{{"octets":{}}}"#, body.to_bytes().len()))),
            Err(_) => problem(StatusCode::UNPROCESSABLE_ENTITY, "the application's own word"),
        },
        "/api/auth/ignore" => problem(StatusCode::FORBIDDEN, "CSRF failed"),
        "/api/auth/login" if method != http::Method::POST => {
            let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
        "/api/auth/login" => Response::new(full("{}")),
        "/account/sign-in" | "/account/verify" => Response::new(full("<!doctype html>")),
        _ => problem(StatusCode::NOT_FOUND, "Not found"),
    }
}

fn problem(status: StatusCode, detail: &str) -> Response<EdgeBody> {
    let mut response = Response::new(full(format!(r#"{{"detail":"{detail}"}}"#)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
