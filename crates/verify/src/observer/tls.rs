//! TLS as an observer speaks it: every handshake is whole, so that every probe sees the certificate for itself.

use std::fmt;
use std::sync::Arc;

use doorward_kit::{Clock, Host};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ProtocolVersion, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Call, Connection, Fault, Transport, shown};

/// One client per protocol that is offered.
pub(super) struct Clients {
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Clients {
    pub(super) fn new(roots: &[CertificateDer<'static>], clock: &Arc<dyn Clock>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = verifier(roots, &provider)?;
        let client = |protocol: &[u8]| -> Result<TlsConnector, rustls::Error> {
            let mut config = ClientConfig::builder_with_details(provider.clone(), Arc::new(ClockTime(clock.clone())))
                .with_safe_default_protocol_versions()?
                .dangerous()
                .with_custom_certificate_verifier(verifier.clone())
                .with_no_client_auth();
            config.alpn_protocols = vec![protocol.to_vec()];
            // A resumed session shows no certificate.
            config.resumption = Resumption::disabled();
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Self { http1: client(b"http/1.1")?, http2: client(b"h2")? })
    }

    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        host: &Host,
        transport: Transport,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let name = ServerName::try_from(host.as_str().to_owned()).map_err(|_| Fault::Tls("the host is no server name".into()))?;
        let connector = if transport == Transport::Http2 { &self.http2 } else { &self.http1 };
        connector.connect(name, stream).await.map_err(|error| Fault::Tls(shown(&error.to_string())))
    }
}

/// What the handshake agreed on and who answered.
pub(super) fn describe(stream: &TlsStream<TcpStream>, call: &Call) -> Connection {
    let (_, session) = stream.get_ref();
    Connection {
        remote: call.to,
        // RFC 6066 §3: an address is not sent as a server name.
        sni: call.host.ip().is_none().then(|| call.host.as_str().to_owned()),
        tls: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => Some("1.3"),
            Some(ProtocolVersion::TLSv1_2) => Some("1.2"),
            _ => None,
        },
        alpn: session.alpn_protocol().map(|protocol| shown(&String::from_utf8_lossy(protocol))),
        leaf: session.peer_certificates().and_then(<[_]>::first).map(|leaf| leaf.clone().into_owned()),
    }
}

fn verifier(
    roots: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    if roots.is_empty() {
        return Ok(Arc::new(Recording(provider.clone())));
    }
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let built = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build();
    Ok(built.map_err(|error| rustls::Error::General(error.to_string()))?)
}

/// Takes any chain, since what is served is what is to be recorded; the peer must still own the key of its leaf.
#[derive(Debug)]
struct Recording(Arc<CryptoProvider>);

impl ServerCertVerifier for Recording {
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

/// Validity of certificates is judged on the clock that was given.
struct ClockTime(Arc<dyn Clock>);

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime(..)")
    }
}

impl rustls::time_provider::TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}
