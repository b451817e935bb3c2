//! What a certification authority asks, and what everybody else gets who asks the same.

use std::sync::Arc;

use doorward_edge::Challenges;
use doorward_edge::tls::{Identity, proof};
use doorward_kit::{Clock as _, Host, SystemClock, SystemEntropy};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::{Client, GATED, House, SITE, get};

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA";
const GATED_TOKEN: &str = "for-the-gate";
const DIGEST: [u8; 32] = [0xa7; 32];
const PREFIX: &str = "/.well-known/acme-challenge/";

/// One open challenge for the site, one for the gate; only the site's name is proved in handshakes.
#[derive(Debug)]
struct Open(Identity);

impl Challenges for Open {
    fn http_01(&self, host: &Host, token: &str) -> Option<String> {
        let open = [(SITE, TOKEN), (GATED, GATED_TOKEN)];
        open.contains(&(host.as_str(), token)).then(|| format!("{token}.thumbprint"))
    }

    fn tls_alpn_01(&self, name: &str) -> Option<Identity> {
        (name == SITE).then(|| self.0.clone())
    }
}

async fn house() -> House {
    let site: Host = SITE.parse().expect("a host");
    let proof = proof(&site, &DIGEST, SystemClock.now(), &SystemEntropy).expect("a proof");
    House::builder().challenges(Open(proof)).start().await
}

#[tokio::test]
async fn tls_11_a_pending_token_is_answered_on_its_exact_path_and_nothing_else_is() {
    let house = house().await;
    let port = format!("{SITE}:5002");
    let pending = [(SITE, TOKEN), (port.as_str(), TOKEN), ("APP.example.test.", TOKEN), (GATED, GATED_TOKEN)];
    for (host, token) in pending {
        for is_plain in [true, false] {
            for method in ["GET", "HEAD"] {
                let request = format!("{method} {PREFIX}{token} HTTP/1.1\r\nhost: {host}\r\n\r\n");
                let reply = if is_plain { Client::plain(house.http).await.ask(request).await } else { house.ask(request).await };
                let what = format!("{method} {host} {token} plain={is_plain}");
                assert_eq!((reply.status, reply.header("location")), (200, None), "{what}");
                assert_eq!(reply.header("content-type"), Some("application/octet-stream"), "{what}");
                assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{what}");
                assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
                assert_eq!(reply.body, if method == "GET" { format!("{token}.thumbprint") } else { String::new() }, "{what}");
            }
        }
    }
    let shy = TOKEN.to_ascii_lowercase();
    let long = "x".repeat(5000);
    let escaped = format!("%65{}", &TOKEN[1..]);
    let strangers = [
        ("GET", SITE, "unknown".to_owned()),
        ("GET", SITE, String::new()),
        ("GET", SITE, "../x".to_owned()),
        ("GET", SITE, format!("../acme-challenge/{TOKEN}")),
        ("GET", SITE, format!("./{TOKEN}")),
        ("GET", SITE, format!("/{TOKEN}")),
        ("GET", SITE, format!("{TOKEN}/")),
        ("GET", SITE, format!("{TOKEN}/x")),
        ("GET", SITE, format!("a/{TOKEN}")),
        ("GET", SITE, format!("{TOKEN}?x")),
        ("GET", SITE, format!("{TOKEN}?")),
        ("GET", SITE, format!("{TOKEN}.thumbprint")),
        ("GET", SITE, escaped),
        ("GET", SITE, format!("%2e%2e/{TOKEN}")),
        ("GET", SITE, shy),
        ("GET", SITE, long),
        ("GET", SITE, GATED_TOKEN.to_owned()),
        ("GET", GATED, TOKEN.to_owned()),
        ("POST", SITE, TOKEN.to_owned()),
        ("DELETE", SITE, TOKEN.to_owned()),
        ("OPTIONS", SITE, TOKEN.to_owned()),
    ];
    for (method, host, token) in &strangers {
        let request = format!("{method} {PREFIX}{token} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n\r\n");
        for is_plain in [true, false] {
            let request = request.as_str();
            let reply = if is_plain { Client::plain(house.http).await.ask(request).await } else { house.ask(request).await };
            assert_eq!((reply.status, reply.header("location")), (404, None), "{method} {host} {token} plain={is_plain}");
            assert!(!reply.body.contains("thumbprint"));
        }
    }
    let evil = Client::plain(house.http).await.ask(get("evil.example", &format!("{PREFIX}{TOKEN}"))).await;
    assert_eq!(evil.status, 421);
    assert!(house.web.requests().is_empty() && house.gated.requests().is_empty() && house.app.lock().expect("lock").is_empty());
}

async fn shake(
    house: &House,
    name: &str,
    alpn: &[&str],
    version: &'static SupportedProtocolVersion,
) -> Option<TlsStream<TcpStream>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(house.https).await.expect("connect");
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
}

fn leaf(stream: &TlsStream<TcpStream>) -> &[u8] {
    stream.get_ref().1.peer_certificates().and_then(<[_]>::first).expect("a certificate")
}

/// The critical extension `acmeIdentifier` with an octet string of 32 octets in it (RFC 8737 §3).
fn proves(leaf: &[u8]) -> bool {
    let head = [0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f, 0x01, 0x01, 0xff, 0x04, 0x22, 0x04, 0x20];
    let extension = [&head[..], &DIGEST].concat();
    leaf.windows(extension.len()).any(|window| window == extension)
}

#[tokio::test]
async fn tls_12_a_proof_is_shown_to_who_offers_nothing_else_and_the_connection_ends_with_it() {
    let house = house().await;
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let mut proved = shake(&house, SITE, &["acme-tls/1"], version).await.expect("a handshake");
        assert_eq!(proved.get_ref().1.alpn_protocol(), Some(&b"acme-tls/1"[..]));
        assert!(proves(leaf(&proved)) && leaf(&proved) != house.certificate);
        // Whatever is said now, nobody answers.
        let _ = proved.write_all(get(SITE, "/x").as_bytes()).await;
        let mut answer = Vec::new();
        let _ = proved.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
        // Another name with nothing to prove, a stranger, and no name at all get no handshake.
        for name in [GATED, "evil.example", "127.0.0.1"] {
            assert!(shake(&house, name, &["acme-tls/1"], version).await.is_none(), "{name}");
        }
        // Offered beside another protocol it is no question of an authority: the other one is spoken, with the usual certificate.
        for (alpn, agreed) in [
            (&["acme-tls/1", "h2"][..], Some("h2")),
            (&["h2", "acme-tls/1"], Some("h2")),
            (&["acme-tls/1", "http/1.1"], Some("http/1.1")),
            (&["http/1.1"], Some("http/1.1")),
            (&[], None),
        ] {
            let usual = shake(&house, SITE, alpn, version).await.expect("a handshake");
            assert_eq!(usual.get_ref().1.alpn_protocol(), agreed.map(str::as_bytes), "{alpn:?}");
            assert_eq!(leaf(&usual), house.certificate, "{alpn:?}");
        }
        for odd in [["acme-tls/1", "acme-tls/1"], ["acme-tls/1", "spdy/1"], ["spdy/1", "acme-tls/1"]] {
            assert!(shake(&house, SITE, &odd, version).await.is_none(), "{odd:?}");
        }
    }
    assert!(house.web.requests().is_empty() && house.app.lock().expect("lock").is_empty());
}

/// Trusts everybody: no client of the web takes a certificate with this extension.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    // The library reads the certificate for its key and stumbles over the extension; that the key is there a real authority has seen.
    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
