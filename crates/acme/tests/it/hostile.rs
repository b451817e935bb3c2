//! Authorities that try to lead the client elsewhere, or to wear it out.

use std::sync::Arc;

use doorward_acme::client::{Client, Dial};
use doorward_acme::{AcmeEvent, Directory, Fault, Issuer, STAGING, UrlClass};
use doorward_kit::{Clock, SystemClock};
use http::Request;
use instant_acme::BodyWrapper;
use serde_json::json;

use crate::support::{Bench, CountingDial, Twist};

const ELSEWHERE: &str = "https://acme-v02.api.letsencrypt.org/acme/new-order";

/// Lets an issuer run into the twist; it must stop, say so, install nothing, and open no socket elsewhere.
async fn refused(twist: Twist) -> (Bench, Issuer) {
    let bench = Bench::new().await;
    bench.authority.twist(twist.clone());
    let mut issuer = bench.issuer();
    issuer.turn().await;
    assert_eq!(bench.dial.strangers(bench.authority.port), [], "{twist:?}");
    assert_eq!(bench.record.installed(), 0, "{twist:?}");
    assert!(bench.dial.count() > 0, "{twist:?}: nothing was asked at all");
    assert!(bench.record.open.lock().unwrap().is_empty(), "{twist:?}: a challenge is still answered");
    (bench, issuer)
}

#[tokio::test]
async fn tls_03_every_address_that_the_authority_names_is_judged_before_it_is_asked() {
    let elsewhere = || ELSEWHERE.to_owned();
    let mut twists: Vec<Twist> = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange", "renewalInfo"]
        .into_iter()
        .map(|member| Twist::DirectoryNames(member, elsewhere()))
        .collect();
    for at in ["/account", "/order", "/order/1", "/finalize"] {
        twists.push(Twist::Adds(at, "Location", elsewhere()));
        twists.push(Twist::Adds(at, "Link", format!("<{ELSEWHERE}>;rel=\"up\"")));
        twists.push(Twist::Adds(at, "Link", format!("<https://x.test/t>;rel=\"terms-of-service\", <{ELSEWHERE}>;rel=\"index\"")));
    }
    twists.push(Twist::Adds("/cert", "Link", format!("<{ELSEWHERE}>;rel=\"alternate\"")));
    twists.push(Twist::Member("/order", "finalize", json!(ELSEWHERE)));
    twists.push(Twist::Member("/order", "authorizations", json!([ELSEWHERE])));
    twists.push(Twist::Member("/order/1", "certificate", json!(ELSEWHERE)));
    twists.push(Twist::Member("/finalize", "certificate", json!(ELSEWHERE)));
    let challenge = json!([{ "type": "http-01", "url": ELSEWHERE, "token": "t", "status": "pending" }]);
    twists.push(Twist::Member("/authz", "challenges", challenge));
    twists.push(Twist::Member("/chall", "url", json!(ELSEWHERE)));
    // The same host by another name, port or scheme is elsewhere too.
    for near in ["http://localhost/order", "https://localhost/order", "https://LOCALHOST:1/order", "https://u@localhost:1/order"]
    {
        twists.push(Twist::DirectoryNames("newOrder", near.to_owned()));
    }
    for twist in twists {
        let (bench, _) = refused(twist.clone()).await;
        assert_eq!(bench.record.count(|event| matches!(event, AcmeEvent::Refused { .. })), 1, "{twist:?}");
    }
}

#[tokio::test]
async fn tls_04_a_redirect_is_an_error_wherever_it_leads() {
    for status in [301, 302, 303, 307, 308] {
        for to in [ELSEWHERE.to_owned(), STAGING.to_owned(), "/dir2".to_owned()] {
            let (bench, _) = refused(Twist::Redirects("/dir", status, to)).await;
            assert_eq!(bench.record.count(|event| *event == AcmeEvent::Refused { class: UrlClass::Redirect }), 1);
            assert_eq!(bench.authority.seen(), ["GET /dir"], "{status}: nothing else was asked");
        }
    }
    for at in ["/nonce", "/account", "/order", "/authz", "/chall", "/finalize", "/cert"] {
        let (bench, _) = refused(Twist::Redirects(at, 307, ELSEWHERE.to_owned())).await;
        assert_eq!(bench.record.count(|event| *event == AcmeEvent::Refused { class: UrlClass::Redirect }), 1, "{at}");
    }
}

#[tokio::test]
async fn what_the_authority_means_for_people_is_no_address_of_the_session() {
    let bench = Bench::new().await;
    let terms = "<https://letsencrypt.org/documents/LE-SA-v1.4-April-3-2024.pdf>;rel=\"terms-of-service\"".to_owned();
    bench.authority.twist(Twist::Adds("/account", "Link", terms));
    bench.issuer().turn().await;
    assert_eq!(bench.record.installed(), 1, "{:?}", bench.record.reasons());
}

#[tokio::test]
async fn answers_without_end_or_of_another_kind_are_refused() {
    for twist in [Twist::Endless("/dir"), Twist::Endless("/cert"), Twist::Html("/dir"), Twist::Html("/cert")] {
        let (bench, _) = refused(twist.clone()).await;
        assert_eq!(bench.record.reasons(), ["answer"], "{twist:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_authority_that_says_nothing_is_left_after_half_a_minute() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = Some(listener.local_addr().unwrap().port());
    let client = staging_client(&Arc::new(CountingDial { to, dialled: std::sync::Mutex::default() }));
    // Time that is paused jumps ahead when nobody has anything to do: at once, if there is a deadline at all.
    let held = tokio::spawn(async move { listener.accept().await });
    let fault = client.send(Request::get(STAGING).body(BodyWrapper::default()).unwrap()).await.expect_err("silence");
    assert_eq!(fault, Fault::Slow);
    held.abort();
}

#[tokio::test]
async fn tls_10_a_certificate_that_no_public_root_signed_is_refused() {
    // Somebody answers in the place of the staging host, with a certificate of its own for that very name.
    let key = rcgen::KeyPair::generate().unwrap();
    let host = "acme-staging-v02.api.letsencrypt.org".to_owned();
    let own = rcgen::CertificateParams::new(vec![host]).unwrap().self_signed(&key).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![own.der().clone()], key).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = Some(listener.local_addr().unwrap().port());
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let heard = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        acceptor.accept(socket).await.is_ok()
    });
    let client = staging_client(&Arc::new(CountingDial { to, dialled: std::sync::Mutex::default() }));
    let fault = client.send(Request::get(STAGING).body(BodyWrapper::default()).unwrap()).await.expect_err("self-signed");
    assert_eq!(fault, Fault::Untrusted);
    assert!(!heard.await.unwrap(), "the handshake was not finished, so nothing was said");
}

fn staging_client(dial: &Arc<CountingDial>) -> Client {
    let (dial, clock) = (Arc::clone(dial) as Arc<dyn Dial>, Arc::new(SystemClock) as Arc<dyn Clock>);
    Client::new(Directory::staging().unwrap(), dial, clock).unwrap()
}
