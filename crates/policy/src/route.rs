//! Which host and path leads where. Decided once at load; looked up per request without allocation.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use doorward_config::{Access, Config, Gate, Profile, Route, Upstream, UpstreamTarget};
use doorward_kit::{Cidr, Host, net::Authority};

use crate::header::Audience;
use crate::path::CanonicalPath;

/// What stands behind a route or gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamPolicy {
    /// Its name; the audience of assertions.
    pub name: String,
    /// What it is.
    pub target: UpstreamTarget,
}

impl UpstreamPolicy {
    pub(crate) fn decide(upstream: &Upstream) -> Self {
        Self { name: upstream.name.clone(), target: upstream.target.clone() }
    }
}

/// A route, decided.
#[derive(Debug, Clone)]
pub struct RoutePolicy {
    /// Prefix without trailing slash; empty for the root.
    pub path: String,
    /// Where it leads.
    pub upstream: Arc<UpstreamPolicy>,
    /// Who passes.
    pub access: Access,
    /// Whether the prefix is cut off before forwarding.
    pub strip_prefix: bool,
    /// Whether WebSocket upgrades pass.
    pub websocket: bool,
    /// Whether answers that hold nothing of a person are compressed.
    pub compress: bool,
    /// Which headers its answers carry.
    pub audience: Audience,
    /// Any one of these is asked of whoever is signed in; empty asks for none.
    pub roles: Vec<String>,
}

/// A gate, decided.
#[derive(Debug, Clone)]
pub struct GatePolicy {
    /// Its name, used in log, audit and the constant realm's place.
    pub name: String,
    /// Its host.
    pub host: Host,
    /// What it guards.
    pub upstream: Arc<UpstreamPolicy>,
    /// Who may knock.
    pub allow: Vec<Cidr>,
    /// Where its users are.
    pub users_file: PathBuf,
    /// Header profile.
    pub profile: Profile,
    /// Prefixes that exist behind it.
    pub paths: Vec<String>,
    /// Whether WebSocket upgrades pass.
    pub websocket: bool,
    /// Whether an operator session is asked for, after allowlist and basic auth.
    pub operator_session: bool,
}

/// Where the host of a gate with [`GatePolicy::operator_session`] takes a hand-over; no upstream ever sees this path.
pub const HAND_OVER_PATH: &str = "/.well-known/doorward/gate";

/// Parts of the site that Doorward answers itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuiltIn {
    /// `/api/auth/*`, `/api/health`, `/api/csp-report`, `/.well-known/doorward/*`: JSON.
    Api,
    /// `/account/*`: pages.
    Page,
    /// `/account/verify`, `/account/reset`, `/account/email/…`, `/account/sign-up`: pages that a mail link opens.
    TokenPage,
    /// `/assets/doorward/*`: hashed, immutable.
    Asset,
}

impl BuiltIn {
    /// Which headers its answers carry.
    #[must_use]
    pub fn audience(self) -> Audience {
        match self {
            Self::Api => Audience::Api,
            Self::Page => Audience::PublicPage,
            Self::TokenPage => Audience::TokenPage,
            Self::Asset => Audience::Asset,
        }
    }
}

/// Reserved prefixes of the site's host, longest first.
pub const RESERVED: &[(&str, BuiltIn)] = &[
    ("/.well-known/acme-challenge", BuiltIn::Api),
    ("/account/email/confirm", BuiltIn::TokenPage),
    ("/.well-known/doorward", BuiltIn::Api),
    ("/account/end-sessions", BuiltIn::TokenPage),
    ("/account/email/undo", BuiltIn::TokenPage),
    ("/assets/doorward", BuiltIn::Asset),
    ("/account/sign-up", BuiltIn::TokenPage),
    ("/account/verify", BuiltIn::TokenPage),
    ("/api/csp-report", BuiltIn::Api),
    ("/account/oauth", BuiltIn::TokenPage),
    ("/account/reset", BuiltIn::TokenPage),
    ("/api/health", BuiltIn::Api),
    ("/api/auth", BuiltIn::Api),
    ("/account", BuiltIn::Page),
];

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// Answered by the accounts application.
    BuiltIn(BuiltIn),
    /// Forwarded under the route's access rule.
    Route(&'a Arc<RoutePolicy>),
    /// Behind a gate.
    Gate(&'a Arc<GatePolicy>),
    /// The host is ours but nothing is there.
    NoPath(Audience),
}

/// One host and what is under it.
#[derive(Debug, Clone)]
pub struct HostEntry {
    /// The canonical host.
    pub host: Host,
    kind: HostKind,
}

#[derive(Debug, Clone)]
enum HostKind {
    Site { routes: Vec<Arc<RoutePolicy>>, built_in: bool },
    Gate(Arc<GatePolicy>),
}

impl HostEntry {
    /// The gate that owns this host.
    #[must_use]
    pub fn gate(&self) -> Option<&Arc<GatePolicy>> {
        match &self.kind {
            HostKind::Gate(gate) => Some(gate),
            HostKind::Site { .. } => None,
        }
    }

    /// The routes of this host, longest prefix first.
    #[must_use]
    pub fn routes(&self) -> &[Arc<RoutePolicy>] {
        match &self.kind {
            HostKind::Site { routes, .. } => routes,
            HostKind::Gate(_) => &[],
        }
    }

    /// Whether the accounts application lives on this host.
    #[must_use]
    pub fn has_accounts(&self) -> bool {
        matches!(self.kind, HostKind::Site { built_in: true, .. })
    }

    /// Whether the whole host is a gate.
    #[must_use]
    pub fn is_gate(&self) -> bool {
        matches!(self.kind, HostKind::Gate(_))
    }

    /// Decides where a path goes. A gate takes the whole host: which of its paths exist is decided behind it (GATE-20).
    ///
    /// A path that differs from a prefix only in letter case is not there: an upstream that ignores case must not serve
    /// under a laxer rule what a stricter rule covers.
    #[must_use]
    pub fn resolve(&self, path: &CanonicalPath<'_>) -> Target<'_> {
        match &self.kind {
            HostKind::Gate(gate) => Target::Gate(gate),
            HostKind::Site { routes, built_in } => {
                if *built_in {
                    for (prefix, part) in RESERVED {
                        if path.strip_prefix(prefix).is_some() {
                            return Target::BuiltIn(*part);
                        }
                        if path.is_case_variant_of(prefix) {
                            return Target::NoPath(part.audience());
                        }
                    }
                }
                for route in routes {
                    if path.strip_prefix(&route.path).is_some() {
                        return Target::Route(route);
                    }
                    if path.is_case_variant_of(&route.path) {
                        return Target::NoPath(route.audience);
                    }
                }
                Target::NoPath(audience_of(path.as_str()))
            }
        }
    }
}

/// Every host that is answered to.
#[derive(Debug, Clone)]
pub struct RouteTable {
    by_host: HashMap<Box<str>, Arc<HostEntry>>,
    entries: Vec<Arc<HostEntry>>,
}

impl RouteTable {
    pub(crate) fn decide(config: &Config, upstreams: &[Arc<UpstreamPolicy>]) -> Self {
        let find = |name: &str| upstreams.iter().find(|u| u.name == name).cloned();
        let mut hosts: Vec<Host> = vec![config.site.origin.host().clone()];
        hosts.extend(config.routes.iter().map(|r| r.host.clone()).filter(|h| h != config.site.origin.host()));
        hosts.sort();
        hosts.dedup();
        let mut entries = Vec::new();
        for host in hosts {
            let built_in = host == *config.site.origin.host();
            let mut routes: Vec<_> = config
                .routes
                .iter()
                .filter(|r| r.host == host)
                .filter_map(|r| find(&r.upstream).map(|u| Arc::new(RoutePolicy::decide(r, u))))
                .collect();
            routes.sort_by_key(|r| std::cmp::Reverse(r.path.len()));
            entries.push(Arc::new(HostEntry { host, kind: HostKind::Site { routes, built_in } }));
        }
        for gate in &config.gates {
            if let Some(upstream) = find(&gate.upstream) {
                let policy = Arc::new(GatePolicy::decide(gate, upstream));
                entries.push(Arc::new(HostEntry { host: gate.host.clone(), kind: HostKind::Gate(policy) }));
            }
        }
        let by_host = entries.iter().map(|e| (e.host.as_str().into(), e.clone())).collect();
        Self { by_host, entries }
    }

    /// Finds the host that a `Host` field or `:authority` names, by its canonical form (GATE-07). Never guesses, never falls back.
    #[must_use]
    pub fn find(&self, authority: &str) -> Option<&Arc<HostEntry>> {
        // Most clients write the name exactly as we do: no parsing then. An address with colons of its own is always parsed.
        let name = authority.rsplit_once(':').map_or(authority, |(name, port)| if is_port(port) { name } else { authority });
        let exact = if name.contains(':') { None } else { self.by_host.get(name) };
        exact.or_else(|| {
            let parsed: Authority = authority.parse().ok()?;
            self.by_host.get(parsed.host.as_str())
        })
    }

    /// All hosts, the site's own first among equals.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.entries.iter().map(|e| &e.host)
    }

    /// All entries.
    #[must_use]
    pub fn entries(&self) -> &[Arc<HostEntry>] {
        &self.entries
    }
}

fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

impl RoutePolicy {
    fn decide(route: &Route, upstream: Arc<UpstreamPolicy>) -> Self {
        Self {
            audience: audience_of(&route.path),
            path: route.path.clone(),
            upstream,
            access: route.access,
            strip_prefix: route.strip_prefix,
            websocket: route.websocket,
            compress: route.compress,
            roles: route.roles.clone(),
        }
    }

    /// Whether somebody with these roles may pass.
    #[must_use]
    pub fn admits(&self, roles: &[String]) -> bool {
        self.roles.is_empty() || self.roles.iter().any(|role| roles.contains(role))
    }
}

/// `/api` and all under it speak JSON; everything else is a page.
fn audience_of(path: &str) -> Audience {
    if path == "/api" || path.starts_with("/api/") { Audience::Api } else { Audience::PublicPage }
}

impl GatePolicy {
    fn decide(gate: &Gate, upstream: Arc<UpstreamPolicy>) -> Self {
        Self {
            name: gate.name.clone(),
            host: gate.host.clone(),
            upstream,
            allow: gate.allow.clone(),
            users_file: gate.users_file.clone(),
            profile: gate.profile,
            paths: gate.paths.clone(),
            websocket: gate.websocket,
            operator_session: gate.operator_session,
        }
    }
}
