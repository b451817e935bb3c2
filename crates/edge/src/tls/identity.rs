//! A certificate chain with its key, checked to belong together.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::provider;

/// Why there is no certificate to serve. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no `BEGIN CERTIFICATE` section, or one is broken.
    #[error("{what}: no readable certificate; expected PEM sections BEGIN CERTIFICATE, leaf first")]
    Certificate {
        /// File or origin.
        what: String,
    },
    /// There is no private key section, or it is broken or encrypted.
    #[error("{what}: no readable private key; expected an unencrypted PEM section such as BEGIN PRIVATE KEY")]
    Key {
        /// File or origin.
        what: String,
    },
    /// Key and leaf certificate do not belong together, or the key's kind is not supported.
    #[error("certificate {certificate} and key {key} do not go together: {source}")]
    Mismatch {
        /// File or origin of the chain.
        certificate: String,
        /// File or origin of the key.
        key: String,
        /// What `rustls` says.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a self-signed certificate: {0}")]
    SelfSigned(#[source] rcgen::Error),
    /// The cryptographic provider failed.
    #[error("TLS cannot be set up: {0}")]
    Provider(#[source] rustls::Error),
}

/// What is shown in a handshake: a chain and the key of its leaf.
#[derive(Clone)]
pub struct Identity(pub(super) Arc<CertifiedKey>);

impl Identity {
    /// Reads PEM files: the chain leaf first, the key unencrypted.
    ///
    /// # Errors
    /// [`TlsError`] naming the file.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
        let (chain_pem, key_pem) = (read(certificate)?, zeroed(read(key)?));
        Self::parse(&chain_pem, &key_pem, &certificate.display().to_string(), &key.display().to_string())
    }

    /// Takes PEM text that is already in memory.
    ///
    /// # Errors
    /// [`TlsError`] as for files.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, TlsError> {
        Self::parse(certificate.as_bytes(), key.as_bytes(), "certificate", "key")
    }

    fn parse(chain_pem: &[u8], key_pem: &[u8], chain_from: &str, key_from: &str) -> Result<Self, TlsError> {
        let no_certificate = || TlsError::Certificate { what: chain_from.to_owned() };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain_pem).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
        if chain.is_empty() {
            return Err(no_certificate());
        }
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| TlsError::Key { what: key_from.to_owned() })?;
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|source| TlsError::Mismatch {
            certificate: chain_from.to_owned(),
            key: key_from.to_owned(),
            source,
        })?;
        Ok(Self(Arc::new(certified)))
    }

    /// To be shown as a client, whatever authorities the server names.
    pub(crate) fn for_client(&self) -> Arc<dyn rustls::client::ResolvesClientCert> {
        Arc::new(rustls::sign::SingleCertAndKey::from(self.0.clone()))
    }

    /// The leaf certificate in DER.
    #[must_use]
    pub fn leaf_der(&self) -> &[u8] {
        self.0.cert.first().map_or(&[], |leaf| leaf.as_ref())
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("chain_len", &self.0.cert.len()).finish_non_exhaustive()
    }
}

/// The file's text is wiped once the key has been read out of it.
fn zeroed(bytes: Vec<u8>) -> zeroize::Zeroizing<Vec<u8>> {
    zeroize::Zeroizing::new(bytes)
}
