//! The hello, and what plain HTTP may say.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use doorward_testkit::raw::{Alpn, Trust};
use doorward_testkit::{INSIDE, RawClient, Tls, assert_detail, detail};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::site::Site;

/// A hello made by hand (RFC 5246 §7.4.1.2), since no library offers what must be refused.
struct Hello {
    /// `client_version`.
    version: u16,
    suites: Vec<u16>,
    /// `supported_versions` (RFC 8446 §4.2.1), when there is such an extension.
    versions: Vec<u16>,
    compression: Vec<u8>,
}

const AEAD: [u16; 4] = [0xc02b, 0xc02c, 0xc02f, 0xc030];

impl Hello {
    fn sound() -> Self {
        Self { version: 0x0303, suites: AEAD.to_vec(), versions: Vec::new(), compression: vec![0] }
    }

    fn bytes(&self, host: &str) -> Vec<u8> {
        let words = |list: &[u16]| list.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
        let name = [&[0][..], &sized(host.as_bytes())].concat();
        let mut extensions = vec![(0_u16, sized(&name)), (10, sized(&words(&[0x001d, 0x0017, 0x0018])))];
        extensions.push((11, vec![1, 0]));
        extensions.push((13, sized(&words(&[0x0403, 0x0503, 0x0804, 0x0805, 0x0401, 0x0501, 0x0203, 0x0201]))));
        if !self.versions.is_empty() {
            let list = words(&self.versions);
            extensions.push((43, [&[list.len() as u8][..], &list].concat()));
        }
        let extensions: Vec<u8> =
            extensions.iter().flat_map(|(id, body)| [&id.to_be_bytes()[..], &sized(body)].concat()).collect();
        let mut hello = self.version.to_be_bytes().to_vec();
        hello.extend_from_slice(&[7; 32]);
        hello.push(0);
        hello.extend_from_slice(&sized(&words(&self.suites)));
        hello.push(self.compression.len() as u8);
        hello.extend_from_slice(&self.compression);
        hello.extend_from_slice(&sized(&extensions));
        let length = (hello.len() as u32).to_be_bytes();
        let handshake = [&[1][..], &length[1..], &hello].concat();
        [&[22, 3, 1][..], &sized(&handshake)].concat()
    }
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// A fatal alert with this code.
    Alert(u8),
    /// A server hello: version, suite, compression.
    Hello(u16, u16, u8),
    Other(Vec<u8>),
}

fn say(site: &Site, hello: &Hello) -> Answer {
    let mut raw = RawClient::plain(site.house.https(), INSIDE).unwrap();
    raw.set_patience(Duration::from_secs(5));
    raw.send(hello.bytes(site.house.host()));
    let head = raw.read_exact(5).unwrap_or_default();
    let body = match head.as_slice() {
        [_, _, _, high, low] => raw.read_exact(usize::from(*high) << 8 | usize::from(*low)).unwrap_or_default(),
        _ => return Answer::Other(head),
    };
    match (head[0], body.as_slice()) {
        (21, [2, code]) => Answer::Alert(*code),
        (22, [2, _, _, _, v1, v2, rest @ ..]) if rest.len() > 36 => {
            let after = &rest[33 + usize::from(rest[32])..];
            Answer::Hello(u16::from_be_bytes([*v1, *v2]), u16::from_be_bytes([after[0], after[1]]), after[2])
        }
        _ => Answer::Other(body),
    }
}

#[test]
fn tls_15_old_versions_and_weak_suites_get_an_alert() {
    let mut site = Site::start();
    let Answer::Hello(0x0303, suite, 0) = say(&site, &Hello::sound()) else {
        panic!("a sound hello is answered: {:?}", say(&site, &Hello::sound()))
    };
    assert!(AEAD.contains(&suite));
    let every = |low: u16, high: u16| (low..=high).collect::<Vec<u16>>();
    let modern = || Hello { versions: vec![0x0303], ..Hello::sound() };
    assert!(matches!(say(&site, &modern()), Answer::Hello(0x0303, _, 0)));
    for (what, hello) in [
        ("SSL 3.0", Hello { version: 0x0300, ..Hello::sound() }),
        ("TLS 1.0", Hello { version: 0x0301, ..Hello::sound() }),
        ("TLS 1.1", Hello { version: 0x0302, ..Hello::sound() }),
        (
            "TLS 1.0 with its own suites",
            Hello { version: 0x0301, suites: vec![0xc009, 0xc00a, 0xc013, 0xc014, 0x002f, 0x0035], ..Hello::sound() },
        ),
        ("only TLS 1.1 and 1.0 in the extension", Hello { versions: vec![0x0302, 0x0301], ..Hello::sound() }),
        (
            "ECDHE with CBC",
            Hello { suites: vec![0xc009, 0xc00a, 0xc013, 0xc014, 0xc023, 0xc024, 0xc027, 0xc028], ..Hello::sound() },
        ),
        ("RSA key exchange", Hello { suites: vec![0x002f, 0x0035, 0x003c, 0x003d, 0x009c, 0x009d], ..Hello::sound() }),
        ("finite-field DHE", Hello { suites: vec![0x0033, 0x0039, 0x0067, 0x006b, 0x009e, 0x009f, 0xccaa], ..Hello::sound() }),
        ("no authentication", Hello { suites: vec![0x0018, 0x0034, 0x003a, 0x00a6, 0xc018, 0xc019], ..Hello::sound() }),
        ("null and export", Hello { suites: every(0x0001, 0x000a), ..Hello::sound() }),
        ("RC4 and 3DES", Hello { suites: vec![0x0004, 0x0005, 0x000a, 0xc007, 0xc008, 0xc011, 0xc012], ..Hello::sound() }),
        ("AES-CCM-8", Hello { suites: vec![0xc0ae, 0xc0af, 0xc0a0, 0xc0a1], ..Hello::sound() }),
    ] {
        let answer = say(&site, &hello);
        assert!(matches!(answer, Answer::Alert(_)), "{what}: {answer:?}");
    }
    let squeezed = say(&site, &Hello { compression: vec![1, 0], ..Hello::sound() });
    assert!(matches!(squeezed, Answer::Alert(_) | Answer::Hello(_, _, 0)), "compression: {squeezed:?}");
    site.house.assert_alive();
}

#[test]
fn tls_15_both_sound_versions_work_and_early_data_is_not_taken() {
    let site = Site::start();
    for version in rustls::ALL_VERSIONS {
        let tls = Tls::to(site.house.host()).version(version).trust(Trust::Authority(site.house.ca().der()));
        let mut raw = RawClient::tls(site.house.https(), INSIDE, &tls).unwrap();
        let session = raw.session().unwrap();
        assert_eq!(session.protocol_version(), Some(version.version));
        let suite = format!("{:?}", session.negotiated_cipher_suite().unwrap().suite());
        assert!(suite.starts_with("TLS13_") || suite.starts_with("TLS_ECDHE_"), "{suite}");
        assert!(suite.contains("GCM") || suite.contains("POLY1305"), "{suite}");
        raw.ask(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", site.house.authority())).expect(200);
    }
    let mut roots = RootCertStore::empty();
    roots.add(site.house.ca().der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.enable_early_data = true;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let config = Arc::new(config);
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", site.house.authority());
    for _ in 0..3 {
        let name = ServerName::try_from(site.house.host().to_owned()).unwrap();
        let mut session = ClientConnection::new(config.clone(), name).unwrap();
        // The client has early data to give only when a ticket allows it, and no ticket may.
        assert!(session.early_data().is_none(), "a ticket offers early data");
        let mut stream = std::net::TcpStream::connect(site.house.https()).unwrap();
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        tls.write_all(request.as_bytes()).unwrap();
        let _ = tls.read_to_end(&mut Vec::new());
        assert!(!session.is_early_data_accepted());
    }
}

#[test]
fn tls_16_plain_http_redirects_people_and_refuses_everything_else() {
    let mut site = Site::start();
    let plain = format!("{}:{}", site.house.host(), site.house.http().port());
    let origin = site.house.origin();
    for host in [&plain, site.house.host(), &format!("{}.", site.house.host()), &site.house.host().to_uppercase()] {
        for (target, wanted) in
            [("/", "/"), ("/x", "/x"), ("/x?y=z&a=%2F", "/x?y=z&a=%2F"), ("/account/sign-in?next=/x", "/account/sign-in?next=/x")]
        {
            for method in ["GET", "HEAD"] {
                let mut raw = site.house.raw_plain();
                raw.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
                let reply = raw.read_reply_to(method).unwrap();
                assert_eq!(reply.status, 308, "{host} {target}: {reply:?}");
                assert_eq!(reply.header("location"), Some(&*format!("{origin}{wanted}")), "{reply:?}");
                assert!(reply.all("set-cookie").is_empty(), "{reply:?}");
            }
        }
    }
    for (method, target) in [
        ("POST", "/api/auth/login"),
        ("GET", "/api/auth/me"),
        ("GET", "/api/x"),
        ("GET", "/api"),
        ("HEAD", "/api/health"),
        ("POST", "/"),
        ("POST", "/account/sign-in"),
        ("DELETE", "/x"),
        ("OPTIONS", "/x"),
    ] {
        let body = "{\"email\":\"a@app.test\",\"password\":\"secret secret\"}";
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {plain}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut raw = site.house.raw_plain();
        raw.send(request);
        let reply = raw.read_reply_to(method).unwrap();
        assert_eq!(reply.status, 403, "{method} {target}: {reply:?}");
        assert!(reply.header("location").is_none(), "{reply:?}");
        if method != "HEAD" {
            detail(&reply);
        }
    }
    for host in ["evil.test", "evil.test:80", "127.0.0.1", "app.test.evil.test", "[::1]", "adm.app.test.evil"] {
        let reply = site.house.raw_plain().ask(format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(reply.status, 421, "{host}: {reply:?}");
        assert!(reply.header("location").is_none() && !reply.text().contains("evil"), "{reply:?}");
    }
    let split = site.house.raw_plain().ask(format!("GET /%0d%0aSet-Cookie:x=1 HTTP/1.1\r\nHost: {plain}\r\n\r\n"));
    assert!(split.all("set-cookie").is_empty() && split.status != 200, "{split:?}");
    let gate = site.house.raw_plain().ask("GET /x HTTP/1.1\r\nHost: adm.app.test\r\n\r\n");
    assert!(matches!(gate.status, 308 | 403), "{gate:?}");
    site.assert_upstreams_untouched("plain HTTP");
    site.house.assert_alive();
}

#[test]
fn the_certificate_is_for_the_site_and_its_gates() {
    let site = Site::start();
    let root: CertificateDer<'static> = site.house.ca().der();
    for name in ["app.test", "adm.app.test", "dash.app.test"] {
        let tls = Tls::to(name).trust(Trust::Authority(root.clone()));
        assert!(RawClient::tls(site.house.https(), INSIDE, &tls).is_ok(), "{name}");
    }
    let none = Tls::to("app.test").alpn(Alpn::None);
    let mut raw = RawClient::tls(site.house.https(), INSIDE, &none).unwrap();
    raw.ask(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", site.house.authority())).expect(200);
}

#[test]
fn plain_octets_on_the_tls_port_harm_nobody() {
    let mut site = Site::start();
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: app.test\r\n\r\n"[..],
        b"\x16\x03\x01\xff\xff",
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n",
        &[0; 4096],
    ] {
        let mut raw = RawClient::plain(site.house.https(), INSIDE).unwrap();
        raw.set_patience(Duration::from_secs(2));
        raw.send_what_it_takes(bytes);
        raw.finish();
        let answer = raw.read_to_end();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{answer:?}");
    }
    site.assert_upstreams_untouched("octets that are no TLS");
    let reply = site.house.raw_plain().ask("GET /api/x HTTP/1.1\r\nHost: app.test\r\n\r\n");
    assert_eq!(reply.status, 403);
    assert_detail(&reply, 403, &detail(&reply));
    site.house.assert_alive();
}
