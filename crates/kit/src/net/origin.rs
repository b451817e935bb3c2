//! The site's one origin (RFC 6454): links in mail, cookies and CSRF decisions use nothing else.

use std::fmt;
use std::str::FromStr;

use super::host::{Authority, Host};

/// `http` or `https`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain text; only for upstreams and for redirects.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// As written in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// 80 or 443.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port, with the default port left out.
///
/// ```
/// use doorward_kit::Origin;
/// let origin: Origin = "https://App.example.com:443".parse()?;
/// assert_eq!(origin.as_str(), "https://app.example.com");
/// assert!("https://user@app.example.com".parse::<Origin>().is_err());
/// # Ok::<(), doorward_kit::net::OriginError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: Host,
    port: u16,
    text: Box<str>,
}

/// Why an origin was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Something other than `https://` or `http://` in front.
    #[error("an origin starts with https://")]
    Scheme,
    /// Path, query, fragment, userinfo, or an illegal host or port.
    #[error("an origin is a scheme, a host and at most a port: no path, no user, no query")]
    Form,
}

impl Origin {
    /// Builds from parts.
    #[must_use]
    pub fn new(scheme: Scheme, host: Host, port: Option<u16>) -> Self {
        let port = port.unwrap_or(scheme.default_port());
        let shown = if port == scheme.default_port() { String::new() } else { format!(":{port}") };
        let text = format!("{}://{host}{shown}", scheme.as_str()).into();
        Self { scheme, host, port, text }
    }

    /// The canonical text, as a browser writes it in `Origin`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, the default one written out.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host` or `host:port`, as in a `Host` header.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.text[self.scheme.as_str().len() + 3..]
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (Scheme::Https, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (Scheme::Http, rest)
        } else {
            return Err(OriginError::Scheme);
        };
        let authority: Authority = rest.parse().map_err(|_| OriginError::Form)?;
        Ok(Self::new(scheme, authority.host, authority.port))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
