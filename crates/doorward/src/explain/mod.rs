//! What the door would make of a connection and a request, without opening a port: whose it is, what it is counted by, which gates let it
//! knock, where it leads, and what every answer would carry.
//!
//! Comes in: the policy and a description of what arrives. Goes out: the same as data and as text. The walk to the client's address is the
//! edge's own, so that what is explained is what is done. Must never know: sockets, stores, whether anything runs.

mod address;
mod text;
mod way;

use std::net::IpAddr;

use doorward_policy::Policy;
use http::HeaderMap;
use serde::Serialize;

pub use address::AddressMap;
pub use way::WayMap;

/// What arrives.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The other end of the socket.
    pub peer: IpAddr,
    /// Whom the peer names by the PROXY protocol, if it speaks it.
    pub announced: Option<IpAddr>,
    /// Fields of the request.
    pub headers: HeaderMap,
    /// `Host`, or `:authority`.
    pub host: String,
    /// The target up to the query.
    pub path: String,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// How the client's address comes about.
    pub address: AddressMap,
    /// Every gate, and whether this client gets as far as its password.
    pub gates: Vec<GateKnock>,
    /// Where the request leads.
    pub way: WayMap,
}

/// A gate's allowlist and this client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateKnock {
    /// The gate's name.
    pub gate: String,
    /// Its host.
    pub host: String,
    /// The network of the list that lets the client in; none keeps it out.
    pub allowed_by: Option<String>,
}

impl Explanation {
    /// Thinks it through.
    #[must_use]
    pub fn of(policy: &Policy, arrival: &Arrival) -> Self {
        let (address, client) = address::derive(policy, arrival);
        let gates = policy.routes.entries().iter().filter_map(|entry| entry.gate()).map(|gate| GateKnock {
            gate: gate.name.clone(),
            host: gate.host.to_string(),
            allowed_by: gate.allow.iter().find(|network| network.contains(client.ip())).map(ToString::to_string),
        });
        Self { address, gates: gates.collect(), way: way::of(policy, arrival, client) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use http::HeaderValue;

    use super::*;

    fn example() -> Policy {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/doorward.toml");
        let text = std::fs::read_to_string(&path).expect("the example");
        let text =
            text.replace("trusted_proxies = []", "trusted_proxies = [\"198.51.100.4\"]\nproxy_protocol = [\"198.51.100.9\"]");
        Policy::decide(&doorward_config::parse(&text, &path, &BTreeMap::new()).expect("legal"))
    }

    fn explain(peer: &str, announced: Option<&str>, chain: Option<&str>, host: &str, path: &str) -> Explanation {
        let mut headers = HeaderMap::new();
        if let Some(chain) = chain {
            headers.insert("x-forwarded-for", HeaderValue::from_str(chain).expect("a value"));
        }
        let address = |text: &str| text.parse().expect("an address");
        let arrival = Arrival {
            peer: address(peer),
            announced: announced.map(address),
            headers,
            host: host.to_owned(),
            path: path.to_owned(),
        };
        Explanation::of(&example(), &arrival)
    }

    #[test]
    fn the_client_is_who_the_edge_would_take() {
        for (peer, announced, chain, client) in [
            ("203.0.113.7", None, None, "203.0.113.7"),
            ("203.0.113.7", None, Some("192.0.2.1"), "203.0.113.7"),
            ("198.51.100.4", None, Some("192.0.2.1, 192.0.2.2"), "192.0.2.2"),
            ("198.51.100.4", None, Some("192.0.2.1, unknown"), "198.51.100.4"),
            ("198.51.100.9", Some("192.0.2.5"), Some("192.0.2.1"), "192.0.2.5"),
            ("198.51.100.9", Some("198.51.100.4"), Some("192.0.2.1"), "192.0.2.1"),
            ("198.51.100.9", None, None, "198.51.100.9"),
            ("203.0.113.7", Some("192.0.2.5"), None, "203.0.113.7"),
            ("2001:db8:17:1:2::3", None, None, "2001:db8:17:1:2::3"),
        ] {
            let explained = explain(peer, announced, chain, "app.example.com", "/");
            assert_eq!(explained.address.client, client, "{peer} {announced:?} {chain:?}: {:?}", explained.address.steps);
        }
        let address = explain("2001:db8:17:1:2::3", None, None, "app.example.com", "/").address;
        assert_eq!((&*address.line, address.network.as_deref()), ("2001:db8:17:1::/64", Some("2001:db8:17::/48")));
    }

    #[test]
    fn the_way_is_the_one_that_the_door_goes() {
        let policy = example();
        let (site, gate) = (policy.origin.host().to_string(), policy.routes.entries().iter().find_map(|e| e.gate()).cloned());
        let gate = gate.expect("a gate in the example");
        for (peer, host, path, status) in [
            ("203.0.113.7", &*format!("x.{site}"), "/", Some(421)),
            ("203.0.113.7", &*site, "/%2e%2e/x", Some(400)),
            ("192.0.2.1", gate.host.as_str(), "/", Some(403)),
            ("203.0.113.7", gate.host.as_str(), "/", Some(401)),
            ("203.0.113.7", &*site, "/api/auth/me", None),
        ] {
            let way = explain(peer, None, None, host, path).way;
            assert_eq!(way.status, status, "{host}{path}: {way:?}");
            assert!(way.answer.iter().any(|(name, _)| name == "x-content-type-options"), "{way:?}");
        }
    }
}
