//! What a header of the PROXY protocol says, version 1 or 2, octet by octet (HAProxy's `proxy-protocol.txt`, sections 2.1 and 2.2).
//!
//! Comes in: the octets of one header, found by [`super`]. Goes out: who connected, or that it is no header. Nothing is guessed and
//! nothing is repaired. Must never know: sockets, who may speak it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What every header of version 2 begins with.
pub(super) const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// What every header of version 1 begins with.
pub(super) const WORD: &[u8; 6] = b"PROXY ";
/// Longest header of version 1, line end included.
pub(super) const LINE_MAX: usize = 107;
/// Octets of version 2 before the addresses.
pub(super) const FIXED: usize = 16;
/// Longest header of version 2 that is read, extensions included; proxies send well under half of it.
pub(super) const BLOCK_MAX: usize = 536;

/// Who connected, as the proxy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// This client.
    Client(SocketAddr),
    /// The proxy itself, or somebody it has no address of: the socket's other end counts.
    Itself,
}

/// Not a header, or one that says nothing that could be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::listen) enum HeaderFault {
    /// The octets are none of either version.
    #[error("no header of the PROXY protocol")]
    Syntax,
    /// Longer than a header may be.
    #[error("the header is too long")]
    TooLong,
    /// Datagrams or sockets of a file system: no client of the web comes so.
    #[error("the header names no TCP connection")]
    NotTcp,
    /// An address or port that nobody connects from.
    #[error("the header's address is not one of a client")]
    Nobody,
}

/// One line of version 1, line end included.
pub(super) fn line(octets: &[u8]) -> Result<Told, HeaderFault> {
    if octets.len() > LINE_MAX {
        return Err(HeaderFault::TooLong);
    }
    let text = octets.strip_prefix(WORD).and_then(|rest| rest.strip_suffix(b"\r\n")).ok_or(HeaderFault::Syntax)?;
    // A bare line end inside would be a second line to somebody.
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|octet| (0x20..0x7f).contains(&octet)));
    let text = text.ok_or(HeaderFault::Syntax)?;
    let mut words = text.split(' ');
    match words.next() {
        // Whatever follows is to be ignored.
        Some("UNKNOWN") => Ok(Told::Itself),
        Some("TCP4") => four_words(words, is_v4),
        Some("TCP6") => four_words(words, is_v6),
        _ => Err(HeaderFault::Syntax),
    }
}

/// Both addresses and both ports, each once and of the family that was announced.
fn four_words<'a>(mut words: impl Iterator<Item = &'a str>, is_of_family: fn(IpAddr) -> bool) -> Result<Told, HeaderFault> {
    let mut word = || words.next().ok_or(HeaderFault::Syntax);
    let (source, destination, source_port, destination_port) = (word()?, word()?, word()?, word()?);
    if words.next().is_some() {
        return Err(HeaderFault::Syntax);
    }
    let address = |text: &str| text.parse::<IpAddr>().ok().filter(|ip| is_of_family(*ip)).ok_or(HeaderFault::Syntax);
    let (source, _) = (address(source)?, address(destination)?);
    let (source_port, _) = (port(source_port)?, port(destination_port)?);
    client(source, source_port)
}

fn is_v4(address: IpAddr) -> bool {
    address.is_ipv4()
}

fn is_v6(address: IpAddr) -> bool {
    address.is_ipv6()
}

/// Digits alone, no leading zero, as the specification asks.
fn port(text: &str) -> Result<u16, HeaderFault> {
    let plain = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().ok()).flatten().ok_or(HeaderFault::Syntax)
}

/// How many octets follow the first sixteen of version 2.
pub(super) fn rest_of_block(fixed: &[u8; FIXED]) -> Result<usize, HeaderFault> {
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if FIXED + length > BLOCK_MAX { Err(HeaderFault::TooLong) } else { Ok(length) }
}

/// A block of version 2. Extensions after the addresses are not read: nothing in them says who connected.
pub(super) fn block(fixed: &[u8; FIXED], rest: &[u8]) -> Result<Told, HeaderFault> {
    if &fixed[..12] != SIGNATURE || fixed[12] >> 4 != 2 {
        return Err(HeaderFault::Syntax);
    }
    match fixed[12] & 0x0f {
        // LOCAL: the proxy's own, such as a look whether we live; its addresses mean nothing.
        0 => return Ok(Told::Itself),
        1 => {}
        _ => return Err(HeaderFault::Syntax),
    }
    match fixed[13] {
        0x00 => Ok(Told::Itself),
        0x11 => {
            let [a, b, c, d, _, _, _, _, high, low, _, _] = *rest.first_chunk().ok_or(HeaderFault::Syntax)?;
            client(Ipv4Addr::new(a, b, c, d).into(), u16::from_be_bytes([high, low]))
        }
        0x21 => {
            let addresses: &[u8; 36] = rest.first_chunk().ok_or(HeaderFault::Syntax)?;
            let source: [u8; 16] = *addresses.first_chunk().ok_or(HeaderFault::Syntax)?;
            client(Ipv6Addr::from(source).into(), u16::from_be_bytes([addresses[32], addresses[33]]))
        }
        0x12 | 0x22 | 0x31 | 0x32 => Err(HeaderFault::NotTcp),
        _ => Err(HeaderFault::Syntax),
    }
}

/// Nobody connects from no address, from all of them, or from several.
fn client(address: IpAddr, port: u16) -> Result<Told, HeaderFault> {
    let plain = address.to_canonical();
    let is_nobody = plain.is_unspecified() || plain.is_multicast() || matches!(plain, IpAddr::V4(v4) if v4.is_broadcast());
    if is_nobody { Err(HeaderFault::Nobody) } else { Ok(Told::Client(SocketAddr::new(address, port))) }
}
