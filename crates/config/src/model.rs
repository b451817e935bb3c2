//! What a legal configuration is. There is no way to hold an illegal one.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use doorward_kit::{Cidr, Host, Origin, Secret};

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
    /// `[[upstream]]`, names unique.
    pub upstreams: Vec<Upstream>,
    /// `[[route]]`, every upstream exists and is not gated.
    pub routes: Vec<Route>,
    /// `[[gate]]`, every upstream exists and belongs to one gate.
    pub gates: Vec<Gate>,
    /// `[accounts]`
    pub accounts: Accounts,
    /// `[limits]`, one entry per scope, defaults filled in.
    pub limits: Vec<Limit>,
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
#[derive(Debug, Clone)]
pub struct Site {
    /// The one canonical origin, `https` always.
    pub origin: Origin,
    /// `development`, `staging` or `production`.
    pub env: Env,
    /// What the pages and mails call the site; 1 to 60 characters. Default: the host.
    pub name: String,
    /// Database, mail files, generated keys.
    pub data_dir: PathBuf,
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
}

/// `[store]`
#[derive(Debug, Clone)]
pub enum Store {
    /// A file `doorward.db` in the data folder.
    Sqlite,
}

/// `[counters]`
#[derive(Debug, Clone)]
pub enum Counters {
    /// In this process.
    Memory,
}

/// `[mail]`
#[derive(Debug, Clone)]
pub struct Mail {
    /// How mail leaves.
    pub transport: MailTransport,
    /// The `From` field, checked to be one mailbox.
    pub from: String,
}

/// How mail leaves.
#[derive(Debug, Clone)]
pub enum MailTransport {
    /// One `.eml` file a message in `mail/` of the data folder.
    File,
}

/// `[[upstream]]`
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Unique; letters, digits, `-`, `_`.
    pub name: String,
    /// What stands there.
    pub target: UpstreamTarget,
}

/// What an upstream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamTarget {
    /// `url = "http://host:port"`: nothing after the port.
    Http {
        /// Name or address.
        host: Host,
        /// Port.
        port: u16,
    },
    /// `root = "dist/"`: files, with single-page fallback to `index.html`.
    Files {
        /// The folder, absolute (relative ones are taken from the configuration file's folder).
        root: PathBuf,
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

/// `[accounts]`
#[derive(Debug, Clone)]
pub struct Accounts {
    /// Who may sign up.
    pub sign_up: SignUp,
    /// Ends a session after this long without a request; 5 min to 30 d, at most `session_absolute`, default 24 h (D-13).
    pub session_idle: Duration,
    /// Ends a session this long after sign-in; 5 min to 90 d, default 7 d (D-13).
    pub session_absolute: Duration,
    /// Life of a verification link; 10 min to 7 d, default 24 h.
    pub verification: Duration,
    /// Least code points of a password; 15 to 64, from 8 in development; default 15 (D-10).
    pub password_min: u32,
    /// Argon2id memory in KiB; 19 456 to 1 048 576, default 19 456.
    pub argon2_memory_kib: u32,
    /// Argon2id passes; 2 to 16, default 2.
    pub argon2_passes: u32,
    /// Threads that hash; 1 to 64, default the number of cores.
    pub hash_threads: Option<NonZeroU32>,
    /// Most sessions of one account; 1 to 1000, default 20 (SES-14).
    pub session_limit: u32,
}

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignUp {
    /// Anyone with an address.
    Open,
    /// Nobody.
    Closed,
}

/// `[limits]`: at most `count` in any interval of `window`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Which requests, see [`SCOPES`].
    pub scope: &'static str,
    /// 1 to 1 000 000.
    pub count: NonZeroU32,
    /// 1 s to 24 h.
    pub window: Duration,
}

/// Every scope, with its default as it would be written in the file (requirements, table (a)).
pub const SCOPES: &[(&str, &str)] = &[
    ("edge", "600/min"),
    ("edge_auth", "120/min"),
    ("gate_failure", "10/min"),
    ("csp_report", "60/min"),
    ("auth_csrf", "60/min"),
    ("auth_register", "5/min"),
    ("auth_login", "5/min"),
    ("auth_login_account", "10/15min"),
    ("auth_logout", "30/min"),
    ("auth_me", "120/min"),
    ("verify_email", "10/15min"),
    ("verify_email_resend", "10/15min"),
    ("verify_email_resend_address", "5/15min"),
];

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
