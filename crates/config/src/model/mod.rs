//! What a legal configuration is. There is no way to hold an illegal one.

mod account;
mod oauth;
mod service;
mod upstream;

use std::net::SocketAddr;
use std::path::PathBuf;

use doorward_kit::{Cidr, Host, Origin, Secret};

pub use account::{Accounts, Limit, SCOPES, SignUp, Tunnels};
pub use oauth::{Issuer, OAuth, ProviderKind};
pub use service::{Audit, Counters, Mail, MailTransport, Postgres, Protection, Redis, Remote, Store};
pub use upstream::{ClientCertificate, HealthCheck, ServerAddress, Servers, Speech, Upstream, UpstreamTarget, UpstreamTls};

/// The whole configuration, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Lower-case hexadecimal SHA-256 of the file's text; `verify` records it.
    pub sha256: String,
    /// `[site]`
    pub site: Site,
    /// `[listen]`
    pub listen: Listen,
    /// `[tls]`
    pub tls: Tls,
    /// `[store]`
    pub store: Store,
    /// `[counters]`
    pub counters: Counters,
    /// `[mail]`
    pub mail: Mail,
    /// `[audit]`
    pub audit: Audit,
    /// `[[upstream]]`, names unique.
    pub upstreams: Vec<Upstream>,
    /// `[[route]]`, every upstream exists and is not gated.
    pub routes: Vec<Route>,
    /// `[[gate]]`, every upstream exists and belongs to one gate.
    pub gates: Vec<Gate>,
    /// `[accounts]`
    pub accounts: Accounts,
    /// `[[oauth]]`, names unique.
    pub oauth: Vec<OAuth>,
    /// `[limits]`, one entry per scope, defaults filled in.
    pub limits: Vec<Limit>,
    /// `[limits]`, how long a WebSocket may stay open.
    pub tunnels: Tunnels,
    /// `[headers]`
    pub headers: Headers,
}

/// `[headers]`: only what weakens the policy is a setting, and says so in its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Replaces the whole Content-Security-Policy of public pages; refused in production. `verify` reports it as a failure all the same.
    pub danger_content_security_policy: Option<String>,
}

/// Where this process runs; decides which weak settings are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Env {
    /// A developer's own machine.
    Development,
    /// A public site with staging certificates.
    Staging,
    /// A public site.
    Production,
}

/// `[site]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// The one canonical origin, `https` always.
    pub origin: Origin,
    /// `development`, `staging` or `production`.
    pub env: Env,
    /// What the pages and mails call the site; 1 to 60 characters. Default: the host.
    pub name: String,
    /// Name of this node in audit rows; 1 to 63 letters, digits, `-`, `_` and `.`. Default: the machine's own name.
    pub node: Option<String>,
    /// Database, mail files, generated keys.
    pub data_dir: PathBuf,
    /// Other origins whose pages may read answers of the site's routes and API, without credentials; default none (CSRF-12).
    pub cors_origins: Vec<Origin>,
    /// Serve as root outside development; everything that the process can be tricked into is then done as root (CFG-06).
    pub danger_run_as_root: bool,
    /// Where the master key is; in development it may be absent and is then made in the data folder.
    pub key: Option<SecretSource>,
}

/// A secret is named, never written down in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `*_file`: the file's content, one trailing line end removed.
    File(PathBuf),
    /// `*_env`: the variable of this name.
    Env(String),
}

/// `[listen]`
#[derive(Debug, Clone)]
pub struct Listen {
    /// Plain listeners: they only redirect (TLS-16).
    pub http: Vec<SocketAddr>,
    /// TLS listeners.
    pub https: Vec<SocketAddr>,
    /// Health for operators; loopback or private only.
    pub internal: Option<SocketAddr>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Networks whose peers have to speak the PROXY protocol, version 1 or 2, on `https` and `http`; nobody else may (PROXY-06).
    pub proxy_protocol: Vec<Cidr>,
    /// Proxies that may ask `/forward-auth` on the internal listener; empty: nobody, and the path does not exist.
    pub forward_auth: Vec<Cidr>,
}

/// `[tls]`
#[derive(Debug, Clone)]
pub enum Tls {
    /// A certificate made at start for the site's and the gates' hosts; development only.
    SelfSigned,
    /// PEM files.
    Files {
        /// Chain, leaf first.
        certificate: PathBuf,
        /// Private key.
        key: PathBuf,
    },
    /// Ordered from the staging authority, the only one there is (TLS-01).
    LeStaging {
        /// Whom the authority may write to; one plain address.
        email: Option<String>,
    },
}

/// `[[route]]`
#[derive(Debug, Clone)]
pub struct Route {
    /// Which host; default the site's.
    pub host: Host,
    /// A prefix that matches at segment boundaries: `/api` and `/api/` both match `/api`, `/api/` and `/api/x`, never `/apix`.
    /// Kept without its trailing slash; the root is the empty string.
    pub path: String,
    /// Name of the upstream.
    pub upstream: String,
    /// Who passes.
    pub access: Access,
    /// Send `/api/x` as `/x`.
    pub strip_prefix: bool,
    /// Let WebSocket upgrades through.
    pub websocket: bool,
    /// Compress answers that hold nothing of a person; only on public routes.
    pub compress: bool,
    /// Any one of these is asked of whoever is signed in; empty asks for none. Only on signed-in routes.
    pub roles: Vec<String>,
}

/// Who passes a route (design: one request).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everyone; no identity is sent.
    Public,
    /// Everyone; a session is recognised.
    Identified,
    /// Only a valid session.
    SignedIn,
}

/// `[[gate]]`: an internal UI behind allowlist and basic auth.
#[derive(Debug, Clone)]
pub struct Gate {
    /// Unique; letters, digits, `-`, `_`.
    pub name: String,
    /// Its own host.
    pub host: Host,
    /// Name of the upstream, which belongs to this gate alone (GATE-02).
    pub upstream: String,
    /// Never empty, never everyone.
    pub allow: Vec<Cidr>,
    /// htpasswd file, bcrypt or Argon2id only.
    pub users_file: PathBuf,
    /// Header profile.
    pub profile: Profile,
    /// Path prefixes that exist behind the gate (GATE-20), as [`Route::path`]; never empty, default the root alone.
    pub paths: Vec<String>,
    /// Let WebSocket upgrades through; default as the profile needs.
    pub websocket: bool,
    /// Ask for an operator session too, after allowlist and basic auth; default false.
    pub operator_session: bool,
}

/// Header profile of a gated UI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// As public pages.
    Strict,
    /// Django admin.
    DjangoAdmin,
    /// pgAdmin 4: keeps its own CSP.
    PgAdmin,
    /// Flower.
    Flower,
    /// The Traefik dashboard.
    Traefik,
}

/// A secret read from its source.
pub type SecretText = Secret<String>;

/// Prefixes of the site's host that Doorward answers itself; no route may lie under one. `policy::route::RESERVED` says what they are.
pub const RESERVED_PREFIXES: &[&str] = &[
    "/.well-known/acme-challenge",
    "/.well-known/doorward",
    "/assets/doorward",
    "/api/csp-report",
    "/api/health",
    "/api/auth",
    "/account",
];
