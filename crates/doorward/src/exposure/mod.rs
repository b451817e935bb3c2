//! What a configuration exposes: listener, host, path, who passes, what stands behind, and the control that decides it (EXPO-12).
//!
//! Comes in: a configuration and the policy decided from it. Goes out: the same facts as a table for a person and as JSON.
//! Must never know: whether any of it is running.

pub mod proof;
mod server;
mod table;

use doorward_config::{Access, Config, Profile, UpstreamTarget};
use doorward_policy::route::{BuiltIn, HostEntry, RESERVED};
use doorward_policy::{ControlId, GatePolicy, Policy, RoutePolicy, UpstreamPolicy};
use serde::Serialize;

/// The whole exposure map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// The site's origin.
    pub origin: String,
    /// SHA-256 of the configuration.
    pub config_sha256: String,
    /// Where the process listens.
    pub listeners: Vec<Listener>,
    /// Servers that are talked to, without what proves who talks.
    pub servers: Vec<Server>,
    /// Hosts that are answered to; every other gets 421.
    pub hosts: Vec<HostMap>,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listener {
    /// As configured.
    pub address: String,
    /// `https`, `http` or `internal`.
    pub kind: &'static str,
    /// What it does, for a person.
    pub serves: &'static str,
    /// Networks whose peers have to speak the PROXY protocol there, and say so whom they bring.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub proxied_from: Vec<String>,
    /// Which row asks for that.
    pub control: ControlId,
}

/// Where state is kept and mail is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Server {
    /// `store`, `counters` or `mail`.
    pub purpose: &'static str,
    /// Which kind, such as `postgresql` or `in this process`.
    pub kind: &'static str,
    /// Host and port; absent for what is kept here.
    pub address: Option<String>,
    /// `tls`, `starttls` or `loopback, not encrypted`; absent for what is kept here.
    pub protection: Option<&'static str>,
    /// Which row asks for that.
    pub control: ControlId,
}

/// One host and everything under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostMap {
    /// Canonical name.
    pub host: String,
    /// The gate that owns it.
    pub gate: Option<GateMap>,
    /// Longest prefix first; what is not listed is 404.
    pub paths: Vec<PathMap>,
}

/// Who may knock at a gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateMap {
    /// Its name.
    pub name: String,
    /// Networks that get as far as the password.
    pub allow: Vec<String>,
    /// Where the users are.
    pub users_file: String,
    /// Whether an operator session is asked for after that.
    pub operator_session: bool,
    /// Header profile.
    pub profile: &'static str,
    /// Which rows decide.
    pub controls: Vec<ControlId>,
}

/// One prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathMap {
    /// The prefix, `/*` at its end.
    pub path: String,
    /// `built in`, `public`, `identified`, `signed-in` or `gated`.
    pub access: &'static str,
    /// Name of the upstream.
    pub upstream: Option<String>,
    /// Where it leads: a URL, a folder, or what Doorward answers itself.
    pub target: String,
    /// Whether WebSocket upgrades pass.
    pub websocket: bool,
    /// Any one of these is asked of whoever is signed in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Which row decides who passes.
    pub control: ControlId,
}

impl Exposure {
    /// Draws the map.
    #[must_use]
    pub fn of(config: &Config, policy: &Policy) -> Self {
        Self {
            origin: config.site.origin.to_string(),
            config_sha256: config.sha256.clone(),
            listeners: listeners(config),
            servers: server::servers(config),
            hosts: policy.routes.entries().iter().map(|entry| host_map(entry)).collect(),
        }
    }
}

fn listeners(config: &Config) -> Vec<Listener> {
    let proxies: Vec<String> = config.listen.proxy_protocol.iter().map(ToString::to_string).collect();
    let entry = |address: &std::net::SocketAddr, kind, serves, control| Listener {
        address: address.to_string(),
        kind,
        serves,
        proxied_from: if kind == "internal" { Vec::new() } else { proxies.clone() },
        control: ControlId(control),
    };
    let listen = &config.listen;
    let https = listen.https.iter().map(|a| entry(a, "https", "the hosts below", "EXPO-01"));
    let http = listen.http.iter().map(|a| entry(a, "http", "redirects to https, nothing else", "TLS-16"));
    let internal =
        listen.internal.iter().map(|a| entry(a, "internal", "health, metrics, description of the API; never public", "EXPO-04"));
    https.chain(http).chain(internal).collect()
}

fn host_map(entry: &HostEntry) -> HostMap {
    let built_in = RESERVED.iter().filter(|_| entry.has_accounts()).map(|(prefix, part)| built_in(prefix, *part));
    let routes = entry.routes().iter().map(|route| route_map(route));
    let gated = entry.gate().into_iter().flat_map(|gate| gate.paths.iter().map(|path| gated_map(gate, path)));
    HostMap {
        host: entry.host.to_string(),
        gate: entry.gate().map(|gate| gate_map(gate)),
        paths: built_in.chain(routes).chain(gated).collect(),
    }
}

fn built_in(prefix: &str, part: BuiltIn) -> PathMap {
    let target = match part {
        BuiltIn::Api => "answered here, JSON",
        BuiltIn::Page => "answered here, pages",
        BuiltIn::TokenPage => "answered here, pages that a mail link opens",
        BuiltIn::Asset => "answered here, style and script",
    };
    let path = format!("{prefix}/*");
    PathMap {
        path,
        access: "built in",
        upstream: None,
        target: target.into(),
        websocket: false,
        roles: Vec::new(),
        control: ControlId("EXPO-03"),
    }
}

fn route_map(route: &RoutePolicy) -> PathMap {
    let (access, control) = match route.access {
        Access::Public => ("public", "EXPO-03"),
        Access::Identified => ("identified", "CSRF-01"),
        Access::SignedIn => ("signed-in", "SES-11"),
    };
    PathMap { roles: route.roles.clone(), ..path_map(&route.path, access, &route.upstream, route.websocket, control) }
}

fn gated_map(gate: &GatePolicy, path: &str) -> PathMap {
    path_map(path, "gated", &gate.upstream, gate.websocket, "GATE-01")
}

fn path_map(path: &str, access: &'static str, upstream: &UpstreamPolicy, websocket: bool, control: &'static str) -> PathMap {
    PathMap {
        path: format!("{path}/*"),
        access,
        upstream: Some(upstream.name.clone()),
        target: spoken(&upstream.target),
        websocket,
        roles: Vec::new(),
        control: ControlId(control),
    }
}

pub(crate) fn spoken(target: &UpstreamTarget) -> String {
    match target {
        UpstreamTarget::Servers(servers) => servers.urls().collect::<Vec<_>>().join(", "),
        UpstreamTarget::Files { root } => format!("files in {}", root.display()),
    }
}

fn gate_map(gate: &GatePolicy) -> GateMap {
    GateMap {
        name: gate.name.clone(),
        allow: gate.allow.iter().map(ToString::to_string).collect(),
        users_file: gate.users_file.display().to_string(),
        operator_session: gate.operator_session,
        profile: match gate.profile {
            Profile::Strict => "strict",
            Profile::DjangoAdmin => "django-admin",
            Profile::PgAdmin => "pgadmin",
            Profile::Flower => "flower",
            Profile::Traefik => "traefik",
        },
        controls: ["GATE-03", "GATE-06", "GATE-15", "GATE-18"].into_iter().map(ControlId).collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    fn example() -> (Config, Exposure) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/doorward.toml");
        let config = doorward_config::load(&path, &BTreeMap::new()).expect("the example is right");
        let exposure = Exposure::of(&config, &Policy::decide(&config));
        (config, exposure)
    }

    #[test]
    fn everything_that_is_configured_is_on_the_map() {
        let (config, exposure) = example();
        let listen = &config.listen;
        assert_eq!(exposure.listeners.len(), listen.http.len() + listen.https.len() + usize::from(listen.internal.is_some()));
        assert_eq!(exposure.hosts.len(), 1 + config.gates.len());
        let led: Vec<&str> =
            exposure.hosts.iter().flat_map(|host| &host.paths).filter_map(|path| path.upstream.as_deref()).collect();
        assert!(config.upstreams.iter().all(|upstream| led.contains(&upstream.name.as_str())), "{led:?}");
        let gate = exposure.hosts.iter().find_map(|host| host.gate.as_ref()).expect("a gate");
        assert_eq!(gate.allow, ["203.0.113.0/24", "2001:db8:17::/48"]);
    }

    #[test]
    fn nothing_but_gated_paths_is_on_a_gates_host() {
        let (_, exposure) = example();
        for host in exposure.hosts.iter().filter(|host| host.gate.is_some()) {
            assert!(host.paths.iter().all(|path| path.access == "gated"), "{host:?}");
        }
    }

    #[test]
    fn the_table_fits_a_hundred_columns_and_is_coloured_only_when_asked() {
        let (_, exposure) = example();
        let plain = exposure.render(false);
        for line in plain.lines().filter(|line| !line.contains("examples")) {
            assert!(line.chars().count() <= 100, "{line}");
        }
        assert!(!plain.contains('\u{1b}') && exposure.render(true).contains('\u{1b}'));
    }
}
