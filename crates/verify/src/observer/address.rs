//! Where each host is: settled once, before the first probe, so that the whole run looks at one machine (VER-14).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use doorward_kit::Host;

use super::Fault;
use crate::plan::Pin;

/// A host and a port.
pub(crate) type Endpoint = (Host, u16);

/// Addresses of all endpoints of a run.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    settled: HashMap<Endpoint, Result<Vec<SocketAddr>, Fault>>,
}

impl Addresses {
    /// Finds out where `endpoint` is, unless that is settled already.
    pub(crate) async fn settle(&mut self, endpoint: &Endpoint, pins: &[Pin]) {
        if !self.settled.contains_key(endpoint) {
            let found = lookup(endpoint, pins).await;
            self.settled.insert(endpoint.clone(), found);
        }
    }

    /// Records that an endpoint could not be settled in time.
    pub(crate) fn give_up(&mut self, endpoint: &Endpoint, fault: Fault) {
        self.settled.insert(endpoint.clone(), Err(fault));
    }

    /// Everything that the endpoint's name led to.
    pub(crate) fn all(&self, endpoint: &Endpoint) -> &[SocketAddr] {
        self.settled.get(endpoint).and_then(|found| found.as_deref().ok()).unwrap_or_default()
    }

    /// The one address that every probe of the endpoint goes to: the first of the family that the vantage can reach.
    pub(crate) fn one(&self, endpoint: &Endpoint, from: Option<IpAddr>) -> Result<SocketAddr, Fault> {
        match self.settled.get(endpoint) {
            Some(Ok(found)) => {
                let reachable = found.iter().find(|address| from.is_none_or(|local| local.is_ipv4() == address.is_ipv4()));
                reachable.or(found.first()).copied().ok_or_else(|| Fault::Address("the name has none".into()))
            }
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(Fault::Address("the name was not looked up".into())),
        }
    }
}

async fn lookup((host, port): &Endpoint, pins: &[Pin]) -> Result<Vec<SocketAddr>, Fault> {
    if let Some(pin) = pins.iter().find(|pin| pin.host == *host && pin.port == *port) {
        return Ok(vec![SocketAddr::new(pin.address, *port)]);
    }
    if let Some(address) = host.ip() {
        return Ok(vec![SocketAddr::new(address, *port)]);
    }
    if host.as_str().ends_with(".localhost") {
        // RFC 6761 §6.3: these names are this machine, and many resolvers do not know them.
        let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        return Ok(loopback.map(|address| SocketAddr::new(address, *port)).to_vec());
    }
    match tokio::net::lookup_host((host.as_str(), *port)).await {
        Ok(found) => Ok(loopback_in_order(found.collect())),
        Err(error) => Err(Fault::Address(super::shown(&error.to_string()))),
    }
}

/// A site on this machine listens on 127.0.0.1 before it listens on anything else.
fn loopback_in_order(mut found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    if found.iter().all(|address| address.ip().is_loopback()) {
        found.sort_by_key(SocketAddr::is_ipv6);
    }
    found.dedup();
    found
}
