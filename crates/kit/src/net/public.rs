//! Which addresses belong to the public Internet; everything else may be a machine that trusts whoever can reach it (OAUTH-16).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public Internet by the registries of special purposes (RFC 6890, RFC 8190): not this machine, not
/// a private or local network, not what clouds answer metadata at, not a documentation, test, relay or multicast range.
///
/// ```
/// use doorward_kit::net::is_public;
/// let is = |text: &str| is_public(text.parse().expect("an address"));
/// assert!(is("1.1.1.1") && is("2606:4700:4700::1111"));
/// assert!(!is("169.254.169.254") && !is("::ffff:10.0.0.1") && !is("fd00:ec2::254"));
/// ```
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    match address.octets() {
        // This network, private, shared (RFC 6598), loopback, link-local.
        [0 | 10 | 127, ..] | [100, 64..=127, ..] | [169, 254, ..] | [172, 16..=31, ..] | [192, 168, ..] => false,
        // Protocol assignments, documentation, 6to4 relays, benchmarks.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [198, 51, 100, _] | [203, 0, 113, _] => false,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => false,
        _ => true,
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        // A translator's prefix (RFC 6052): the IPv4 address within is what is reached.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => is_public_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        // Protocol assignments with Teredo, documentation, 6to4: the last would tunnel to any IPv4 address.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Nothing but this eighth is given out for use on the Internet.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::is_public;

    const ELSEWHERE: &str = "0.0.0.0 10.0.0.1 127.0.0.1 127.255.255.254 100.64.0.1 100.127.255.255 169.254.169.254 172.16.0.1 \
        172.31.255.255 192.168.1.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 \
        240.0.0.1 255.255.255.255 :: ::1 ::ffff:127.0.0.1 ::127.0.0.1 ::ffff:169.254.169.254 64:ff9b::a00:1 64:ff9b::7f00:1 \
        64:ff9b:1::1 fe80::1 fec0::1 fc00::1 fd00:ec2::254 ff02::1 2001::1 2001:db8::1 2002:7f00:1:: 3fff::1 4000::1";
    const PUBLIC: &str = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 172.15.0.1 172.32.0.1 192.0.1.1 198.17.0.1 223.255.255.1 \
        ::ffff:8.8.8.8 64:ff9b::808:808 2606:4700::1 2a00:1450:4001::5 2001:4860:4860::8888 2001:200::1";

    #[test]
    fn only_what_is_on_the_internet_is_public() {
        let judge = |text: &str| is_public(text.parse().expect("an address"));
        for text in ELSEWHERE.split_whitespace() {
            assert!(!judge(text), "{text}");
        }
        for text in PUBLIC.split_whitespace() {
            assert!(judge(text), "{text}");
        }
    }
}
