//! Who is calling: the peer, or what the trusted hops in front of us say (PROXY-01).

use std::net::IpAddr;

use doorward_kit::{Cidr, ClientAddr, PeerAddr};
use http::HeaderMap;

/// Longest chain that is walked; each hop is one of our own proxies, so a few are plenty.
const HOPS_MAX: usize = 32;

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// One step of the walk, for whoever wants to see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    /// The peer, and whether it is believed about others.
    Peer(IpAddr, bool),
    /// What the hop before says who called it, and whether that one is believed in its turn.
    Named(IpAddr, bool),
    /// What the hop before says is no plain address: the hop itself is the caller.
    Unreadable,
    /// More hops than are walked: the last one that was named is the caller.
    TooMany,
}

/// Starts at the peer and walks `X-Forwarded-For` from right to left, for as long as the hop that speaks is trusted.
///
/// The first hop that is not trusted is the caller. An entry that is not a plain address ends the walk at the hop that wrote it
/// (PROXY-04): what cannot be read is never skipped.
pub(crate) fn derive(peer: PeerAddr, headers: &HeaderMap, trusted: &[Cidr]) -> ClientAddr {
    walk(peer, headers, trusted, |_| ())
}

/// As every request is judged, and `saw` is told of each step.
pub fn walk(peer: PeerAddr, headers: &HeaderMap, trusted: &[Cidr], mut saw: impl FnMut(Hop)) -> ClientAddr {
    let mut caller = peer.ip();
    let is_believed = is_trusted(caller, trusted);
    saw(Hop::Peer(caller, is_believed));
    if !is_believed {
        return ClientAddr::new(caller);
    }
    // Several lines are one list in the order of the lines (RFC 9110 §5.3).
    let lines = headers.get_all(X_FORWARDED_FOR).into_iter();
    let lines: Vec<&[u8]> = lines.map(http::HeaderValue::as_bytes).collect();
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(|octet| *octet == b','));
    for (index, entry) in entries.enumerate() {
        if index == HOPS_MAX {
            saw(Hop::TooMany);
            break;
        }
        let Some(hop) = parse(entry) else {
            saw(Hop::Unreadable);
            break;
        };
        caller = hop;
        let is_believed = is_trusted(caller, trusted);
        saw(Hop::Named(caller, is_believed));
        if !is_believed {
            break;
        }
    }
    ClientAddr::new(caller)
}

/// Whether an address may say who it speaks for.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Cidr]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// An address and nothing else: no port, no brackets, no zone, no name, no `unknown`, no obfuscated id (PROXY-04).
fn parse(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?.trim_matches([' ', '\t']);
    let address: IpAddr = text.parse().ok()?;
    Some(address.to_canonical())
}
