//! Handshakes.

use std::sync::Arc;

use doorward_edge::self_signed;
use doorward_kit::{Clock as _, Host, SystemClock, SystemEntropy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::client::tls_config;
use crate::support::frame::{FrameClient, Outcome};
use crate::support::{Client, House, SITE, get};

/// A client hello by hand: TLS 1.2 and older clients that no library of ours can play any more.
fn hello(legacy_version: [u8; 2], suites: &[[u8; 2]], extensions: &[u8]) -> Vec<u8> {
    let mut body = legacy_version.to_vec();
    body.extend([7; 32]);
    body.push(0);
    body.extend(u16::try_from(suites.len() * 2).expect("short").to_be_bytes());
    body.extend(suites.concat());
    body.extend([1, 0]);
    body.extend(u16::try_from(extensions.len()).expect("short").to_be_bytes());
    body.extend(extensions);
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    let handshake = [&[1, length[1], length[2], length[3]], body.as_slice()].concat();
    [&[22, 3, 1], u16::try_from(handshake.len()).expect("short").to_be_bytes().as_slice(), &handshake].concat()
}

/// Groups, point formats and signature algorithms as every client of the last twenty years sends them.
const EXTENSIONS: &[u8] = &[
    0, 10, 0, 6, 0, 4, 0, 29, 0, 23, // supported_groups: x25519, secp256r1
    0, 11, 0, 2, 1, 0, // ec_point_formats
    0, 13, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1, // signature_algorithms: ecdsa-p256, rsa-pss, rsa-pkcs1
    0, 23, 0, 0, // extended_master_secret
];

async fn first_record(house: &House, hello: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(house.https).await.expect("connect");
    stream.write_all(hello).await.expect("sent");
    let mut answer = vec![0; 3];
    stream.read_exact(&mut answer).await.expect("an answer");
    answer
}

#[tokio::test]
async fn tls_15_only_modern_versions_and_suites_are_agreed_on() {
    let house = House::start().await;
    let good = [[0xc0, 0x2b]]; // ECDHE-ECDSA-AES128-GCM-SHA256
    assert_eq!(first_record(&house, &hello([3, 3], &good, EXTENSIONS)).await[0], 22, "TLS 1.2 with AEAD and ECDHE is answered");
    const ALERT: u8 = 21;
    for version in [[3, 2], [3, 1], [3, 0]] {
        assert_eq!(first_record(&house, &hello(version, &good, EXTENSIONS)).await[0], ALERT, "{version:?}");
    }
    let weak = [
        [0xc0, 0x09], // ECDHE-ECDSA-AES128-CBC-SHA
        [0xc0, 0x23], // ECDHE-ECDSA-AES128-CBC-SHA256
        [0xc0, 0x07], // ECDHE-ECDSA-RC4
        [0x00, 0x9c], // RSA-AES128-GCM
        [0x00, 0x2f], // RSA-AES128-CBC
        [0x00, 0x9e], // DHE-RSA-AES128-GCM
        [0xc0, 0x06], // NULL
    ];
    assert_eq!(first_record(&house, &hello([3, 3], &weak, EXTENSIONS)).await[0], ALERT);
}

#[tokio::test]
async fn tls_15_early_data_is_not_accepted_on_resumption() {
    let house = House::start().await;
    let mut config = tls_config(&house.certificate, &["http/1.1"], &[&rustls::version::TLS13]);
    config.enable_early_data = true;
    let config = Arc::new(config);
    let name = || rustls::pki_types::ServerName::try_from(SITE).expect("name");
    for round in 0..2 {
        let stream = TcpStream::connect(house.https).await.expect("connect");
        let connector = tokio_rustls::TlsConnector::from(config.clone());
        let mut offered = false;
        let connecting = connector.connect_with(name(), stream, |connection| offered = connection.early_data().is_some());
        let mut tls = connecting.await.expect("handshake");
        tls.write_all(get(SITE, "/x").as_bytes()).await.expect("sent");
        let mut answer = [0; 12];
        tls.read_exact(&mut answer).await.expect("an answer");
        assert!(!offered && !tls.get_ref().1.is_early_data_accepted(), "no ticket of ours allows it");
        let kind = if round == 0 { rustls::HandshakeKind::Full } else { rustls::HandshakeKind::Resumed };
        assert_eq!(tls.get_ref().1.handshake_kind(), Some(kind), "tickets do work");
    }
}

#[tokio::test]
async fn a_handshake_for_a_stranger_is_refused_and_one_without_a_name_is_not() {
    let house = House::start().await;
    let config = || tls_config(&house.certificate, &["http/1.1"], rustls::ALL_VERSIONS);
    assert!(Client::tls(house.https, "127.0.0.1", "evil.example", config()).await.is_err());
    let mut nameless = config();
    nameless.enable_sni = false;
    let mut client = Client::tls(house.https, "127.0.0.1", SITE, nameless).await.expect("a handshake");
    assert_eq!(client.ask(get("evil.example", "/")).await.status, 421);
}

#[tokio::test]
async fn a_swapped_certificate_is_served_to_the_next_connection_and_leaves_the_last_one_alone() {
    let house = House::start().await;
    let mut old = house.client().await;
    let hosts = [SITE.parse::<Host>().expect("host")];
    let fresh = self_signed(&hosts, SystemClock.now(), &SystemEntropy).expect("a certificate");
    house.certificates.swap(fresh.identity.clone(), &hosts);
    assert_eq!(old.ask(get(SITE, "/x")).await.status, 200);
    let config = tls_config(fresh.identity.leaf_der(), &["http/1.1"], rustls::ALL_VERSIONS);
    let mut new = Client::tls(house.https, "127.0.0.1", SITE, config).await.expect("the new certificate");
    assert_eq!(new.ask(get(SITE, "/x")).await.status, 200);
}

#[tokio::test]
async fn requests_under_way_end_before_the_process_does() {
    let mut house = House::start().await;
    let mut busy = house.client().await;
    busy.send(format!("POST /api/auth/echo HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")).await;
    assert!(busy.line().await.expect("interim").starts_with("HTTP/1.1 100"));
    busy.line().await;
    let mut idle = house.client().await;
    assert_eq!(idle.ask(get(SITE, "/x")).await.status, 200);
    house.stop.take().expect("once").send(()).expect("running");
    assert!(idle.is_closed().await, "an idle connection ends at once");
    let reply = busy.ask("hello").await;
    assert_eq!(reply.status, 200);
    assert!(busy.is_closed().await);
}

#[tokio::test]
async fn clients_that_ask_nothing_and_clients_that_sleep_do_not_hold_the_process() {
    let mut house = House::start().await;
    let mut silent = house.client().await;
    let config = tls_config(&house.certificate, &["h2"], rustls::ALL_VERSIONS);
    let mut wordless = Client::tls(house.https, "127.0.0.1", SITE, config).await.expect("a connection");
    // Nobody reads here, so the end that HTTP/2 announces is never acknowledged.
    let mut asleep = FrameClient::connect(&house).await;
    assert_eq!(
        asleep
            .ask(&[(b":method", b"GET"), (b":scheme", b"https"), (b":authority", SITE.as_bytes()), (b":path", b"/x")], None)
            .await,
        Outcome::Status(200)
    );
    house.stop.take().expect("once").send(()).expect("running");
    let gone = async {
        assert!(silent.is_closed().await);
        wordless.rest().await;
        asleep.until_closed().await;
    };
    let before_the_drain_ends = std::time::Duration::from_secs(4);
    tokio::time::timeout(before_the_drain_ends, gone).await.expect("nobody is waited for");
}
