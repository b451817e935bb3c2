//! Trust anchors from a PEM file.

use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Why trust anchors were refused.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file is not there, or not PEM.
    #[error("cannot read certificates from {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// A certificate is not one.
    #[error("{} holds a certificate that cannot be a trust anchor: {source}", path.display())]
    Anchor {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// PEM without certificates.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads one or more certificates and makes sure that each can be a trust anchor.
///
/// # Errors
/// [`TrustError`].
pub fn read_roots(path: &Path) -> Result<Vec<CertificateDer<'static>>, TrustError> {
    let failed = |source| TrustError::Read { path: path.to_owned(), source };
    let roots: Vec<_> = CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if roots.is_empty() {
        return Err(TrustError::Empty { path: path.to_owned() });
    }
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(|source| TrustError::Anchor { path: path.to_owned(), source })?;
    }
    Ok(roots)
}
