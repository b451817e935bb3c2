//! Addresses: the socket's end and the caller are different types, because mixing them up is how allowlists fall.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::IpNet;

/// The other end of a TCP connection, as the kernel says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub SocketAddr);

impl PeerAddr {
    /// The address with an IPv4-mapped IPv6 address written as IPv4 (GATE-05).
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.0.ip().to_canonical()
    }
}

/// The caller: the peer, or what the trusted hops before it say (PROXY-01). Always canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientAddr(IpAddr);

impl ClientAddr {
    /// Takes an address and folds IPv4-mapped IPv6 into IPv4.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        Self(address.to_canonical())
    }

    /// The canonical address.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.0
    }

    /// The network that the caller's line is part of; an IPv4 address is part of none that could be told from outside.
    #[must_use]
    pub fn network(&self) -> Option<Network> {
        let IpAddr::V6(address) = self.0 else { return None };
        let [a, b, c, ..] = address.segments();
        Some(Network([a, b, c]))
    }

    /// As it is shown to whom it belongs to: the first three octets of IPv4, the first 48 bits of IPv6, as a network. Enough to recognise
    /// a line, too little to find it.
    ///
    /// ```
    /// let client = doorward_kit::ClientAddr::new([198, 51, 100, 7].into());
    /// assert_eq!(client.masked(), "198.51.100.0/24");
    /// ```
    #[must_use]
    pub fn masked(&self) -> String {
        match self.0 {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(v6) => format!("{}/48", Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80))),
        }
    }

    /// The unit in which callers are counted.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        Prefix(match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        })
    }
}

impl fmt::Display for ClientAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An IPv6 /48: what a provider gives to one customer at most (RFC 6177), 65 536 lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network([u16; 3]);

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{}/48", Ipv6Addr::from([a, b, c, 0, 0, 0, 0, 0]))
    }
}

/// An IPv4 address or an IPv6 /64: one customer line, as far as counting goes (EDGE-RL-01, -02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(IpAddr);

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}/32"),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

/// A network in an allowlist, written strictly: no short or octal forms, no zone, no host bits set (GATE-05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cidr(IpNet);

/// Why a network was refused. Never repeats the text, which may be a placeholder someone forgot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// Not `address/length` or an address alone.
    #[error("not an IPv4 or IPv6 network such as 203.0.113.0/24 or 2001:db8::/48")]
    Syntax,
    /// Bits are set to the right of the prefix.
    #[error("address bits are set beyond the prefix length")]
    HostBits,
}

impl Cidr {
    /// Whether the address lies within; an IPv4-mapped address counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }

    /// Whether the network is the whole Internet of its family.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.0.prefix_len() == 0
    }

    /// Bits of the prefix: 0 to 32, or 0 to 128.
    #[must_use]
    pub fn prefix_len(&self) -> u8 {
        self.0.prefix_len()
    }

    /// The network's address.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        self.0.network()
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let net = match text.split_once('/') {
            // `IpNet` alone would take `+8` and `08` as a length.
            Some((_, length)) if !is_plain_decimal(length) => return Err(CidrError::Syntax),
            Some(_) => text.parse::<IpNet>().map_err(|_| CidrError::Syntax)?,
            None => IpNet::from(text.parse::<IpAddr>().map_err(|_| CidrError::Syntax)?),
        };
        let net = unmap(net).ok_or(CidrError::Syntax)?;
        if net.addr() != net.network() {
            return Err(CidrError::HostBits);
        }
        Ok(Self(net))
    }
}

fn is_plain_decimal(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'))
}

/// `::ffff:203.0.113.0/120` is `203.0.113.0/24`; a mapped network shorter than /96 means nothing and is refused.
fn unmap(net: IpNet) -> Option<IpNet> {
    match net.addr().to_canonical() {
        IpAddr::V4(v4) if net.addr().is_ipv6() => {
            let length = net.prefix_len().checked_sub(96)?;
            IpNet::new(IpAddr::V4(v4), length).ok()
        }
        _ => Some(net),
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
