//! Networks and client addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use doorward_kit::net::CidrError;
use doorward_kit::{Cidr, ClientAddr, PeerAddr};
use proptest::prelude::*;

fn cidr(text: &str) -> Result<Cidr, CidrError> {
    text.parse()
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn gate_05_networks_have_one_strict_spelling() {
    for bad in [
        "",
        " ",
        "/",
        "/8",
        "10",
        "10.1",
        "10.0.1",
        "010.0.0.1",
        "10.0.0.01",
        "0x0a.0.0.1",
        "167772161",
        "1.2.3.4/33",
        "1.2.3.4/08",
        "1.2.3.4/+8",
        "1.2.3.4/-1",
        "1.2.3.4/",
        "1.2.3.4/8/8",
        "1.2.3.4 /8",
        " 1.2.3.4",
        "1.2.3.4\n",
        "1.2.3.4/255.255.255.0",
        "::/129",
        "::1%lo",
        "fe80::%eth0/64",
        "[::1]",
        "::ffff:1.2.3.4/24",
        "::1::",
        "12345::",
        "1.2.3.4.5",
        "1.2.3.256",
        "localhost",
        "*",
        "any",
        "0/0",
        "１.2.3.4",
    ] {
        assert_eq!(cidr(bad), Err(CidrError::Syntax), "{bad:?}");
    }
    for bad in ["10.0.0.1/8", "203.0.113.7/24", "2001:db8::1/32", "::ffff:10.0.0.1/104"] {
        assert_eq!(cidr(bad), Err(CidrError::HostBits), "{bad:?}");
    }
}

#[test]
fn gate_05_membership_is_by_address_and_not_by_text() {
    let one = cidr("203.0.113.7/32").expect("a network");
    for inside in ["203.0.113.7", "::ffff:203.0.113.7", "::ffff:cb00:7107"] {
        assert!(one.contains(ip(inside)), "{inside}");
    }
    for outside in ["203.0.113.70", "203.0.113.6", "20.30.113.7", "::203.0.113.7", "::cb00:7107", "64:ff9b::203.0.113.7"] {
        assert!(!one.contains(ip(outside)), "{outside}");
    }
    let six = cidr("2001:db8::/32").expect("a network");
    assert!(six.contains(ip("2001:0DB8:0000::0001")));
    assert!(!six.contains(ip("2001:db9::1")) && !six.contains(ip("32.1.13.184")));
}

#[test]
fn gate_05_a_mapped_network_is_its_ipv4_network() {
    assert_eq!(cidr("::ffff:203.0.113.0/120"), cidr("203.0.113.0/24"));
    assert_eq!(cidr("::ffff:203.0.113.7"), cidr("203.0.113.7"));
    assert!(cidr("::ffff:0.0.0.0/96").expect("a network").is_everyone());
    assert!(cidr("0.0.0.0/0").expect("a network").is_everyone() && cidr("::/0").expect("a network").is_everyone());
    assert!(!cidr("0.0.0.0/1").expect("a network").is_everyone());
}

#[test]
fn client_and_peer_are_canonical_and_counted_by_line() {
    let mapped = ClientAddr::new(ip("::ffff:192.0.2.1"));
    assert_eq!(mapped, ClientAddr::new(ip("192.0.2.1")));
    assert_eq!(PeerAddr(SocketAddr::new(ip("::ffff:192.0.2.1"), 1)).ip(), ip("192.0.2.1"));
    let line = |text: &str| ClientAddr::new(ip(text)).prefix();
    assert_eq!(line("2001:db8::1"), line("2001:db8::ffff:ffff:ffff:ffff"));
    assert_ne!(line("2001:db8::1"), line("2001:db8:0:1::1"));
    assert_ne!(line("192.0.2.1"), line("192.0.2.2"));
    assert_eq!((line("192.0.2.1").to_string(), line("2001:db8::1").to_string()), ("192.0.2.1/32".into(), "2001:db8::/64".into()));
}

proptest! {
    #[test]
    fn gate_05_an_ipv4_network_holds_exactly_its_range(bits: u32, length in 0..=32u8, probe: u32) {
        let mask = if length == 0 { 0 } else { u32::MAX << (32 - length) };
        let text = format!("{}/{length}", Ipv4Addr::from_bits(bits & mask));
        let network = cidr(&text).expect("a network");
        let address = Ipv4Addr::from_bits(probe);
        prop_assert_eq!(network.contains(IpAddr::V4(address)), probe & mask == bits & mask);
        prop_assert_eq!(network.contains(IpAddr::V6(address.to_ipv6_mapped())), probe & mask == bits & mask);
        prop_assert_eq!(network.to_string(), text);
    }

    #[test]
    fn an_ipv6_network_holds_exactly_its_range(bits: u128, length in 0..=128u8, probe: u128) {
        let mask = if length == 0 { 0 } else { u128::MAX << (128 - length) };
        let start = Ipv6Addr::from_bits(bits & mask);
        prop_assume!(start.to_ipv4_mapped().is_none() && Ipv6Addr::from_bits(probe).to_ipv4_mapped().is_none());
        let network = cidr(&format!("{start}/{length}")).expect("a network");
        prop_assert_eq!(network.contains(IpAddr::V6(Ipv6Addr::from_bits(probe))), probe & mask == bits & mask);
    }

    #[test]
    fn no_text_is_a_crash_and_what_parses_prints_as_itself(text in "[0-9a-fx:./%]{0,24}|\\PC{0,12}") {
        if let Ok(network) = cidr(&text) {
            prop_assert_eq!(cidr(&network.to_string()), Ok(network));
        }
    }
}
