//! Host names as they are compared: one spelling each (GATE-07).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A host in canonical form: lower-case A-labels without a trailing dot, or an IP literal as `IpAddr` prints it.
///
/// ```
/// use doorward_kit::Host;
/// let host: Host = "ADM.Example.COM.".parse()?;
/// assert_eq!(host.as_str(), "adm.example.com");
/// # Ok::<(), doorward_kit::net::HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(Box<str>);

/// Why a host was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a host name or IP literal")]
pub struct HostError;

impl Host {
    /// The canonical text; an IPv6 literal is without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when the host is an IP literal.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address: std::net::Ipv6Addr = inner.parse().map_err(|_| HostError)?;
            return Ok(Self(address.to_string().into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if is_plain_name(name) {
            return Ok(Self(name.to_ascii_lowercase().into()));
        }
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(Self(address.to_string().into()));
        }
        // Only a name that is not already plain ASCII pays for IDNA.
        let ascii = idna::domain_to_ascii_strict(name).map_err(|_| HostError)?;
        if is_plain_name(&ascii) { Ok(Self(ascii.into())) } else { Err(HostError) }
    }
}

/// Letters, digits and hyphens in labels of 1 to 63 octets, 253 in all (RFC 1123 §2.1); the last label is not a number in any
/// base, so that `10.1`, `127.0x1` or `0x7f000001`, which resolvers read as addresses, is never taken for a name.
fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 253
        && name.split('.').all(is_label)
        && name.rsplit('.').next().is_some_and(|last| !is_number(last))
        && !name.split('.').any(|label| {
            label.len() >= 4 && label.as_bytes()[..4].eq_ignore_ascii_case(b"xn--") && idna::domain_to_unicode(label).1.is_err()
        })
}

fn is_number(label: &str) -> bool {
    let bytes = label.as_bytes();
    let hexadecimal = bytes.len() >= 2 && bytes[..2].eq_ignore_ascii_case(b"0x") && bytes[2..].iter().all(u8::is_ascii_hexdigit);
    hexadecimal || !bytes.iter().any(u8::is_ascii_alphabetic)
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(&self.0) }
    }
}

/// A host with an optional port, as in `Host` and `:authority` (RFC 9110 §7.2). Userinfo is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The canonical host.
    pub host: Host,
    /// The port, when one was written.
    pub port: Option<u16>,
}

impl FromStr for Authority {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let (host, port) = match text.rfind(':') {
            Some(colon) if !text[colon..].contains(']') => (&text[..colon], Some(parse_port(&text[colon + 1..])?)),
            _ => (text, None),
        };
        // RFC 3986 §3.2.2: without brackets nobody can tell where an IPv6 address ends and the port begins.
        if host.contains(':') && !host.starts_with('[') {
            return Err(HostError);
        }
        Ok(Self { host: host.parse()?, port })
    }
}

fn parse_port(text: &str) -> Result<u16, HostError> {
    if text.is_empty() || text.len() > 5 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HostError);
    }
    text.parse().map_err(|_| HostError)
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => self.host.fmt(f),
        }
    }
}
