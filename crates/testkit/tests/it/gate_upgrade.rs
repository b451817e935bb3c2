//! Upgrades at a gate: every way out of HTTP leads through it, and only WebSocket leads anywhere (GATE-14).

use doorward_testkit::h2::{H2Frames, Outcome, SETTINGS};
use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, Act, EchoUpstream, House, INSIDE, OUTSIDE, RawClient, Reply, basic_auth};

/// What a server that agrees says to the key of [`ask`].
const AGREED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441 §3).
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// pgAdmin's host, where an upgrade may pass, and a host whose gate allows none; both upstreams would agree to anything.
struct Ground {
    house: House,
    pga: EchoUpstream,
    adm: EchoUpstream,
}

impl Ground {
    fn start() -> Self {
        let [pga, adm] = ["pga", "adm"].map(EchoUpstream::start);
        for upstream in [&pga, &adm] {
            upstream.act("/socket.io/", Act::Raw(AGREED.to_vec()));
        }
        let builder = House::builder().echo(&pga).echo(&adm).gate("pga", "pga", "pgadmin").gate("adm", "adm", "django-admin");
        Self { house: builder.start(), pga, adm }
    }

    fn frames(&self) -> H2Frames {
        H2Frames::connect(self.house.https(), INSIDE, "pga.app.test").unwrap()
    }

    /// Octets that reached the upstreams.
    #[track_caller]
    fn assert_untouched(&self, what: &str) {
        for upstream in [&self.pga, &self.adm] {
            assert_eq!(upstream.octets().concat(), b"", "{what} reached {}", upstream.name());
        }
    }
}

fn right() -> String {
    format!("Authorization: {}\r\n", basic_auth(ADMIN_USER, ADMIN_PASSWORD))
}

/// An upgrade to `protocol` on `label`'s host, with more fields.
fn ask(house: &House, label: &str, protocol: &str, more: &str) -> (RawClient, Reply) {
    ask_from(house, INSIDE, label, protocol, more)
}

fn ask_from(house: &House, from: std::net::IpAddr, label: &str, protocol: &str, more: &str) -> (RawClient, Reply) {
    let mut raw = house.raw_from(from, &format!("{label}.app.test"));
    raw.send_what_it_takes(format!(
        "GET /socket.io/?transport=websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\n\
         HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         {more}\r\n",
        house.authority_of(label)
    ));
    let reply = raw.read_reply().unwrap_or_else(|fault| panic!("{label} {protocol} {more:?}: {fault:?}"));
    (raw, reply)
}

const PROTOCOLS: [&str; 8] =
    ["websocket", "WebSocket", "h2c", "h2c, websocket", "websocket, h2c", "TLS/1.0", "HTTP/2.0", "connect-udp"];

#[test]
fn gate_14_no_upgrade_without_credentials_is_answered_by_anybody_but_the_gate() {
    let ground = Ground::start();
    let origin = format!("Origin: https://{}\r\n", ground.house.authority_of("pga"));
    let wrong = format!("{origin}Authorization: {}\r\n", basic_auth(ADMIN_USER, "wrong"));
    for protocol in PROTOCOLS {
        for label in ["pga", "adm"] {
            for more in [String::new(), origin.clone(), wrong.clone()] {
                let (_, reply) = ask(&ground.house, label, protocol, &more);
                assert_eq!(reply.status, 401, "{label} {protocol} {more:?}: {reply:?}");
                assert!(reply.header("www-authenticate").is_some_and(|challenge| challenge.starts_with("Basic")), "{reply:?}");
                assert!(reply.header("upgrade").is_none() && reply.header("sec-websocket-accept").is_none(), "{reply:?}");
            }
            let (_, reply) = ask_from(&ground.house, OUTSIDE, label, protocol, &format!("{origin}{}", right()));
            assert_eq!(reply.status, 403, "{label} {protocol}: {reply:?}");
        }
    }
    ground.assert_untouched("an upgrade without credentials");
}

#[test]
fn gate_14_what_follows_a_refused_upgrade_is_the_next_request_and_is_judged_as_one() {
    let ground = Ground::start();
    let (adm, pga) = (ground.house.authority_of("adm"), ground.house.authority_of("pga"));
    // In one write: whoever believes that the tunnel is open already reads this as its content.
    let mut raw = ground.house.raw_from(INSIDE, "pga.app.test");
    raw.send(format!(
        "GET /socket.io/ HTTP/1.1\r\nHost: {pga}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nGET /admin/ HTTP/1.1\r\nHost: {adm}\r\n\r\n"
    ));
    assert_eq!(raw.reply().status, 401);
    assert!(matches!(raw.reply().status, 401 | 421));
    ground.assert_untouched("a pipelined request");
}

#[test]
fn gate_14_h2c_is_ignored_with_the_right_credentials_too() {
    let ground = Ground::start();
    for (label, protocol) in [("pga", "h2c"), ("pga", "h2c, websocket"), ("pga", "TLS/1.0"), ("adm", "h2c"), ("adm", "websocket")]
    {
        let upstream = if label == "pga" { &ground.pga } else { &ground.adm };
        upstream.act("/socket.io/", Act::answer(200, &[], "plain"));
        let origin = format!("Origin: https://{}\r\n", ground.house.authority_of(label));
        let (mut raw, reply) = ask(&ground.house, label, protocol, &format!("{origin}{}", right()));
        assert_eq!((reply.status, reply.text().as_str()), (200, "plain"), "{label} {protocol}");
        let seen = upstream.last();
        for field in ["upgrade", "http2-settings", "authorization"] {
            assert!(seen.all(field).is_empty(), "{label} {protocol}: {field} in {seen:?}");
        }
        assert!(!seen.all("connection").iter().any(|value| value.to_ascii_lowercase().contains("upgrade")), "{seen:?}");
        // The connection speaks HTTP/1.1 as before, and the next request is judged for itself.
        let next = raw.ask(format!("GET /x HTTP/1.1\r\nHost: {}\r\n\r\n", ground.house.authority_of(label)));
        assert_eq!(next.status, 401, "{label} {protocol}");
        // The preface of HTTP/2 in its place is no request.
        let (mut raw, _) = ask(&ground.house, label, protocol, &format!("{origin}{}", right()));
        let preface = raw.ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert!((400..600).contains(&preface.status), "{label} {protocol}: {preface:?}");
        assert!(upstream.requests().iter().all(|request| request.method == "GET"));
    }
    // An upstream that agrees to what was never asked of it has no tunnel either.
    ground.adm.act("/socket.io/", Act::Raw(AGREED.to_vec()));
    let origin = format!("Origin: https://{}\r\n", ground.house.authority_of("adm"));
    let (_, reply) = ask(&ground.house, "adm", "websocket", &format!("{origin}{}", right()));
    assert_eq!(reply.status, 502, "{reply:?}");
}

#[test]
fn gate_14_a_websocket_passes_with_credentials_when_a_page_of_its_own_host_asks() {
    let ground = Ground::start();
    let own = ground.house.authority_of("pga");
    for origin in [
        String::new(),
        "Origin: null\r\n".to_owned(),
        "Origin: https://evil.test\r\n".to_owned(),
        format!("Origin: http://{own}\r\n"),
        format!("Origin: https://{own}.evil.test\r\n"),
        format!("Origin: https://{own}/\r\n"),
        format!("Origin: {}\r\n", ground.house.origin()),
        format!("Origin: https://{}\r\n", ground.house.authority_of("adm")),
        format!("Origin: https://{own}\r\nOrigin: https://evil.test\r\n"),
    ] {
        let (_, reply) = ask(&ground.house, "pga", "websocket", &format!("{origin}{}", right()));
        assert!(matches!(reply.status, 400 | 403), "{origin:?}: {reply:?}");
    }
    ground.assert_untouched("a page of another origin");
    let (mut raw, reply) = ask(&ground.house, "pga", "websocket", &format!("Origin: https://{own}\r\n{}", right()));
    assert_eq!(reply.status, 101, "{reply:?}");
    // Through the tunnel go octets, not requests: the gate's credentials were removed before it opened.
    raw.send("GET /through HTTP/1.1\r\n\r\n");
    assert_eq!(raw.read_reply().unwrap().json()["target"], "/through");
    let octets = String::from_utf8_lossy(&ground.pga.octets().concat()).to_lowercase();
    assert!(octets.contains("upgrade: websocket") && !octets.contains("authorization"), "{octets}");
}

#[test]
fn gate_14_http_2_opens_no_tunnel_at_a_gate() {
    let mut ground = Ground::start();
    let own = ground.house.authority_of("pga");
    let origin = format!("https://{own}");
    let credentials = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    let extended = |protocol: &'static str| {
        let head = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "https"), (":authority", own.as_str())];
        [head.as_slice(), &[(":path", "/socket.io/"), ("sec-websocket-version", "13"), ("origin", origin.as_str())]].concat()
    };
    let plain = vec![(":method", "CONNECT"), (":authority", own.as_str())];
    let upgrade = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", own.as_str()),
        (":path", "/socket.io/"),
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
    ];
    for request in [extended("websocket"), extended("connect-udp"), extended("h2c"), plain, upgrade] {
        for more in [None, Some(("authorization", credentials.as_str()))] {
            let fields: Vec<_> = request.iter().copied().chain(more).collect();
            let outcome = ground.frames().ask(&fields);
            let is_refused = match &outcome {
                Outcome::Answer(reply) => matches!(reply.status, 400 | 401 | 405 | 501),
                other => other.is_refusal(),
            };
            assert!(is_refused, "{fields:?}: {outcome:?}");
        }
    }
    ground.assert_untouched("a tunnel over HTTP/2");
    // Nothing in the settings invites it.
    let mut frames = ground.frames();
    let settings = std::iter::from_fn(|| frames.read().ok()).find(|frame| frame.kind == SETTINGS).unwrap();
    let ids: Vec<u16> = settings.payload.chunks_exact(6).map(|item| u16::from_be_bytes([item[0], item[1]])).collect();
    assert!(!ids.is_empty() && !ids.contains(&ENABLE_CONNECT_PROTOCOL), "{ids:?}");
    ground.house.assert_alive();
}

#[test]
fn gate_14_the_plain_listener_upgrades_to_nothing() {
    let ground = Ground::start();
    for request in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        format!(
            "GET /socket.io/ HTTP/1.1\r\nHost: pga.app.test:{}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n{}\r\n",
            ground.house.http().port(),
            right()
        ),
    ] {
        let reply = ground.house.raw_plain().ask(&request);
        assert!((300..600).contains(&reply.status), "{request}: {reply:?}");
    }
    ground.assert_untouched("an upgrade over plain HTTP");
}
