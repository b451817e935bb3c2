//! Who may vouch for a provider's host.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::setup::SetupError;

/// The authorities of that file alone, or the public ones that are built in: what the machine trusts besides is not asked.
pub(super) fn verified(ca_file: Option<&Path>) -> Result<ClientConfig, SetupError> {
    let roots = match ca_file {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(path) => roots_of_file(path)?,
    };
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    let mut tls = config.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tls)
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, SetupError> {
    let pem = std::fs::read(path).map_err(|source| SetupError::Unreadable { path: path.to_owned(), source })?;
    let no_authority = || SetupError::NoAuthority { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        roots.add(certificate.map_err(|_| no_authority())?).map_err(|_| no_authority())?;
    }
    if roots.is_empty() { Err(no_authority()) } else { Ok(roots) }
}
