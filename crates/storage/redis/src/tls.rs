//! TLS to the server: our one stack, and the authorities that the configuration names.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::settings::SetupError;

/// A stream of either kind.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Verifies a server by name and authority.
pub(crate) struct Verifier {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Verifier {
    pub(crate) fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, SetupError> {
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| SetupError::Name)?;
        let roots = ca_file.map_or_else(roots_of_system, roots_of_file)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)), name })
    }

    pub(crate) async fn connect(&self, stream: TcpStream) -> std::io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.connector.connect(self.name.clone(), stream).await?))
    }
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, SetupError> {
    let bad = || SetupError::CaFile(path.to_owned());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| bad())? {
        roots.add(certificate.map_err(|_| bad())?).map_err(|_| bad())?;
    }
    if roots.is_empty() { Err(bad()) } else { Ok(roots) }
}

/// A few certificates that cannot be read do not matter among many.
fn roots_of_system() -> Result<RootCertStore, SetupError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(SetupError::NoSystemAuthorities) } else { Ok(roots) }
}
