//! What a client offers and whom it trusts.

use std::io;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, SupportedProtocolVersion};

/// Which protocols are offered by ALPN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// No extension at all.
    None,
    /// `http/1.1` only.
    Http1,
    /// `h2` only.
    H2,
}

/// Whose certificates are believed.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Everybody's: the test is not about trust.
    Anything,
    /// Only what this authority signed, for the name asked for.
    Authority(CertificateDer<'static>),
}

/// A way to say hello.
#[derive(Debug, Clone)]
pub struct Tls {
    sni: String,
    alpn: Alpn,
    trust: Trust,
    versions: Vec<&'static SupportedProtocolVersion>,
    /// Made once: who says hello ten thousand times says it the same way.
    config: OnceLock<Arc<ClientConfig>>,
}

impl Tls {
    /// TLS 1.2 and 1.3, HTTP/1.1, trusting anything.
    #[must_use]
    pub fn to(sni: &str) -> Self {
        Self {
            sni: sni.to_owned(),
            alpn: Alpn::Http1,
            trust: Trust::Anything,
            versions: rustls::ALL_VERSIONS.to_vec(),
            config: OnceLock::new(),
        }
    }

    /// With another ALPN offer.
    #[must_use]
    pub fn alpn(mut self, alpn: Alpn) -> Self {
        (self.alpn, self.config) = (alpn, OnceLock::new());
        self
    }

    /// With a certificate check.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        (self.trust, self.config) = (trust, OnceLock::new());
        self
    }

    /// With one protocol version only.
    #[must_use]
    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        (self.versions, self.config) = (vec![version], OnceLock::new());
        self
    }

    pub(crate) fn session(&self) -> io::Result<ClientConnection> {
        let name = ServerName::try_from(self.sni.clone()).map_err(io::Error::other)?;
        ClientConnection::new(self.config.get_or_init(|| Arc::new(self.config())).clone(), name).map_err(io::Error::other)
    }

    fn config(&self) -> ClientConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&self.versions).unwrap();
        let mut config = match &self.trust {
            Trust::Anything => {
                builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
            }
            Trust::Authority(root) => {
                let mut roots = RootCertStore::empty();
                roots.add(root.clone()).unwrap();
                builder.with_root_certificates(roots).with_no_client_auth()
            }
        };
        config.alpn_protocols = match self.alpn {
            Alpn::None => Vec::new(),
            Alpn::Http1 => vec![b"http/1.1".to_vec()],
            Alpn::H2 => vec![b"h2".to_vec()],
        };
        config.resumption = rustls::client::Resumption::disabled();
        config
    }
}

#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
