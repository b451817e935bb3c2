//! Which networks may stand in an allowlist or be believed as proxies. Problems never repeat the text (GATE-06).

use std::net::{IpAddr, SocketAddr};

use doorward_kit::Cidr;
use ipnet::IpNet;

use crate::model::Env;
use crate::reader::{Item, Problem};

/// Ranges that many strangers share; believing a whole one makes each of them a proxy (PROXY-07).
const SHARED: &[&str] =
    &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fd00::/8", "fe80::/10"];

/// One network, strictly written.
pub(crate) fn cidr(item: &Item<'_>) -> Result<Cidr, Problem> {
    let text = item.text().map_err(Problem::hidden)?;
    text.parse().map_err(|error: doorward_kit::net::CidrError| {
        let is_words = text.bytes().any(|b| b.is_ascii_alphabetic() && !b.is_ascii_hexdigit()) || text.is_empty();
        let problem = if is_words { "is empty or a placeholder, not a network".to_owned() } else { format!("is {error}") };
        Problem::new(problem, "an address or network such as 203.0.113.7 or 2001:db8::/48, no short or octal forms").hidden()
    })
}

/// One entry of an allowlist: never everyone, and outside development no wider than /8 (IPv4) or /16 (IPv6).
pub(crate) fn allowed(item: &Item<'_>, env: Option<Env>) -> Result<Cidr, Problem> {
    let network = cidr(item)?;
    if network.is_everyone() {
        return Err(Problem::new("lets everyone in", "name the networks that operators come from").hidden());
    }
    if env != Some(Env::Development) && is_absurd(&network) {
        return Err(too_wide().hidden());
    }
    Ok(network)
}

fn too_wide() -> Problem {
    Problem::new(
        "is too wide for an allowlist",
        "at most a /8 of IPv4 or a /16 of IPv6; name the networks that operators come from",
    )
}

fn is_absurd(network: &Cidr) -> bool {
    let least = if network.network().is_ipv4() { 8 } else { 16 };
    network.prefix_len() < least
}

/// Whether the list as a whole opens what no single entry may: two halves make everyone.
pub(crate) fn adds_up(list: &[Cidr], env: Option<Env>) -> Option<Problem> {
    let nets: Vec<IpNet> = list.iter().filter_map(|c| IpNet::new(c.network(), c.prefix_len()).ok()).collect();
    let merged = IpNet::aggregate(&nets);
    let limit = |net: &IpNet| match (env, net.addr()) {
        (Some(Env::Development), _) => 1,
        (_, IpAddr::V4(_)) => 8,
        (_, IpAddr::V6(_)) => 16,
    };
    let wide = merged.iter().any(|net| net.prefix_len() < limit(net));
    wide.then(|| Problem::new("lets nearly everyone in, taken together", "name the networks that operators come from").hidden())
}

/// One network of `trusted_proxies`.
pub(crate) fn trusted(item: &Item<'_>, env: Option<Env>) -> Result<Cidr, Problem> {
    let network = cidr(item)?;
    if network.is_everyone() {
        return Err(Problem::new("believes everyone", "name the addresses of the proxies in front").hidden());
    }
    if env != Some(Env::Development) && (is_absurd(&network) || is_shared(&network)) {
        return Err(Problem::new(
            "believes everyone in a network that many share",
            "name the addresses of the proxies in front, not a whole private range",
        )
        .hidden());
    }
    Ok(network)
}

fn is_shared(network: &Cidr) -> bool {
    let Ok(network) = IpNet::new(network.network(), network.prefix_len()) else { return true };
    SHARED.iter().filter_map(|text| text.parse::<IpNet>().ok()).any(|shared| network.contains(&shared))
}

/// An address to listen on.
pub(crate) fn socket(item: &Item<'_>) -> Result<SocketAddr, Problem> {
    item.text()?.parse().map_err(|_| Problem::new("is not an address with a port", "such as \"0.0.0.0:443\" or \"[::]:443\""))
}

/// The operators' listener: on this machine or in a private network, never where the public could reach it.
pub(crate) fn internal_socket(item: &Item<'_>) -> Result<SocketAddr, Problem> {
    let address = socket(item)?;
    if is_private(address.ip().to_canonical()) {
        return Ok(address);
    }
    Err(Problem::new(
        "would be open to the public",
        "the internal listener stands on a loopback or private address, such as \"127.0.0.1:9180\"",
    ))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
