//! How the client's address comes about, step by step.

use std::net::SocketAddr;

use doorward_edge::{Hop, line_and_network, walk};
use doorward_kit::{ClientAddr, PeerAddr};
use doorward_policy::Policy;
use serde::Serialize;

use super::Arrival;

/// The way from the socket to the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddressMap {
    /// Each step, as a sentence.
    pub steps: Vec<String>,
    /// Who it comes to: gates, limits, log, audit and upstreams all use this one.
    pub client: String,
    /// What the client is counted by.
    pub line: String,
    /// What its line is counted as a part of, with IPv6.
    pub network: Option<String>,
}

pub(super) fn derive(policy: &Policy, arrival: &Arrival) -> (AddressMap, ClientAddr) {
    let mut steps = Vec::new();
    let peer = announced(policy, arrival, &mut steps);
    let mut last = peer.ip();
    let client = walk(peer, &arrival.headers, &policy.trusted_proxies, |hop| {
        steps.push(match hop {
            Hop::Peer(address, true) => {
                format!("{address} is in listen.trusted_proxies: its X-Forwarded-For is read, from the right")
            }
            Hop::Peer(address, false) => {
                format!("{address} is in no list of trusted proxies: it is the client, whatever its fields say")
            }
            Hop::Named(address, true) => format!("{last} names {address}, which is trusted in its turn"),
            Hop::Named(address, false) => format!("{last} names {address}, which is not trusted: it is the client"),
            Hop::Unreadable => format!("{last} names nothing that is plainly an address: {last} itself is the client"),
            Hop::TooMany => format!("there are more hops than are read: {last} is the client"),
        });
        if let Hop::Named(address, _) = hop {
            last = address;
        }
    });
    if steps.len() == 1 && policy.trusted_proxies.iter().any(|network| network.contains(client.ip())) {
        steps.push(format!("there is no X-Forwarded-For: {client} itself is the client"));
    }
    let (line, network) = line_and_network(client);
    (AddressMap { steps, client: client.to_string(), line: line.to_string(), network }, client)
}

/// The peer, or whom it names by the PROXY protocol.
fn announced(policy: &Policy, arrival: &Arrival, steps: &mut Vec<String>) -> PeerAddr {
    let peer = PeerAddr(SocketAddr::new(arrival.peer, 0));
    let is_listed = policy.proxy_protocol.iter().any(|network| network.contains(peer.ip()));
    match (is_listed, arrival.announced) {
        (true, Some(client)) => {
            steps.push(format!("{} is in listen.proxy_protocol: its header names {client}, which takes its place", peer.ip()));
            PeerAddr(SocketAddr::new(client, 0))
        }
        (true, None) => {
            let ip = peer.ip();
            steps.push(format!(
                "{ip} is in listen.proxy_protocol and has to name a client; as if its header said LOCAL: {ip} counts"
            ));
            peer
        }
        (false, Some(_)) => {
            steps.push(format!("{} is not in listen.proxy_protocol: a header of its would be refused, not read", peer.ip()));
            peer
        }
        (false, None) => peer,
    }
}
