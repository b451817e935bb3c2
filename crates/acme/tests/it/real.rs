//! Against Pebble, which checks signatures, nonces and answers as Let's Encrypt does.

use std::sync::Arc;
use std::time::Duration;

use doorward_acme::directory::Loopback;
use doorward_acme::{AcmeEvent, Challenge, Directory, Issuer, TrustFault, trust};
use doorward_kit::{Clock as _, Host, SystemClock};
use doorward_testkit::real::{PEBBLE_ISSUER, Pebble, PebbleOptions};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{CountingDial, MemoryVault, Record, assemble};

fn directory(pebble: &Pebble) -> Directory {
    let own = Loopback {
        api_root_pem: pebble.api_root_pem(),
        issuing_root_pem: pebble.issuing_root_pem(),
        issuer_prefix: PEBBLE_ISSUER.to_owned(),
    };
    Directory::loopback(&pebble.directory(), &own).unwrap()
}

fn names() -> Vec<Host> {
    ["app.test", "www.app.test"].iter().map(|name| name.parse().unwrap()).collect()
}

fn issuer(pebble: &Pebble, vault: &Arc<MemoryVault>, record: &Arc<Record>) -> Issuer {
    let dial = Arc::new(CountingDial { to: None, dialled: std::sync::Mutex::default() });
    assemble(directory(pebble), names(), Arc::clone(vault), Arc::clone(record), Arc::new(SystemClock), dial)
}

/// Answers http-01 from the record.
async fn answer_http(record: Arc<Record>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = socket.read(&mut head).await.unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let found = |challenge: &&Challenge| head.contains(&format!("/.well-known/acme-challenge/{} ", challenge.token));
            let body = record.open.lock().unwrap().iter().find(found).map(|challenge| challenge.key_authorization.clone());
            let (status, body) = body.map_or(("404", String::new()), |body| ("200", body));
            let length = body.len();
            let out = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            let _ = socket.write_all(out.as_bytes()).await;
        }
    });
    port
}

/// Answers tls-alpn-01 from the record.
#[derive(Debug)]
struct Proofs(Arc<Record>);

impl ResolvesServerCert for Proofs {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let open = self.0.open.lock().unwrap();
        let challenge = open.iter().find(|challenge| Some(challenge.host.as_str()) == hello.server_name())?;
        let mut params = CertificateParams::new(vec![challenge.host.as_str().to_owned()]).ok()?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(&challenge.digest)];
        let key = KeyPair::generate().ok()?;
        let own = params.self_signed(&key).ok()?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).ok()?;
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).ok()?;
        Some(Arc::new(CertifiedKey::new(vec![own.der().clone()], key)))
    }
}

async fn answer_tls(record: Arc<Record>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_cert_resolver(Arc::new(Proofs(record)));
    config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move { acceptor.accept(socket).await.is_ok() });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_authority_issues_by_http_01_though_it_rejects_every_second_nonce() {
    let (vault, record) = (Arc::<MemoryVault>::default(), Arc::<Record>::default());
    let http_port = answer_http(Arc::clone(&record)).await;
    let mut pebble = Pebble::start_with(PebbleOptions { http_port, nonce_reject: 50, ..PebbleOptions::default() });
    issuer(&pebble, &vault, &record).turn().await;
    assert_eq!(record.installed(), 1, "{:?}\n{}", record.reasons(), pebble.log());
    let stored = vault.certificate.lock().unwrap().clone().unwrap();
    let chain = trust::read_chain(&stored.chain_pem).unwrap();
    assert_eq!(trust::judge(&chain, &directory(&pebble), SystemClock.now()), Ok(()));
    assert_eq!(trust::covers(&stored.chain_pem, &names()), Ok(()));
    // What Pebble issues is no staging certificate, and the real directory's judge says so.
    assert_eq!(trust::judge(&chain, &Directory::staging().unwrap(), SystemClock.now()), Err(TrustFault::Issuer));
    assert!(record.open.lock().unwrap().is_empty() && vault.challenges.lock().unwrap().is_empty());

    // A node that starts again serves it without asking anybody.
    let again = Arc::<Record>::default();
    issuer(&pebble, &vault, &again).turn().await;
    assert_eq!((again.installed(), again.orders()), (1, 0));

    // The authority forgets everything, its roots included: the stored chain is refused and a new account made.
    let old = vault.account.lock().unwrap().clone().unwrap();
    pebble.start_again();
    issuer(&pebble, &vault, &record).turn().await;
    assert_eq!(record.installed(), 2, "{:?}\n{}", record.reasons(), pebble.log());
    assert_eq!(record.count(|event| *event == AcmeEvent::Distrusted { reason: "chain" }), 1);
    assert_ne!(vault.account.lock().unwrap().clone().unwrap().credentials_json.expose(), old.credentials_json.expose());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_authority_issues_by_tls_alpn_01_when_it_finds_nothing_at_the_http_port() {
    let (vault, record) = (Arc::<MemoryVault>::default(), Arc::<Record>::default());
    let tls_port = answer_tls(Arc::clone(&record)).await;
    let pebble = Pebble::start_with(PebbleOptions { tls_port, ..PebbleOptions::default() });
    issuer(&pebble, &vault, &record).turn().await;
    assert_eq!(record.installed(), 1, "{:?}\n{}", record.reasons(), pebble.log());
    assert_eq!(record.orders(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_authority_that_finds_no_answer_leaves_everything_as_it_was() {
    let (vault, record) = (Arc::<MemoryVault>::default(), Arc::<Record>::default());
    let pebble = Pebble::start_with(PebbleOptions::default());
    let mut issuer = issuer(&pebble, &vault, &record);
    let next = issuer.turn().await;
    assert_eq!((record.installed(), record.orders()), (0, 2));
    assert_eq!(record.reasons(), ["validation"], "{}", pebble.log());
    assert!(next > SystemClock.now().checked_add(Duration::from_secs(50)).unwrap());
    assert!(record.open.lock().unwrap().is_empty() && vault.challenges.lock().unwrap().is_empty());
    issuer.turn().await;
    assert_eq!(record.orders(), 2, "not before the pause is over");
}
