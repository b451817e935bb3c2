//! Addresses as they are shown to the people they belong to: enough to recognise a line, too little to find it.

use std::net::{IpAddr, Ipv6Addr};

use doorward_kit::ClientAddr;

/// The first three octets of IPv4, the first 48 bits of IPv6, as a network.
pub(crate) fn network(client: ClientAddr) -> String {
    match client.ip() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80))),
    }
}
