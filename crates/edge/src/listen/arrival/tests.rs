use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::header::{BLOCK_MAX, FIXED, HeaderFault, SIGNATURE, Told};
use super::{ArrivalFault, Peek, read};

/// What a socket delivers, in pieces of a given size.
struct Pieces {
    octets: Vec<u8>,
    taken: usize,
    piece: usize,
}

impl Pieces {
    fn rest(&self) -> &[u8] {
        &self.octets[self.taken..]
    }
}

impl AsyncRead for Pieces {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let size = self.piece.min(self.rest().len()).min(buffer.remaining());
        buffer.put_slice(&self.rest()[..size]);
        self.taken += size;
        Poll::Ready(Ok(()))
    }
}

impl Peek for Pieces {
    async fn look(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.piece.min(self.rest().len()).min(buffer.len());
        buffer[..size].copy_from_slice(&self.rest()[..size]);
        Ok(size)
    }
}

/// Reads from the octets with something behind them; what was told, and what was left.
fn heard(octets: &[u8], piece: usize) -> (Result<Told, Option<HeaderFault>>, Vec<u8>) {
    let mut pieces = Pieces { octets: octets.to_vec(), taken: 0, piece };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let told = runtime.block_on(read(&mut pieces)).map_err(|fault| match fault {
        ArrivalFault::Header(fault) => Some(fault),
        ArrivalFault::Gone(_) => None,
    });
    let rest = pieces.rest().to_vec();
    (told, rest)
}

/// Of a header, with the start of a TLS record behind it.
fn told(header: &[u8]) -> Result<Told, Option<HeaderFault>> {
    const BEHIND: &[u8] = b"\x16\x03\x01\nrest";
    let whole = [header, BEHIND].concat();
    let (told, rest) = heard(&whole, usize::MAX);
    for piece in 1..=header.len().min(40) {
        assert_eq!(heard(&whole, piece), (told, rest.clone()), "in pieces of {piece}");
    }
    assert!(told.is_err() || rest == BEHIND, "{rest:?}");
    told
}

fn client(text: &str) -> Result<Told, Option<HeaderFault>> {
    Ok(Told::Client(text.parse().expect("an address")))
}

/// A header of version 2.
fn block(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).expect("short");
    [&SIGNATURE[..], &[0x20 | command, family], &length.to_be_bytes(), rest].concat()
}

const FOUR: [u8; 12] = [203, 0, 113, 9, 192, 0, 2, 1, 0x30, 0x39, 1, 0xbb];

#[test]
fn a_line_says_who_connected() {
    assert_eq!(told(b"PROXY TCP4 203.0.113.9 192.0.2.1 12345 443\r\n"), client("203.0.113.9:12345"));
    assert_eq!(told(b"PROXY TCP6 2001:db8::7 2001:db8::1 65535 0\r\n"), client("[2001:db8::7]:65535"));
    assert_eq!(told(b"PROXY TCP6 ::ffff:203.0.113.9 ::1 1 443\r\n"), client("[::ffff:203.0.113.9]:1"));
    let longest =
        b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    assert_eq!((longest.len(), told(longest)), (107, Ok(Told::Itself)));
    assert_eq!(told(b"PROXY UNKNOWN\r\n"), Ok(Told::Itself));
}

#[test]
fn a_line_that_is_not_exactly_one_says_nothing() {
    for line in [
        "PROXY TCP4 203.0.113.9 192.0.2.1 12345 443\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 12345 443 \r\n",
        "PROXY TCP4  203.0.113.9 192.0.2.1 12345 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 12345\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 12345 443 1\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 012345 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 +1 443\r\n",
        "PROXY TCP4 203.0.113.009 192.0.2.1 1 443\r\n",
        "PROXY TCP4 203.0.113.9 2001:db8::1 1 443\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n",
        "PROXY TCP6 203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY TCP6 2001:db8::7%eth0 2001:db8::1 1 443\r\n",
        "PROXY TCP6 [2001:db8::7] 2001:db8::1 1 443\r\n",
        "PROXY TCP4 localhost 192.0.2.1 1 443\r\n",
        "PROXY tcp4 203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY UDP4 203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY TCP4\t203.0.113.9 192.0.2.1 1 443\r\n",
        "PROXY TCP4 203.0.113.9 192.0.2.1 1 443\r\r\n",
        "PROXY TCP4 203.0.113.9\0 192.0.2.1 1 443\r\n",
        "PROXY UNKNOWN \u{7f}\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY  UNKNOWN\r\n",
        "proxy UNKNOWN\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\n",
    ] {
        assert_eq!(told(line.as_bytes()), Err(Some(HeaderFault::Syntax)), "{line:?}");
    }
    let endless = format!("PROXY UNKNOWN {}\r\n", "x".repeat(92));
    assert_eq!((endless.len(), told(endless.as_bytes())), (108, Err(Some(HeaderFault::TooLong))));
}

#[test]
fn a_block_says_who_connected_and_its_extensions_nothing() {
    assert_eq!(told(&block(1, 0x11, &FOUR)), client("203.0.113.9:12345"));
    let six: Vec<u8> = ["2001:db8::7", "2001:db8::1"]
        .iter()
        .flat_map(|text| text.parse::<std::net::Ipv6Addr>().expect("an address").octets())
        .chain([0, 80, 1, 0xbb])
        .collect();
    assert_eq!(told(&block(1, 0x21, &six)), client("[2001:db8::7]:80"));
    let extended = [&FOUR[..], &[0xea, 0, 4, 1, 2, 3, 4], &[0x20, 0xff, 0xff]].concat();
    assert_eq!(told(&block(1, 0x11, &extended)), client("203.0.113.9:12345"));
    assert_eq!(told(&block(0, 0x11, &FOUR)), Ok(Told::Itself), "LOCAL");
    assert_eq!(told(&block(0, 0, &[])), Ok(Told::Itself));
    assert_eq!(told(&block(1, 0, b"whatever")), Ok(Told::Itself), "an unspecified family");
    assert_eq!(told(&block(1, 0x11, &[&FOUR[..], &[0; BLOCK_MAX - FIXED - 12]].concat())), client("203.0.113.9:12345"));
}

#[test]
fn a_block_that_is_not_one_of_a_tcp_client_says_nothing() {
    for family in [0x12, 0x22, 0x31, 0x32] {
        assert_eq!(told(&block(1, family, &[0; 216])), Err(Some(HeaderFault::NotTcp)), "{family:#x}");
    }
    for (command, family, rest) in
        [(2, 0x11, &FOUR[..]), (1, 0x13, &FOUR), (1, 0x41, &FOUR), (1, 0x11, &FOUR[..11]), (1, 0x21, &FOUR)]
    {
        assert_eq!(told(&block(command, family, rest)), Err(Some(HeaderFault::Syntax)), "{command} {family:#x}");
    }
    let mut third = block(1, 0x11, &FOUR);
    third[12] = 0x31;
    assert_eq!(told(&third), Err(Some(HeaderFault::Syntax)), "another version");
    assert_eq!(told(&block(1, 0x11, &[0; BLOCK_MAX - FIXED + 1])), Err(Some(HeaderFault::TooLong)));
}

#[test]
fn nobody_connects_from_an_address_that_is_nobodys() {
    for address in ["0.0.0.0", "255.255.255.255", "224.0.0.1"] {
        let line = format!("PROXY TCP4 {address} 192.0.2.1 1 443\r\n");
        assert_eq!(told(line.as_bytes()), Err(Some(HeaderFault::Nobody)), "{address}");
    }
    for address in ["::", "ff02::1", "::ffff:0.0.0.0"] {
        let line = format!("PROXY TCP6 {address} ::1 1 443\r\n");
        assert_eq!(told(line.as_bytes()), Err(Some(HeaderFault::Nobody)), "{address}");
    }
}

#[test]
fn whoever_hangs_up_in_the_middle_is_nobody() {
    for header in [&b"PROXY TCP4 203.0.113.9 192.0.2.1 12345 443\r\n"[..], &block(1, 0x11, &FOUR)] {
        for length in 0..header.len() {
            assert_eq!(heard(&header[..length], usize::MAX).0, Err(None), "{length} octets");
        }
    }
}

proptest! {
    #[test]
    fn no_octets_panic_and_none_behind_a_header_are_taken(
        start in prop::sample::select(vec![&b""[..], b"PROXY ", b"PROXY TCP4 ", SIGNATURE, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"]),
        noise in prop::collection::vec(any::<u8>(), 0..700),
        piece in 1usize..200,
    ) {
        let whole = [start, &noise].concat();
        let (told, rest) = heard(&whole, piece);
        prop_assert!(whole.len() - rest.len() <= BLOCK_MAX, "{told:?}");
    }

    #[test]
    fn both_versions_say_the_same_address(address in any::<std::net::IpAddr>(), port in any::<u16>()) {
        let (word, family, there, octets) = match address {
            std::net::IpAddr::V4(v4) => ("TCP4", 0x11, "192.0.2.1", v4.octets().to_vec()),
            std::net::IpAddr::V6(v6) => ("TCP6", 0x21, "2001:db8::1", v6.octets().to_vec()),
        };
        let line = format!("PROXY {word} {address} {there} {port} 443\r\n");
        let rest = [&octets[..], &vec![9; octets.len()], &port.to_be_bytes(), &[1, 0xbb]].concat();
        let (first, second) = (told(line.as_bytes()), told(&block(1, family, &rest)));
        prop_assert_eq!(first, second);
        let nobody = Err(Some(HeaderFault::Nobody));
        prop_assert!(first == Ok(Told::Client(SocketAddr::new(address, port))) || first == nobody, "{:?}", first);
    }
}
