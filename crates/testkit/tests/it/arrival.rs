//! Whom a connection comes from, when somebody in front brings it: the PROXY protocol.

use std::net::IpAddr;

use doorward_testkit::{House, INSIDE, OUTSIDE, PROXY, RawClient, Reply, SOMEWHERE, Tls};

use crate::site::Site;

/// [`PROXY`] brings clients; what [`SOMEWHERE`] says of others by a field is believed.
fn behind_a_balancer() -> Site {
    Site::with(|builder| builder.listen("proxy_protocol = [\"127.0.0.3/32\"]").listen("trusted_proxies = [\"127.0.0.4/32\"]"))
}

fn line(client: IpAddr) -> Vec<u8> {
    format!("PROXY TCP4 {client} 127.0.0.1 4711 443\r\n").into_bytes()
}

fn block(command: u8, client: IpAddr) -> Vec<u8> {
    let IpAddr::V4(v4) = client else { panic!("an address of the tests is IPv4") };
    // One extension behind the addresses, as balancers in clouds send.
    let mut header = b"\r\n\r\n\0\r\nQUIT\n".to_vec();
    header.extend([0x20 | command, 0x11, 0, 16]);
    header.extend(v4.octets().into_iter().chain([127, 0, 0, 1, 0x12, 0x67, 1, 0xbb, 0xea, 0, 1, 7]));
    header
}

/// Knocks at a gate that lets [`INSIDE`] in: 401 says inside, 403 outside. `None` when the connection ends without an answer.
fn knock(site: &Site, preface: &[u8], from: IpAddr, fields: &str) -> Option<Reply> {
    let authority = site.house.authority_of("adm");
    let host = authority.split(':').next().unwrap();
    let mut raw = RawClient::tls_after(preface, site.house.https(), from, &Tls::to(host)).ok()?;
    raw.try_send(format!("GET / HTTP/1.1\r\nHost: {authority}\r\n{fields}\r\n").as_bytes()).ok()?;
    raw.read_reply().ok()
}

#[track_caller]
fn assert_knock(site: &Site, preface: &[u8], from: IpAddr, fields: &str, status: u16) {
    let reply = knock(site, preface, from, fields).unwrap_or_else(|| panic!("no answer to {preface:?} from {from}"));
    assert_eq!(reply.status, status, "{preface:?} from {from} {fields:?}: {reply:?}");
}

fn plain(house: &House, preface: &[u8], from: IpAddr) -> Option<Reply> {
    let mut raw = RawClient::plain(house.http(), from).unwrap();
    raw.try_send(preface).ok()?;
    raw.try_send(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", house.host()).as_bytes()).ok()?;
    raw.read_reply().ok()
}

#[test]
fn proxy_06_a_header_of_the_proxy_protocol_counts_from_listed_peers_and_from_nobody_else() {
    let site = behind_a_balancer();
    let mut silent = RawClient::plain(site.house.https(), PROXY).unwrap();
    // A listed peer brings whom it names, in both versions.
    for (preface, status) in [
        (line(INSIDE), 401),
        (line(OUTSIDE), 403),
        (block(1, INSIDE), 401),
        (block(1, OUTSIDE), 403),
        (block(0, INSIDE), 403),
        (b"PROXY UNKNOWN 127.0.0.1 127.0.0.1 1 2\r\n".to_vec(), 403),
    ] {
        assert_knock(&site, &preface, PROXY, "", status);
        // Nothing that the client adds changes who it is.
        assert_knock(&site, &preface, PROXY, "X-Forwarded-For: 127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n", status);
    }
    // The walk through trusted hops starts from whom it named.
    assert_knock(&site, &line(SOMEWHERE), PROXY, "X-Forwarded-For: 127.0.0.1\r\n", 401);
    assert_knock(&site, &line(SOMEWHERE), PROXY, "X-Forwarded-For: 127.0.0.2\r\n", 403);
    site.assert_upstreams_untouched("a knock without a password");
    assert_eq!(plain(&site.house, &line(OUTSIDE), PROXY).map(|reply| reply.status), Some(308));
    // One that does not speak it is not listened to.
    for silence in [&b""[..], b"PROXY TCP4 127.0.0.1\r\n", b"PROXY TCP4 0.0.0.0 127.0.0.1 1 2\r\n", &block(7, INSIDE)] {
        assert!(knock(&site, silence, PROXY, "").is_none(), "{silence:?}");
        assert!(plain(&site.house, silence, PROXY).is_none(), "{silence:?}");
    }
    assert!(silent.read_to_end().is_empty(), "whoever says nothing gets nothing, and no more time than a handshake");

    // Everybody else forges. Before the handshake it is no TLS; behind it and in clear it is a bad request.
    for preface in [line(INSIDE), block(1, INSIDE), b"PROXY UNKNOWN\r\n".to_vec()] {
        for from in [OUTSIDE, SOMEWHERE, INSIDE] {
            assert!(knock(&site, &preface, from, "").is_none(), "{preface:?} from {from}");
            let refused = plain(&site.house, &preface, from).expect("an answer in clear");
            assert_eq!(refused.status, 400, "{preface:?} from {from}: {refused:?}");
            let mut inside = RawClient::tls(site.house.https(), from, &Tls::to(site.house.host())).unwrap();
            let own = site.house.authority();
            inside.send(&preface);
            let refused = inside.ask(format!("GET / HTTP/1.1\r\nHost: {own}\r\n\r\n"));
            assert_eq!(refused.status, 400, "{preface:?} within TLS from {from}: {refused:?}");
        }
        // Nobody is brought to what stands inside.
        let mut internal = RawClient::plain(site.house.internal(), PROXY).unwrap();
        internal.send(&preface);
        assert_eq!(internal.ask("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").status, 400);
    }
    site.assert_upstreams_untouched("a forged header");
    assert_knock(&site, b"", INSIDE, "", 401);
    assert_knock(&site, b"", OUTSIDE, "", 403);
}

#[test]
fn whom_a_balancer_brings_is_who_is_counted_logged_and_told_to_upstreams() {
    let site = Site::with(|builder| builder.listen("proxy_protocol = [\"127.0.0.3/32\"]").limit("edge_gate", "2/min"));
    let last = |client: &str| {
        let preface = line(client.parse().unwrap());
        knock(&site, &preface, PROXY, "").expect("an answer").status
    };
    for (client, status) in [("192.0.2.1", 403), ("192.0.2.1", 403), ("192.0.2.1", 429), ("192.0.2.2", 403), ("192.0.2.1", 429)] {
        assert_eq!(last(client), status, "{client}");
    }
    let authority = site.house.authority();
    let brought = line("192.0.2.77".parse().unwrap());
    let mut raw = RawClient::tls_after(&brought, site.house.https(), PROXY, &Tls::to(site.house.host())).unwrap();
    assert_eq!(raw.ask(format!("GET /brought HTTP/1.1\r\nHost: {authority}\r\n\r\n")).status, 200);
    assert_eq!(site.web.last().header("x-forwarded-for"), Some("192.0.2.77"));
    assert_eq!(site.web.last().header("x-real-ip"), Some("192.0.2.77"));
    let log = doorward_testkit::until(std::time::Duration::from_secs(10), "the request's line", || {
        site.house.stderr().lines().find(|line| line.contains("/brought")).map(str::to_owned)
    });
    assert!(log.contains("192.0.2.77") && !log.contains("127.0.0.3"), "{log}");
    // The list changes while running, as the list of trusted proxies does.
    site.house.reload_with(|text| text.replace("proxy_protocol = [\"127.0.0.3/32\"]", "proxy_protocol = []"));
    assert!(knock(&site, &brought, PROXY, "").is_none(), "no longer listed");
    assert_knock(&site, b"", PROXY, "", 403);
}
