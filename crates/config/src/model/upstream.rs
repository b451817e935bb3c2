//! `[[upstream]]`: what stands behind the door, and how it is spoken to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use doorward_kit::Host;

use super::SecretSource;

/// `[[upstream]]`
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Unique; letters, digits, `-`, `_`.
    pub name: String,
    /// What stands there.
    pub target: UpstreamTarget,
    /// What the upstream knows the door by: every request carries it as `X-Doorward-Edge` (EXPO-10). Never for files.
    pub secret: Option<SecretSource>,
}

/// What an upstream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamTarget {
    /// `url` or `urls`: one server, or several that are each as good as the other. Shared, because every request compares it.
    Servers(Arc<Servers>),
    /// `root = "dist/"`: files, with single-page fallback to `index.html`.
    Files {
        /// The folder, absolute (relative ones are taken from the configuration file's folder).
        root: PathBuf,
    },
}

impl UpstreamTarget {
    /// One plain HTTP/1.1 server, with the defaults of everything else.
    #[must_use]
    pub fn server(host: Host, port: u16) -> Self {
        Self::Servers(Arc::new(Servers { addresses: vec![ServerAddress { host, port }], ..Servers::default() }))
    }
}

impl UpstreamTarget {
    fn tls(&self) -> Option<&UpstreamTls> {
        let Self::Servers(servers) = self else { return None };
        let Speech::Tls(tls) = &servers.speech else { return None };
        Some(tls)
    }

    /// What we show of ourselves there.
    #[must_use]
    pub fn client_certificate(&self) -> Option<&ClientCertificate> {
        self.tls()?.client.as_ref()
    }

    /// Every file that TLS there is made from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let client = self.client_certificate();
        let of_client = client.into_iter().flat_map(|pair| [pair.certificate.as_path(), pair.key.as_path()]);
        self.tls().and_then(|tls| tls.ca_file.as_deref()).into_iter().chain(of_client)
    }
}

/// Servers that one name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Servers {
    /// How all of them are spoken to.
    pub speech: Speech,
    /// Where they are: at least one, each once.
    pub addresses: Vec<ServerAddress>,
    /// Most connections in use at a time, for each address (for `h2c`: most requests).
    pub max_connections: u32,
    /// How long an exchange may make us wait for the upstream in all.
    pub time_limit: Duration,
    /// What is asked of each of them from time to time.
    pub health: Option<HealthCheck>,
}

impl Servers {
    /// Default of [`Self::max_connections`].
    pub const MAX_CONNECTIONS: u32 = 4096;
    /// Default of [`Self::time_limit`] (HTTP-16).
    pub const TIME_LIMIT: Duration = Duration::from_secs(30);

    /// The scheme as it is written before every address.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        match self.speech {
            Speech::Http1 => "http",
            Speech::Tls(_) => "https",
            Speech::Http2 => "h2c",
        }
    }

    /// Every address as it is written.
    pub fn urls(&self) -> impl Iterator<Item = String> + '_ {
        self.addresses.iter().map(|ServerAddress { host, port }| format!("{}://{host}:{port}", self.scheme()))
    }
}

impl Default for Servers {
    /// Nowhere, spoken to in plain HTTP/1.1.
    fn default() -> Self {
        Self {
            speech: Speech::Http1,
            addresses: Vec::new(),
            max_connections: Self::MAX_CONNECTIONS,
            time_limit: Self::TIME_LIMIT,
            health: None,
        }
    }
}

/// How servers are spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speech {
    /// `http://`: HTTP/1.1 in the clear.
    Http1,
    /// `https://`: HTTP/1.1 over TLS, certificate and name verified always.
    Tls(UpstreamTls),
    /// `h2c://`: HTTP/2 in the clear, from the first octet (RFC 9113 §3.3).
    Http2,
}

/// TLS to an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamTls {
    /// Authorities that alone may vouch for it; default the system's.
    pub ca_file: Option<PathBuf>,
    /// What we show of ourselves (EXPO-10).
    pub client: Option<ClientCertificate>,
}

/// PEM files of a client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Chain, leaf first.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// Where one server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// Name or address.
    pub host: Host,
    /// Port.
    pub port: u16,
}

/// What is asked of every address from time to time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path and query that answer with 2xx while the server is well.
    pub path: String,
    /// How often, give or take a tenth.
    pub every: Duration,
}
