//! Certificates ordered by the whole program from a real authority, Pebble.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use doorward_testkit::raw::Trust;
use doorward_testkit::real::{Pebble, PebbleOptions, Postgres};
use doorward_testkit::{EchoUpstream, House, HouseBuilder, INSIDE, RawClient, Start, Tls, free_port, until};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);

fn house(authority: &Pebble, web: &EchoUpstream) -> HouseBuilder {
    House::builder().acme(authority).echo(web).route("/", "web", "public")
}

/// The certificate that a handshake shows, if it is the authority's and names the host.
fn served(to: SocketAddr, host: &str, authority: &Pebble) -> Option<Vec<u8>> {
    let root = CertificateDer::from_pem_slice(authority.issuing_root_pem().as_bytes()).unwrap();
    shown(to, &Tls::to(host).trust(Trust::Authority(root)))
}

fn shown(to: SocketAddr, tls: &Tls) -> Option<Vec<u8>> {
    let mut raw = RawClient::tls(to, INSIDE, tls).ok()?;
    // The handshake is made with the first octets.
    raw.send_what_it_takes(b"GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n");
    raw.read_reply().ok()?;
    Some(raw.session()?.peer_certificates()?.first()?.to_vec())
}

/// Entries of an event, newest first: node and reason.
fn told(house: &House, event: &str) -> Vec<(String, String)> {
    let output = house.command(&["audit", "search", "--event", event, "--limit", "1000", "--json"]);
    let lines = String::from_utf8(output.stdout).unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .map(|entry| (text(&entry, "node"), text(&entry, "reason")))
        .collect()
}

fn count(house: &House, event: &str, reason: &str) -> usize {
    told(house, event).iter().filter(|(_, told)| told == reason).count()
}

fn inside(house: &House, path: &str) -> (u16, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", house.internal());
    let reply = RawClient::plain(house.internal(), INSIDE).unwrap().ask(request);
    (reply.status, reply.text())
}

fn gauge(house: &House, name: &str) -> i64 {
    let text = inside(house, "/metrics").1;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
}

/// A configuration with one more host.
fn with_tools(text: String) -> String {
    text + "\n[[upstream]]\nname = \"tools\"\nurl = \"http://127.0.0.1:9\"\n[[gate]]\nname = \"tools\"\nhost = \"tools.app.test\"\n\
            upstream = \"tools\"\nallow = [\"127.0.0.1/32\"]\nusers_file = \"gate.htpasswd\"\nprofile = \"strict\"\n"
}

/// Orders that the authority was sent, by its own log.
fn asked_for(authority: &Pebble) -> usize {
    authority.log().lines().filter(|line| line.contains("POST /order-plz")).count()
}

#[test]
fn tls_13_a_flood_of_random_names_orders_nothing() {
    let authority = Pebble::start(free_port(), free_port());
    let web = EchoUpstream::start("web");
    let house = house(&authority, &web).start();
    until(PATIENCE, "a certificate", || served(house.https(), "app.test", &authority));
    until(PATIENCE, "the entry", || (count(&house, "acme.order", "issued") == 1).then_some(()));
    assert_eq!((count(&house, "acme.order", "ordered"), asked_for(&authority)), (1, 1));
    let from = IpAddr::from([127, 0, 0, 77]);
    for number in 0..150_u32 {
        let random = number.wrapping_mul(2_654_435_761);
        for name in [format!("x{random:08x}.app.test"), format!("x{random:08x}.test")] {
            // By the handshake, by the header of a request in a good one, and where an authority would ask.
            assert!(shown(house.https(), &Tls::to(&name)).is_none(), "{name} was shown a certificate");
            if number % 10 == 0 {
                let request = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
                let status = RawClient::tls(house.https(), from, &Tls::to("app.test")).unwrap().ask(request).status;
                assert_eq!(status, 421, "{name}");
                let request = format!("GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
                RawClient::plain(house.http(), from).unwrap().ask(request);
            }
        }
    }
    // An order for a name of the configuration, made after the flood, is the second: whatever the flood had caused was before it.
    house.reload_with(with_tools);
    until(PATIENCE, "a certificate with both hosts", || served(house.https(), "tools.app.test", &authority));
    until(PATIENCE, "the entry", || {
        (count(&house, "acme.order", "issued") + count(&house, "acme.order", "renewed") == 2).then_some(())
    });
    assert_eq!((count(&house, "acme.order", "ordered"), asked_for(&authority)), (2, 2), "{}", authority.log());
}

/// From a start with nothing to a restart without the authority.
#[test]
fn a_certificate_is_ordered_at_the_first_start_for_new_hosts_and_never_again_without_need() {
    let mut authority = Pebble::start(free_port(), free_port());
    let web = EchoUpstream::start("web");
    // No variable stands between the program and its authority, or adds one to those it believes (TLS-05).
    let mut astray = house(&authority, &web).var("SSL_CERT_FILE", "/dev/null").var("SSL_CERT_DIR", "/nonexistent");
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        astray = astray.var(name, "http://127.0.0.1:9");
    }
    let mut house = astray.start();
    let first = until(PATIENCE, "a certificate", || served(house.https(), "app.test", &authority));
    until(PATIENCE, "readiness", || (inside(&house, "/health/ready").0 == 200).then_some(()));
    assert_eq!(gauge(&house, "doorward_certificate_placeholder"), 0);
    assert!(gauge(&house, "doorward_certificate_not_after_timestamp_seconds") > 1_700_000_000);
    until(PATIENCE, "the entries", || (count(&house, "tls.reload", "acme") == 1).then_some(()));
    assert_eq!((count(&house, "acme.order", "ordered"), count(&house, "acme.order", "issued")), (1, 1));

    // Another host in the file: one more order, and one certificate for both.
    house.reload_with(with_tools);
    let second = until(PATIENCE, "a certificate with both hosts", || served(house.https(), "tools.app.test", &authority));
    assert!(second != first && served(house.https(), "app.test", &authority) == Some(second.clone()));
    until(PATIENCE, "the entry", || (count(&house, "acme.order", "ordered") == 2).then_some(()));

    // A restart serves what is stored at once, whether the authority is there or not, and asks it for nothing.
    let root = CertificateDer::from_pem_slice(authority.issuing_root_pem().as_bytes()).unwrap();
    authority.stop();
    house.restart_with(|text| text);
    assert_eq!(shown(house.https(), &Tls::to("app.test").trust(Trust::Authority(root))), Some(second));
    assert_eq!((inside(&house, "/health/ready").0, count(&house, "acme.order", "ordered")), (200, 2));
}

/// What is there at a start, `stored_certificate` decides.
#[test]
fn tls_08_what_others_put_into_the_store_of_a_running_process_is_not_served() {
    let authority = Pebble::start(free_port(), free_port());
    let web = EchoUpstream::start("web");
    let mut house = house(&authority, &web).start();
    let own = until(PATIENCE, "a certificate", || served(house.https(), "app.test", &authority));
    let file = house.data_dir().join("acme/certificate.json");
    until(PATIENCE, "it is kept", || file.exists().then_some(()));
    let mut foreign: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let read = |name: &str| Value::from(std::fs::read_to_string(house.folder().join(name)).unwrap());
    (foreign["chain"], foreign["key"]) = (read("site.pem"), read("site.key"));
    std::fs::write(&file, foreign.to_string()).unwrap();
    house.hang_up();
    until(PATIENCE, "a refusal", || (count(&house, "acme.refused", "issuer") > 0).then_some(()));
    assert_eq!(served(house.https(), "app.test", &authority).as_ref(), Some(&own));
    house.stop();
    let Start::Refused { code: Some(2), stderr, .. } = house.try_again() else { panic!("it started") };
    assert!(stderr.contains("did not come from the staging authority (issuer)"), "{stderr}");
}

#[test]
fn a_house_that_cannot_prove_its_name_serves_a_placeholder_and_is_not_ready() {
    let authority = Pebble::start(free_port(), free_port());
    // Nobody is there: the authority cannot see the answers.
    authority.send_name_to("app.test", "127.0.0.9");
    let web = EchoUpstream::start("web");
    let house = house(&authority, &web).start();
    until(PATIENCE, "a failed validation", || (count(&house, "acme.order", "validation") > 0).then_some(()));
    assert_eq!((inside(&house, "/health/ready").0, inside(&house, "/health/live").0), (503, 200));
    assert_eq!(gauge(&house, "doorward_certificate_placeholder"), 1);
    assert!(shown(house.https(), &Tls::to("app.test")).is_some() && served(house.https(), "app.test", &authority).is_none());
    assert_eq!((count(&house, "tls.reload", "acme"), count(&house, "acme.order", "issued")), (0, 0));
}

/// A process that is killed in the middle of its order and started again, as a service manager does.
#[test]
fn tls_13_a_crash_loop_of_the_whole_program_orders_five_times_an_hour_at_most() {
    let authority = Pebble::start(free_port(), free_port());
    authority.send_name_to("app.test", "127.0.0.9");
    let web = EchoUpstream::start("web");
    let mut house = house(&authority, &web).start();
    let (mut orders, mut starts_without) = (0, 0);
    for _ in 0..10 {
        let asked = until(PATIENCE, "an order, or the word that there is none", || {
            let asked = asked_for(&authority);
            (asked > orders || house.stderr().contains("tried too often")).then_some(asked)
        });
        starts_without += usize::from(asked == orders);
        house.strike();
        house.bury();
        // What was under way when it was killed may have come to be seen since.
        orders = asked_for(&authority);
        if starts_without == 2 {
            break;
        }
        house.rise();
    }
    assert_eq!(starts_without, 2, "{}", authority.log());
    assert!((3..=5).contains(&orders), "{orders} orders\n{}", authority.log());
    let noted = std::fs::read_to_string(house.data_dir().join("acme/attempts.json")).unwrap();
    let noted: Value = serde_json::from_str(&noted).unwrap();
    assert_eq!(noted["attempts"]["app.test"].as_array().map(Vec::len), Some(5), "{noted}");
}

/// An authority that rejects every second nonce and asks over TLS alone; certificates that live for seconds.
#[test]
fn tls_14_renewals_are_swapped_under_load_and_what_is_served_stays_when_the_authority_is_gone() {
    let (http_port, tls_port) = (free_port(), free_port());
    let mut authority = Pebble::start_with(PebbleOptions { http_port, tls_port, validity: 30, nonce_reject: 50 });
    let web = EchoUpstream::start("web");
    // Nobody answers at the port for http-01.
    let house = house(&authority, &web).http_port(free_port()).start();
    let mut last = until(PATIENCE, "a certificate", || served(house.https(), "app.test", &authority));
    let (begin, mut renewals) = (Instant::now(), 0);
    while renewals < 1 {
        assert!(begin.elapsed() < PATIENCE, "{renewals} renewals");
        // Every handshake shows a whole, trusted certificate: nobody meets the moment between two.
        let now = served(house.https(), "app.test", &authority);
        let now = now.unwrap_or_else(|| panic!("no handshake after {:?}\n{}", begin.elapsed(), house.stderr()));
        renewals += usize::from(now != last);
        last = now;
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(count(&house, "acme.order", "renewed") >= 1);
    authority.stop();
    until(PATIENCE, "a failed renewal", || (count(&house, "acme.order", "unreachable") > 0).then_some(()));
    // Pebble forgets its root with the process; the leaf tells that nothing was put in its place.
    assert_eq!(shown(house.https(), &Tls::to("app.test")), Some(last));
}

#[test]
fn two_nodes_on_one_database_order_once_and_either_answers_for_the_other() {
    let database = Postgres::start();
    let name = database.database();
    let authority = Pebble::start(free_port(), free_port());
    let web = EchoUpstream::start("web");
    let house = house(&authority, &web).store(&database.section_of(&name)).start();
    let node = house.another_node();
    let first = until(PATIENCE, "a certificate", || served(house.https(), "app.test", &authority));
    until(PATIENCE, "the same on the other node", || (served(node.https(), "app.test", &authority)? == first).then_some(()));
    let orders = || told(&house, "acme.order").into_iter().filter(|(_, reason)| reason == "ordered").collect::<Vec<_>>();
    until(PATIENCE, "the entry", || (!orders().is_empty()).then_some(()));
    assert_eq!(orders().len(), 1, "{:?}", orders());
    // Nothing in the database can be used without the site's keys.
    let octets = database.octets_of(&name);
    for secret in [&b"BEGIN PRIVATE KEY"[..], b"BEGIN CERTIFICATE", b"key_authorization", b"\"credentials\""] {
        assert!(!octets.windows(secret.len()).any(|window| window == secret), "{}", String::from_utf8_lossy(secret));
    }
    // The first node has what it needs; the second starts without, and the authority asks the first for the second's proof.
    drop(node);
    database.ask(&name, "DELETE FROM vault WHERE name = 'acme/certificate'").unwrap();
    let node = house.another_node();
    let second = until(PATIENCE, "another certificate", || served(node.https(), "app.test", &authority));
    assert_ne!(second, first);
    until(PATIENCE, "the same on the first node", || (served(house.https(), "app.test", &authority)? == second).then_some(()));
    until(PATIENCE, "the entry", || (orders().len() > 1).then_some(()));
    assert_eq!(orders().first().map(|(node, _)| node.clone()), Some("second".to_owned()), "{:?}", orders());
}

#[test]
fn tls_13_two_nodes_on_one_database_order_five_times_an_hour_together() {
    let database = Postgres::start();
    let name = database.database();
    let authority = Pebble::start(free_port(), free_port());
    authority.send_name_to("app.test", "127.0.0.9");
    let web = EchoUpstream::start("web");
    let house = house(&authority, &web).store(&database.section_of(&name)).start();
    let node = house.another_node();
    until(PATIENCE, "the word that there are no more orders", || {
        [house.stderr(), node.stderr()].iter().all(|log| log.contains("tried too often")).then_some(())
    });
    assert_eq!(asked_for(&authority), 5, "{}", authority.log());
    assert_eq!(database.ask(&name, "SELECT count(*) FROM vault WHERE name = 'acme/attempts'").unwrap(), "1");
    let octets = database.octets_of(&name);
    assert!(!octets.windows(16).any(|window| window == b"left_alone_until"), "the row is sealed");
}
