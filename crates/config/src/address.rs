//! When two spellings name the same upstream: compared by what is reached, never by how it is written.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use doorward_kit::Host;

use crate::model::UpstreamTarget;

/// Where a connection ends, as far as can be told without asking a resolver.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Spot {
    /// This machine, by any of its loopback addresses or names.
    Loopback,
    /// Another address.
    Address(IpAddr),
    /// A name.
    Name(Host),
}

/// A spot and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    spot: Spot,
    port: u16,
}

impl Endpoint {
    pub(crate) fn new(host: &Host, port: u16) -> Self {
        let name = host.as_str();
        let spot = match host.ip().map(|ip| ip.to_canonical()) {
            // Who listens on one loopback address often listens on all of them.
            Some(ip) if ip.is_loopback() || ip.is_unspecified() => Spot::Loopback,
            Some(ip) => Spot::Address(ip),
            None if is_loopback_name(name) => Spot::Loopback,
            None => Spot::Name(host.clone()),
        };
        Self { spot, port }
    }

    /// Whether a connection there stays on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.spot == Spot::Loopback
    }

    /// Whether a listener of ours would answer there.
    pub(crate) fn is_served_by(&self, listener: SocketAddr) -> bool {
        let ip = listener.ip().to_canonical();
        let same_port = self.port == listener.port() && self.port != 0;
        same_port
            && match &self.spot {
                Spot::Loopback => ip.is_loopback() || ip.is_unspecified(),
                Spot::Address(address) => *address == ip,
                Spot::Name(_) => false,
            }
    }
}

/// RFC 6761 §6.3, and the names that distributions write into `/etc/hosts`.
fn is_loopback_name(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last == "localhost"
        || matches!(name, "localhost.localdomain" | "localhost4.localdomain4" | "localhost6.localdomain6")
        || matches!(name, "localhost4" | "localhost6" | "ip6-localhost" | "ip6-loopback")
}

/// What an upstream reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach<'a> {
    Servers(Vec<Endpoint>),
    Folder(&'a Path),
}

impl<'a> Reach<'a> {
    pub(crate) fn of(target: &'a UpstreamTarget) -> Self {
        match target {
            UpstreamTarget::Servers(servers) => {
                Self::Servers(servers.addresses.iter().map(|server| Endpoint::new(&server.host, server.port)).collect())
            }
            UpstreamTarget::Files { root } => Self::Folder(root),
        }
    }

    /// Whether something can be reached through both: the same server, or a folder and one within it.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Servers(one), Self::Servers(two)) => one.iter().any(|endpoint| two.contains(endpoint)),
            (Self::Folder(one), Self::Folder(two)) => one.starts_with(two) || two.starts_with(one),
            _ => false,
        }
    }
}
