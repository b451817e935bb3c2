//! A [`Config`] becomes decisions as plain data: printable, comparable, without I/O.
//!
//! Comes in: a checked configuration. Goes out: [`Policy`], which the edge and the application enforce and `verify` judges with,
//! so that probe and wall cannot drift. Must never know: sockets, databases, handlers.

pub mod control;
pub mod cookie;
pub mod cors;
pub mod csp;
pub mod destination;
pub mod header;
pub mod identity;
pub mod judge;
pub mod limit;
pub mod origin;
pub mod path;
pub mod redirect;
pub mod route;
pub mod structured;

use std::sync::Arc;
use std::time::Duration;

use doorward_config::{Config, Env};
use doorward_kit::{Cidr, Host, Origin};

pub use control::ControlId;
pub use cookie::CookiePolicy;
pub use cors::{CorsGrant, CorsPolicy};
pub use header::{Audience, HeaderPolicy, HeaderRule, Treatment};
pub use identity::Identity;
pub use judge::{HeaderVerdict, Verdict};
pub use limit::{LINES_OF_NETWORK, LimitPolicy, Quota};
pub use path::{CanonicalPath, PathFault};
pub use route::{BuiltIn, GatePolicy, HAND_OVER_PATH, HostEntry, RoutePolicy, RouteTable, Target, UpstreamPolicy};

/// Everything that was decided at load, for one configuration.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The site's one origin.
    pub origin: Origin,
    /// What the pages call the site.
    pub site_name: String,
    /// Development, staging or production.
    pub env: Env,
    /// SHA-256 of the configuration text, hexadecimal.
    pub config_sha256: String,
    /// Networks whose `X-Forwarded-For` is believed (PROXY-01).
    pub trusted_proxies: Vec<Cidr>,
    /// Networks whose peers have to speak the PROXY protocol; nobody else may (PROXY-06).
    pub proxy_protocol: Vec<Cidr>,
    /// Proxies that may ask whether a request may pass; empty: nobody.
    pub forward_auth: Vec<Cidr>,
    /// Host and path to target.
    pub routes: RouteTable,
    /// What stands behind.
    pub upstreams: Vec<Arc<UpstreamPolicy>>,
    /// Headers by audience.
    pub headers: HeaderPolicy,
    /// Cookie names and attributes.
    pub cookies: CookiePolicy,
    /// Other origins that may read answers.
    pub cors: CorsPolicy,
    /// Quotas by scope.
    pub limits: LimitPolicy,
    /// Bodies and heads.
    pub sizes: SizePolicy,
    /// How long anything may take.
    pub times: TimePolicy,
}

/// Upper bounds of what a stranger may send (HTTP-10, INPUT-01, PWD-05). Unit: octets unless said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizePolicy {
    /// Request line: 8 KiB, else 414.
    pub request_line: usize,
    /// Whole head: 16 KiB, else 431.
    pub head: usize,
    /// Header fields: 100, else 431.
    pub fields: usize,
    /// Body on `/api/auth/*` and `/account/*`: 8 KiB, else 413.
    pub auth_body: u64,
    /// Body on what else Doorward answers itself, reports of browsers for one: 64 KiB, else 413.
    pub api_body: u64,
    /// Body to an upstream: 10 MiB unless the route says otherwise, else 413.
    pub upstream_body: u64,
    /// Open connections in all, tunnels included: 16 384. Beyond it the kernel's queue waits (HTTP-11).
    pub connections_total: usize,
    /// Open connections from one customer line, tunnels included: 1024; offices behind one address open a few hundred (HTTP-11).
    pub connections: usize,
    /// TLS handshakes from one customer line: 256 under way at once, one more and the oldest is given up; and so many in six seconds whatever
    /// its quota of requests is (TLS-17).
    pub handshakes: usize,
    /// What a client may say before its handshake is done: 16 KiB; a hello with post-quantum keys is about 2 KiB (TLS-17).
    pub hello: usize,
}

impl Default for SizePolicy {
    fn default() -> Self {
        Self {
            request_line: 8 * 1024,
            head: 16 * 1024,
            fields: 100,
            auth_body: 8 * 1024,
            api_body: 64 * 1024,
            upstream_body: 10 * 1024 * 1024,
            connections_total: 16_384,
            connections: 1024,
            handshakes: 256,
            hello: 16 * 1024,
        }
    }
}

/// Upper bounds of time (HTTP-10, HTTP-16, TLS-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimePolicy {
    /// TLS handshake: 10 s.
    pub handshake: Duration,
    /// From a head's first octet to its last: 10 s.
    pub head: Duration,
    /// Between requests on a kept connection: 60 s.
    pub keep_alive: Duration,
    /// Connect to an upstream: 2 s.
    pub connect: Duration,
    /// From the request's end to the response's head: 10 s.
    pub first_byte: Duration,
    /// Silence in the middle of a body: 30 s.
    pub body_idle: Duration,
    /// Silence in the middle of an answer that is a stream of events or gRPC: 5 min.
    pub stream_idle: Duration,
    /// From the upgrade of a WebSocket to its end: 12 h (`limits.websocket_max_age`).
    pub tunnel_max_age: Duration,
    /// Without an octet through a WebSocket: 15 min (`limits.websocket_idle`).
    pub tunnel_idle: Duration,
}

impl Default for TimePolicy {
    fn default() -> Self {
        let tunnels = doorward_config::Tunnels::default();
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            keep_alive: Duration::from_secs(60),
            connect: Duration::from_secs(2),
            first_byte: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            stream_idle: Duration::from_secs(300),
            tunnel_max_age: tunnels.max_age,
            tunnel_idle: tunnels.idle,
        }
    }
}

impl Policy {
    /// Decides everything from a checked configuration. Pure: the same configuration gives the same policy.
    #[must_use]
    pub fn decide(config: &Config) -> Self {
        let upstreams: Vec<_> = config.upstreams.iter().map(|u| Arc::new(UpstreamPolicy::decide(u))).collect();
        let routes = RouteTable::decide(config, &upstreams);
        Self {
            origin: config.site.origin.clone(),
            site_name: config.site.name.clone(),
            env: config.site.env,
            config_sha256: config.sha256.clone(),
            trusted_proxies: config.listen.trusted_proxies.clone(),
            proxy_protocol: config.listen.proxy_protocol.clone(),
            forward_auth: config.listen.forward_auth.clone(),
            headers: HeaderPolicy::decide(config),
            cookies: CookiePolicy::doorward(),
            cors: CorsPolicy::decide(config),
            limits: LimitPolicy::decide(config),
            sizes: SizePolicy::default(),
            times: TimePolicy {
                tunnel_max_age: config.tunnels.max_age,
                tunnel_idle: config.tunnels.idle,
                ..TimePolicy::default()
            },
            routes,
            upstreams,
        }
    }

    /// Every host that the door answers to.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.routes.hosts()
    }
}
