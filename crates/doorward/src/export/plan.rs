//! What every edge has to know, taken from configuration and policy once.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use doorward_config::{Access, Config, Servers, Tls, UpstreamTarget};
use doorward_policy::route::RESERVED;
use doorward_policy::{GatePolicy, HostEntry, Policy, RoutePolicy, UpstreamPolicy};

use super::{Choice, ExportError};

/// The configuration as the edge in front needs it.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What was decided.
    pub policy: &'a Policy,
    /// What was written.
    pub config: &'a Config,
    /// Where the edge takes TLS.
    pub https: SocketAddr,
    /// Where it takes plain HTTP.
    pub http: SocketAddr,
    /// Doorward's TLS listener.
    pub doorward: SocketAddr,
    /// Doorward's plain listener, which redirects.
    pub doorward_http: Option<SocketAddr>,
    /// Who vouches for Doorward's certificate.
    pub ca: Option<PathBuf>,
}

impl<'a> Plan<'a> {
    /// Looks whether this configuration can stand behind another edge.
    ///
    /// # Errors
    /// [`ExportError`] with what stands against it.
    pub fn new(config: &'a Config, policy: &'a Policy, choice: Choice) -> Result<Self, ExportError> {
        if config.listen.trusted_proxies.is_empty() {
            return Err(ExportError::NoTrustedProxy);
        }
        if choice.ca.is_none() && !matches!(config.tls, Tls::Files { .. }) {
            return Err(ExportError::NoTrust);
        }
        let everywhere = |port| SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port);
        let (https, http) =
            (choice.https.unwrap_or_else(|| everywhere(policy.origin.port())), choice.http.unwrap_or_else(|| everywhere(80)));
        let own = [&config.listen.https[..], &config.listen.http[..]].concat();
        if let Some(taken) = own.iter().find(|own| [https, http].iter().any(|edge| collides(*edge, **own))) {
            return Err(ExportError::SameAddress(*taken));
        }
        let doorward = config.listen.https.first().copied().map(reachable).ok_or(ExportError::NoListener)?;
        let doorward_http = config.listen.http.first().copied().map(reachable);
        Ok(Self { policy, config, https, http, doorward, doorward_http, ca: choice.ca })
    }

    /// Prefixes of the site's host that Doorward answers itself, each once, none under another.
    #[must_use]
    pub fn built_in() -> Vec<&'static str> {
        let all = RESERVED.iter().map(|(prefix, _)| *prefix);
        all.filter(|prefix| !RESERVED.iter().any(|(other, _)| prefix.len() > other.len() && under(prefix, other))).collect()
    }

    /// The routes of a host that the edge takes to their upstreams itself, longest prefix first: those that nobody has to be asked about.
    pub fn direct_routes<'h>(&self, host: &'h HostEntry) -> impl Iterator<Item = (&'h RoutePolicy, &'h Servers)> {
        host.routes().iter().filter(|route| route.access == Access::Public).filter_map(|route| {
            let servers = self.direct(&route.upstream)?;
            Some((&**route, servers))
        })
    }

    /// The gate of a host, if the edge can hold it: Doorward alone knows operators, and alone reads Argon2id.
    #[must_use]
    pub fn direct_gate<'h>(&self, host: &'h HostEntry) -> Option<(&'h GatePolicy, &'h Servers)> {
        let gate = host.gate().filter(|gate| !gate.operator_session && only_bcrypt(gate))?;
        Some((gate, self.direct(&gate.upstream)?))
    }

    /// The servers of an upstream that needs nothing of Doorward: it serves files, and nobody else shows an upstream its secret (EXPO-10).
    fn direct<'u>(&self, upstream: &'u UpstreamPolicy) -> Option<&'u Servers> {
        let knows_us = |name: &str| self.config.upstreams.iter().any(|u| u.name == name && u.secret.is_some());
        match &upstream.target {
            UpstreamTarget::Servers(servers) if !knows_us(&upstream.name) => Some(servers),
            _ => None,
        }
    }
}

/// Other edges know bcrypt only; a file that cannot be read here is left to Doorward too.
fn only_bcrypt(gate: &GatePolicy) -> bool {
    let Ok(text) = std::fs::read_to_string(&gate.users_file) else { return false };
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.all(|line| line.split_once(':').is_some_and(|(_, hash)| hash.starts_with("$2")))
}

fn under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
}

fn collides(edge: SocketAddr, own: SocketAddr) -> bool {
    edge.port() == own.port() && (edge.ip() == own.ip() || edge.ip().is_unspecified() || own.ip().is_unspecified())
}

/// Where somebody on the same machine reaches a listener.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
