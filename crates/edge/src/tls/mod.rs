//! TLS: which versions and suites, which certificate, and how it is exchanged while running.
//!
//! Comes in: certificates as PEM or a list of hosts to sign for, and proofs that an authority asks for. Goes out: a `rustls` configuration whose certificate is looked up
//! anew for every handshake. Must never know: requests, routes.

mod challenge;
mod identity;
mod self_signed;
mod store;

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

use crate::port::Challenges;

pub(crate) use challenge::answer as answer_challenge;
pub use challenge::{ACME_TLS, proof};
pub use identity::{Identity, TlsError};
pub use self_signed::{SelfSigned, self_signed};
pub use store::CertStore;

/// Protocols offered by ALPN, best first. The last is agreed on only with who offers nothing else.
pub const ALPN: [&[u8]; 3] = [b"h2", b"http/1.1", ACME_TLS];

/// Builds the server side of every TLS listener (TLS-15).
///
/// Versions 1.2 and 1.3; the provider's default suites are all AEAD with ephemeral key exchange. Early data stays off, since a
/// replayed POST would be a second POST; renegotiation and compression do not exist in `rustls`.
///
/// # Errors
/// [`TlsError::Provider`] when the cryptographic provider cannot do what it always can.
pub fn server_config(certificates: Arc<CertStore>, challenges: Arc<dyn Challenges>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Provider)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(challenge::Resolver { certificates, challenges }));
    config.alpn_protocols = ALPN.iter().map(|name| name.to_vec()).collect();
    config.max_early_data_size = 0;
    // Resumption without a table on our side; the key changes by itself every few hours.
    config.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Provider)?;
    Ok(config)
}

/// The one cryptographic provider, named explicitly: a process-wide default could be set by anybody.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}
