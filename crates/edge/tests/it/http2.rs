//! HTTP/2 as strangers write it.

use base64::Engine as _;

use crate::support::client::tls_config;
use crate::support::frame::{FrameClient, Outcome};
use crate::support::{GATED, House, PASSWORD, SITE, USER};

type Field<'a> = (&'a [u8], &'a [u8]);

const METHOD: Field<'_> = (b":method", b"GET");
const SCHEME: Field<'_> = (b":scheme", b"https");
const AUTHORITY: Field<'_> = (b":authority", SITE.as_bytes());
const PATH: Field<'_> = (b":path", b"/x");

#[tokio::test]
async fn http_08_malformed_heads_are_protocol_errors() {
    let house = House::start().await;
    let good = [METHOD, SCHEME, AUTHORITY, PATH];
    let extra: &[Field<'_>] = &[
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"upgrade", b"h2c"),
        (b"te", b"gzip"),
        (b"X-Upper", b"a"),
        (b"x-cr", b"a\rb"),
        (b"x-lf", b"a\nb"),
        (b"x-crlf", b"a\r\nhost: evil"),
        (b"x-nul", b"a\0b"),
        (b"x:colon", b"a"),
        (b"x space", b"a"),
        (b"", b"a"),
        (b":authority", GATED.as_bytes()),
        (b":path", b"/y"),
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":status", b"200"),
        (b":unknown", b"a"),
    ];
    for field in extra {
        let fields: Vec<_> = good.into_iter().chain([*field]).collect();
        let outcome = FrameClient::connect(&house).await.ask(&fields, None).await;
        assert!(outcome.is_protocol_error(), "{:?} {outcome:?}", String::from_utf8_lossy(field.0));
    }
    let late: [Field<'_>; 5] = [METHOD, SCHEME, AUTHORITY, (b"x-first", b"a"), PATH];
    assert!(FrameClient::connect(&house).await.ask(&late, None).await.is_protocol_error(), "pseudo fields come first");
    for missing in 0..4 {
        let mut fields = good.to_vec();
        if missing != 2 {
            fields.remove(missing);
            let outcome = FrameClient::connect(&house).await.ask(&fields, None).await;
            assert!(outcome.is_protocol_error(), "without {missing} {outcome:?}");
        }
    }
    for path in [&b""[..], b"/a b", b"/a\r\nb", b"/a\0b", b"x"] {
        let outcome = FrameClient::connect(&house).await.ask(&[METHOD, SCHEME, AUTHORITY, (b":path", path)], None).await;
        assert!(
            outcome.is_protocol_error() || outcome == Outcome::Status(400),
            "{:?} {outcome:?}",
            String::from_utf8_lossy(path)
        );
    }
    assert_eq!(house.web.requests(), Vec::<String>::new());
    assert_eq!(FrameClient::connect(&house).await.ask(&good, None).await, Outcome::Status(200));
}

#[tokio::test]
async fn http_08_a_length_that_differs_from_the_data_is_a_protocol_error() {
    let house = House::start().await;
    for length in [&b"3"[..], b"8", b"0"] {
        let fields: [Field<'_>; 5] =
            [(b":method", b"POST"), SCHEME, AUTHORITY, (b":path", b"/api/auth/echo"), (b"content-length", length)];
        let outcome = FrameClient::connect(&house).await.ask(&fields, Some(b"hello")).await;
        assert!(outcome.is_protocol_error(), "{outcome:?}");
    }
    let fields: [Field<'_>; 5] =
        [(b":method", b"POST"), SCHEME, AUTHORITY, (b":path", b"/api/auth/echo"), (b"content-length", b"5")];
    assert_eq!(FrameClient::connect(&house).await.ask(&fields, Some(b"hello")).await, Outcome::Status(200));
}

#[tokio::test]
async fn an_answer_before_the_body_leaves_the_stream_alone_until_the_body_has_come() {
    let house = House::start().await;
    let fields: [Field<'_>; 5] =
        [(b":method", b"POST"), SCHEME, (b":authority", GATED.as_bytes()), PATH, (b"content-length", b"5")];
    for _ in 0..20 {
        let (outcome, reset) = FrameClient::connect(&house).await.ask_then_send(&fields, b"hello").await;
        assert_eq!((outcome, reset), (Outcome::Status(401), None));
    }
}

#[tokio::test]
async fn gate_11_in_http_2_a_host_field_that_differs_from_the_authority_is_refused() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    type Case<'a> = (&'a [u8], &'a [&'a [u8]], u16);
    let cases: [Case<'_>; 6] = [
        (SITE.as_bytes(), &[GATED.as_bytes()], 400),
        (GATED.as_bytes(), &[SITE.as_bytes()], 400),
        (SITE.as_bytes(), &[SITE.as_bytes(), SITE.as_bytes()], 400),
        (SITE.as_bytes(), &[b"app.example.test:444"], 400),
        (SITE.as_bytes(), &[SITE.as_bytes()], 200),
        (SITE.as_bytes(), &[b"APP.example.test."], 200),
    ];
    for (authority, hosts, status) in cases {
        let mut fields = vec![METHOD, SCHEME, (&b":authority"[..], authority), PATH];
        fields.extend(hosts.iter().map(|host| (&b"host"[..], *host)));
        assert_eq!(client.ask(&fields, None).await, Outcome::Status(status), "{:?}", String::from_utf8_lossy(authority));
    }
    assert_eq!(house.web.requests().len(), 2);
}

#[tokio::test]
async fn gate_12_streams_of_one_connection_are_judged_each_for_itself() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    let credentials = format!("Basic {credentials}");
    let gated: [Field<'_>; 4] = [METHOD, SCHEME, (b":authority", GATED.as_bytes()), (b":path", b"/admin/")];
    let inside: Vec<_> = gated.into_iter().chain([(&b"authorization"[..], credentials.as_bytes())]).collect();
    assert_eq!(client.ask(&[METHOD, SCHEME, AUTHORITY, PATH], None).await, Outcome::Status(200));
    assert_eq!(client.ask(&gated, None).await, Outcome::Status(401));
    assert_eq!(client.ask(&inside, None).await, Outcome::Status(200));
    assert_eq!(client.ask(&gated, None).await, Outcome::Status(401));
    assert_eq!(client.ask(&[METHOD, SCHEME, (b":authority", b"evil.example"), PATH], None).await, Outcome::Status(421));
    assert_eq!(house.gated.requests().len(), 1);
}

#[tokio::test]
async fn methods_and_targets_are_held_to_the_same_in_http_2() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    for (method, status) in [(&b"TRACE"[..], 405), (b"PUT", 405), (b"FOO", 501), (b"get", 501)] {
        assert_eq!(client.ask(&[(b":method", method), SCHEME, AUTHORITY, PATH], None).await, Outcome::Status(status));
    }
    for path in [&b"/%"[..], b"/%zz", b"*", b"/a/../b", b"//x", b"/%2e%2e/x"] {
        let outcome = client.ask(&[METHOD, SCHEME, AUTHORITY, (b":path", path)], None).await;
        assert_eq!(outcome, Outcome::Status(400), "{:?}", String::from_utf8_lossy(path));
    }
    let long = [b"/".as_slice(), "a".repeat(9000).as_bytes()].concat();
    assert_eq!(client.ask(&[METHOD, SCHEME, AUTHORITY, (b":path", &long)], None).await, Outcome::Status(414));
    let mut many = vec![METHOD, SCHEME, AUTHORITY, PATH];
    many.extend((0..101).map(|_| (&b"x"[..], &b"a"[..])));
    assert_eq!(client.ask(&many, None).await, Outcome::Status(431));
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn field_values_are_held_to_the_same_in_http_2() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let cases: [(Field<'_>, u16); 8] = [
        ((b"authorization", b"Bearer \xff"), 400),
        ((b"content-type", b"text/plain\x85"), 400),
        ((b"origin", b"https://app.example.test\xa0"), 400),
        ((b"x-forwarded-for", b"\xa0192.0.2.1"), 400),
        ((b"x", b" a"), 400),
        ((b"x", b"a\t"), 400),
        ((b"x", b"a \xc3\xa4"), 200),
        ((b"x", b""), 200),
    ];
    for (field, status) in cases {
        let outcome = client.ask(&[METHOD, SCHEME, AUTHORITY, PATH, field], None).await;
        assert_eq!(outcome, Outcome::Status(status), "{}", String::from_utf8_lossy(field.1));
    }
    assert_eq!(house.web.requests().len(), 2);
}

/// A connection whose frames a library writes and reads.
async fn library_client(house: &House) -> hyper::client::conn::http2::SendRequest<http_body_util::Empty<bytes::Bytes>> {
    let config = tls_config(&house.certificate, &["h2"], rustls::ALL_VERSIONS);
    let name = rustls::pki_types::ServerName::try_from(SITE).expect("a name");
    let tcp = tokio::net::TcpStream::connect(house.https).await.expect("a connection");
    let tls = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp).await.expect("TLS");
    let builder = hyper::client::conn::http2::Builder::new(hyper_util::rt::TokioExecutor::new());
    let (sender, connection) = builder.handshake(hyper_util::rt::TokioIo::new(tls)).await.expect("HTTP/2");
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn trailers_of_an_upstream_pass_but_no_policy_field_comes_behind_the_body() {
    let house = House::start().await;
    house.web.answer(|_| {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Security-Policy: default-src *\r\n\
          X-Doorward-User: root\r\nSet-Cookie: a=1\r\nX-Checksum: 1\r\n\r\n"
            .to_vec()
    });
    let mut sender = library_client(&house).await;
    let request = http::Request::get(format!("https://{SITE}/x")).body(http_body_util::Empty::<bytes::Bytes>::new());
    let response = sender.send_request(request.expect("a request")).await.expect("answered");
    let collected = http_body_util::BodyExt::collect(response.into_body()).await.expect("whole");
    let trailers = collected.trailers().expect("trailers");
    assert_eq!(trailers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["x-checksum"]);
}

#[tokio::test]
async fn hdr_10_a_head_that_is_too_large_in_http_2_is_refused_with_the_set() {
    let house = House::start().await;
    let mut sender = library_client(&house).await;
    let mut request = http::Request::get(format!("https://{SITE}/x")).body(http_body_util::Empty::new()).expect("a request");
    for n in 0..90 {
        let name = http::HeaderName::from_bytes(format!("x-{n}").as_bytes()).expect("a name");
        request.headers_mut().insert(name, http::HeaderValue::from_str(&"a".repeat(200)).expect("a value"));
    }
    let response = sender.send_request(request).await.expect("answered");
    assert_eq!(response.status(), 431);
    for rule in house.edge.policy().headers.rules(doorward_policy::Audience::PublicPage) {
        assert_eq!(response.headers().get_all(&rule.name).iter().count(), 1, "{}", rule.name);
    }
    assert!(response.headers().contains_key("x-request-id"));
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_is_given_up() {
    let long = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n{}", "a".repeat(1_000_000));
    let short = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_owned();
    for answer in [long, short] {
        let house = House::builder()
            .policy(|policy| {
                policy.times.body_idle = std::time::Duration::from_millis(200);
                policy.times.keep_alive = std::time::Duration::from_millis(400);
            })
            .start()
            .await;
        house.web.answer(move |_| answer.clone().into_bytes());
        let mut client = FrameClient::connect_without_window(&house).await;
        assert_eq!(client.ask(&[METHOD, SCHEME, AUTHORITY, PATH], None).await, Outcome::Status(200));
        let held = tokio::time::timeout(std::time::Duration::from_secs(20), client.hold());
        assert!(held.await.expect("the connection is ended"), "and its client is told so");
    }
}

#[tokio::test]
async fn an_answer_that_is_slow_to_come_is_not_its_clients_fault() {
    let house = House::builder()
        .policy(|policy| {
            policy.times.body_idle = std::time::Duration::from_millis(100);
            policy.times.keep_alive = std::time::Duration::from_millis(100);
            policy.times.first_byte = std::time::Duration::from_secs(1);
        })
        .start()
        .await;
    house.web.answer(|_| crate::support::upstream::SILENCE.to_vec());
    let outcome = FrameClient::connect(&house).await.ask(&[METHOD, SCHEME, AUTHORITY, PATH], None).await;
    assert_eq!(outcome, Outcome::Status(504));
}
