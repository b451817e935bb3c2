//! Who may vouch for a relay: the authorities of the configured file and no others, or those of the system.

use std::path::Path;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

use super::relay::RelayError;

/// TLS to a host, certificate and name verified.
pub(super) fn verified(host: &str, ca_file: Option<&Path>) -> Result<TlsParameters, RelayError> {
    let roots = ca_file.map_or_else(roots_of_system, roots_of_file)?;
    let mut tls = TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::None);
    for root in roots {
        tls = tls.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(RelayError::Tls)?);
    }
    tls.build().map_err(RelayError::Tls)
}

fn roots_of_file(path: &Path) -> Result<Vec<CertificateDer<'static>>, RelayError> {
    let read = rustls_native_certs::load_certs_from_paths(Some(path), None);
    if read.certs.is_empty() || !read.errors.is_empty() || !read.certs.iter().all(is_root) {
        return Err(RelayError::CaFile(path.to_owned()));
    }
    Ok(read.certs)
}

/// A few certificates that cannot be read do not matter among many.
fn roots_of_system() -> Result<Vec<CertificateDer<'static>>, RelayError> {
    let roots: Vec<_> = rustls_native_certs::load_native_certs().certs.into_iter().filter(is_root).collect();
    if roots.is_empty() { Err(RelayError::NoSystemAuthorities) } else { Ok(roots) }
}

fn is_root(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}
