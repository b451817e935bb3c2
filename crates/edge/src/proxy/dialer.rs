//! The only place that dials, and how what it reaches is told from anybody else (EXPO-06, EXPO-10).
//!
//! Comes in: one configured address and its speech. Goes out: a connected [`Link`]. Over TLS the certificate must be vouched for by the
//! configured authorities and bear the configured name; there is no way to do without.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use doorward_config::{ServerAddress, Servers, Speech, UpstreamTls};
use doorward_kit::{Host, sha256_hex};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::link::Link;
use crate::tls::{Identity, TlsError, provider};

/// Why TLS to an upstream cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not PEM, or nothing of use in it.
    #[error("{}: holds no certificate of an authority", .0.display())]
    Authorities(PathBuf),
    /// The machine trusts nobody.
    #[error("this system has no list of authorities: set ca_file")]
    NoSystemAuthorities,
    /// The client certificate or its key.
    #[error(transparent)]
    Client(#[from] TlsError),
}

/// What TLS to the servers of an upstream is made with.
#[derive(Clone)]
pub(super) struct Connector {
    tls: TlsConnector,
    /// Equal when made from equal files: then connections are as good as new.
    mark: String,
}

impl Connector {
    /// Reads the files. Blocks.
    pub(super) fn load(tls: &UpstreamTls) -> Result<Self, ConnectorError> {
        let mut read = Vec::new();
        let roots = match &tls.ca_file {
            Some(path) => {
                let pem = contents(path)?;
                let roots = roots_of_file(path, &pem)?;
                read.extend(pem);
                roots
            }
            None => roots_of_system()?,
        };
        let client = tls.client.as_ref().map(|pair| Identity::from_files(&pair.certificate, &pair.key)).transpose()?;
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsError::Provider)?
            .with_root_certificates(roots);
        let mut config = match &client {
            Some(identity) => {
                read.extend_from_slice(identity.leaf_der());
                config.with_client_cert_resolver(identity.for_client())
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), mark: sha256_hex(&read) })
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, ConnectorError> {
    std::fs::read(path).map_err(|source| ConnectorError::Read { path: path.to_owned(), source })
}

/// All of them must be authorities: a file with one that cannot be read is not the file that was meant.
fn roots_of_file(path: &Path, pem: &[u8]) -> Result<RootCertStore, ConnectorError> {
    let wrong = || ConnectorError::Authorities(path.to_owned());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
    }
    if roots.is_empty() { Err(wrong()) } else { Ok(roots) }
}

/// A few certificates that cannot be read do not matter among many.
fn roots_of_system() -> Result<RootCertStore, ConnectorError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(ConnectorError::NoSystemAuthorities) } else { Ok(roots) }
}

/// One address and how it is reached.
pub(super) struct Dialer {
    host: Host,
    port: u16,
    manner: Manner,
}

enum Manner {
    Plain,
    Tls(Connector, ServerName<'static>),
    /// The files of TLS were not there when they were read.
    Impossible,
}

impl Dialer {
    /// For one address of `servers`.
    pub(super) fn new(address: &ServerAddress, servers: &Servers, connector: Option<&Connector>) -> Self {
        let manner = match (&servers.speech, connector) {
            (Speech::Http1 | Speech::Http2, _) => Manner::Plain,
            (Speech::Tls(_), Some(connector)) => {
                server_name(&address.host).map_or(Manner::Impossible, |name| Manner::Tls(connector.clone(), name))
            }
            (Speech::Tls(_), None) => Manner::Impossible,
        };
        Self { host: address.host.clone(), port: address.port, manner }
    }

    /// Whether a connection made by one could have been made by the other.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let alike = match (&self.manner, &other.manner) {
            (Manner::Plain, Manner::Plain) => true,
            (Manner::Tls(one, _), Manner::Tls(two, _)) => one.mark == two.mark,
            _ => false,
        };
        alike && self.port == other.port && self.host == other.host
    }

    /// Connects, name lookup and handshake included. Whoever calls sets the time.
    pub(super) async fn dial(&self) -> io::Result<Link> {
        let stream = match self.host.ip() {
            Some(address) => TcpStream::connect(SocketAddr::new(address, self.port)).await?,
            None => TcpStream::connect((self.host.as_str().to_owned(), self.port)).await?,
        };
        stream.set_nodelay(true)?;
        match &self.manner {
            Manner::Plain => Ok(Link::Plain(stream)),
            Manner::Tls(connector, name) => Ok(Link::Tls(Box::new(connector.tls.connect(name.clone(), stream).await?))),
            Manner::Impossible => Err(io::Error::other("TLS to this upstream was not set up")),
        }
    }
}

fn server_name(host: &Host) -> Option<ServerName<'static>> {
    match host.ip() {
        Some(address) => Some(ServerName::IpAddress(address.into())),
        None => ServerName::try_from(host.as_str().to_owned()).ok(),
    }
}
