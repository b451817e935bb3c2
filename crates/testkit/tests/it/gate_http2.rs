//! The same attacks on the gates in frames: hosts, paths, targets, methods and fields of HTTP/2 (GATE-04, 07 to 10, 13, 17 to 19).

use doorward_testkit::h2::{H2Frames, Outcome};
use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, INSIDE, OUTSIDE, basic_auth};

use crate::path::DISGUISES;
use crate::site::{Site, UIS};

type Fields<'a> = Vec<(&'a str, &'a str)>;

fn right() -> String {
    basic_auth(ADMIN_USER, ADMIN_PASSWORD)
}

/// A request on a connection of its own: a fault may end it.
fn ask(site: &Site, from: std::net::IpAddr, method: &str, authority: &str, path: &str, more: &Fields<'_>) -> Outcome {
    let mut frames = H2Frames::connect(site.house.https(), from, "adm.app.test").unwrap();
    let pseudo = [(":method", method), (":scheme", "https"), (":authority", authority), (":path", path)];
    let fields: Vec<_> = pseudo.into_iter().chain(more.iter().copied()).collect();
    frames.ask(&fields)
}

/// A reset or a goaway counts as a refusal of what is malformed; an answer has to be one of these.
#[track_caller]
fn assert_refused(outcome: &Outcome, statuses: &[u16], what: &str) {
    match outcome {
        Outcome::Answer(reply) => {
            assert!(statuses.contains(&reply.status), "{what}: {reply:?}");
            assert!(!reply.all("strict-transport-security").is_empty(), "{what}: {reply:?}");
        }
        other => assert!(other.is_refusal(), "{what}: {other:?}"),
    }
}

#[test]
fn gate_07_in_http_2_a_gate_is_found_by_every_spelling_of_its_host_and_never_by_accident() {
    let mut site = Site::start();
    let port = site.house.https().port();
    for authority in [
        format!("ADM.app.test:{port}"),
        format!("adm.app.test.:{port}"),
        "adm.app.test".to_owned(),
        "adm.app.test:443".to_owned(),
        "Adm.App.Test.".to_owned(),
        "adm.app.test..".to_owned(),
        "adm.app.test%00".to_owned(),
        "adm.app.test\t".to_owned(),
        "adm.app.test:0x1bb".to_owned(),
        "adm.app.test:".to_owned(),
        "adm\u{3002}app\u{3002}test".to_owned(),
        "[::1]".to_owned(),
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        "x.adm.app.test".to_owned(),
        "user@adm.app.test".to_owned(),
        "adm.app.test/".to_owned(),
        "adm.app.test,app.test".to_owned(),
        String::new(),
    ] {
        let outcome = ask(&site, INSIDE, "GET", &authority, "/admin/", &vec![]);
        assert_refused(&outcome, &[400, 401, 404, 421], &format!("{authority:?}"));
    }
    site.assert_upstreams_untouched("an authority in disguise");
    let right = right();
    for authority in [format!("ADM.app.test:{port}"), format!("adm.app.test.:{port}")] {
        let reply = ask(&site, INSIDE, "GET", &authority, "/admin/", &vec![("authorization", &right)]).answer();
        assert_eq!(reply.json()["upstream"], "adm", "{authority}");
    }
    site.house.assert_alive();
}

#[test]
fn gate_08_in_http_2_no_disguise_of_a_path_leads_round_the_gate() {
    let mut site = Site::start();
    let adm = site.house.authority_of("adm");
    for path in DISGUISES {
        let outcome = ask(&site, INSIDE, "GET", &adm, path, &vec![]);
        assert_refused(&outcome, &[400, 401, 404], path);
        let outcome = ask(&site, OUTSIDE, "GET", &adm, path, &vec![("authorization", &right())]);
        assert_refused(&outcome, &[400, 403, 404], path);
    }
    for path in ["", "admin/", "*", "https://adm.app.test/admin/", "//adm.app.test/admin/", "http://127.0.0.1:5555/"] {
        let outcome = ask(&site, INSIDE, "GET", &adm, path, &vec![]);
        assert_refused(&outcome, &[400, 401, 404], path);
    }
    for label in ["pga", "flw", "dash"] {
        let outcome = ask(&site, INSIDE, "GET", &site.house.authority_of(label), "//admin/..;/", &vec![]);
        assert_refused(&outcome, &[400, 401, 404], label);
    }
    site.assert_upstreams_untouched("a path in disguise");
    site.house.assert_alive();
}

#[test]
fn gate_09_behind_a_gate_both_protocols_forward_what_they_matched_and_the_same() {
    let site = Site::start();
    let (adm, right) = (site.house.authority_of("adm"), right());
    let ui = &site.uis[0];
    let plain = ["/", "/admin/", "/%7Euser", "/caf%c3%a9", "/a%20b", "/x?q=%2F..%2F&r=%61;z//", "/x?"];
    for path in DISGUISES.iter().chain(&plain) {
        ui.clear();
        let old = {
            let mut raw = site.house.raw_from(INSIDE, "adm.app.test");
            raw.send_what_it_takes(format!("GET {path} HTTP/1.1\r\nHost: {adm}\r\nAuthorization: {right}\r\n\r\n"));
            let status = raw.read_reply().unwrap().status;
            (status, ui.requests().into_iter().map(|request| request.target).collect::<Vec<_>>())
        };
        ui.clear();
        let new = match ask(&site, INSIDE, "GET", &adm, path, &vec![("authorization", &right)]) {
            Outcome::Answer(reply) => (reply.status, ui.requests().into_iter().map(|request| request.target).collect()),
            other => {
                assert!(other.is_refusal(), "{path}: {other:?}");
                assert_eq!(ui.count(), 0, "{path}");
                (400, Vec::new())
            }
        };
        // What a browser keeps to itself has no place in a target: refused in the one protocol, cut off by the library in the other
        // before anything is matched.
        let is_cut = path.contains('#') && old.0 == 400;
        assert!(old == new || is_cut, "{path} is read in two ways: {old:?} {new:?}");
        for target in old.1.into_iter().chain(new.1) {
            let path = target.split('?').next().unwrap_or_default();
            for trap in ["//", "/./", "/../", "\\", "%2F", "%2f", "%5C", "%5c", "%00", "%25", ";"] {
                assert!(!path.contains(trap), "{path} can be read otherwise");
            }
        }
    }
    ui.clear();
    for (sent, forwarded) in [("/%7Euser", "/~user"), ("/caf%c3%a9", "/caf%C3%A9"), ("/x?q=%2F..", "/x?q=%2F..")] {
        assert_eq!(ask(&site, INSIDE, "GET", &adm, sent, &vec![("authorization", &right)]).answer().status, 200);
        assert_eq!(ui.last().target, forwarded);
    }
}

#[test]
fn gate_13_in_http_2_every_method_meets_the_gate() {
    let site = Site::start();
    let adm = site.house.authority_of("adm");
    for method in
        ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT", "TRACE", "CONNECT", "PROPFIND", "FOO", "get", "PRI"]
    {
        let outcome = ask(&site, INSIDE, method, &adm, "/admin/", &vec![]);
        assert_refused(&outcome, &[400, 401, 405, 501], method);
        let usual = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"].contains(&method);
        assert!(!usual || matches!(&outcome, Outcome::Answer(reply) if reply.status == 401), "{method}: {outcome:?}");
    }
    let preflight = vec![("origin", "https://evil.test"), ("access-control-request-method", "POST")];
    assert_eq!(ask(&site, INSIDE, "OPTIONS", &adm, "/admin/", &preflight).answer().status, 401);
    site.assert_upstreams_untouched("a method without credentials");
}

#[test]
fn gate_04_in_http_2_no_field_moves_the_client_inside() {
    let site = Site::start();
    let (adm, right) = (site.house.authority_of("adm"), right());
    for name in
        ["x-forwarded-for", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip", "client-ip", "x_forwarded_for"]
    {
        let outcome = ask(&site, OUTSIDE, "GET", &adm, "/admin/", &vec![("authorization", &right), (name, "127.0.0.1")]);
        assert_refused(&outcome, &[400, 403], name);
    }
    for value in ["for=127.0.0.1", "for=\"127.0.0.1\"", "for=127.0.0.2, for=127.0.0.1"] {
        let outcome = ask(&site, OUTSIDE, "GET", &adm, "/admin/", &vec![("authorization", &right), ("forwarded", value)]);
        assert_refused(&outcome, &[403], value);
    }
    site.assert_upstreams_untouched("a forged address");
}

#[test]
fn gate_17_credentials_are_read_in_one_way_in_both_protocols() {
    let site = Site::start();
    let (adm, right) = (site.house.authority_of("adm"), right());
    let token = right.trim_start_matches("Basic ").to_owned();
    let wrong = basic_auth(ADMIN_USER, "wrong");
    let odd: Vec<Vec<String>> = vec![
        vec![right.clone(), right.clone()],
        vec![right.clone(), wrong.clone()],
        vec![wrong, right.clone()],
        vec![format!("{right}, {right}")],
        vec!["Basic".to_owned()],
        vec!["Basic ".to_owned()],
        vec![format!("Basic{token}")],
        vec![format!("Basic\t{token}")],
        vec![format!("Basic {token} x")],
        vec![format!("Basic {token}!")],
        vec!["Basic !!!".to_owned()],
        vec!["Basic a2VlcGVy".to_owned()],
        vec![basic_auth("", ADMIN_PASSWORD)],
        vec![basic_auth(ADMIN_USER, "")],
        vec![basic_auth(&format!("{ADMIN_USER}\0"), ADMIN_PASSWORD)],
        vec![basic_auth(ADMIN_USER, &format!("{ADMIN_PASSWORD}\0"))],
        vec![format!("Digest {token}")],
        vec![token],
    ];
    for values in &odd {
        let fields: Vec<_> = values.iter().map(|value| ("authorization", value.as_str())).collect();
        assert_refused(&ask(&site, INSIDE, "GET", &adm, "/admin/", &fields), &[400, 401], &format!("{values:?}"));
        let lines: String = values.iter().map(|value| format!("Authorization: {value}\r\n")).collect();
        let reply =
            site.house.raw_from(INSIDE, "adm.app.test").ask(format!("GET /admin/ HTTP/1.1\r\nHost: {adm}\r\n{lines}\r\n"));
        assert!(matches!(reply.status, 400 | 401), "{values:?}: {reply:?}");
    }
    site.assert_upstreams_untouched("odd credentials");
    for scheme in ["basic", "BASIC", "bAsIc"] {
        let value = right.replace("Basic", scheme);
        assert_eq!(ask(&site, INSIDE, "GET", &adm, "/admin/", &vec![("authorization", &value)]).answer().status, 200, "{scheme}");
    }
}

#[test]
fn gate_18_and_19_hold_in_http_2() {
    let site = Site::start();
    let right = right();
    let mut challenges = Vec::new();
    for ((label, _), ui) in UIS.iter().zip(&site.uis) {
        let authority = site.house.authority_of(label);
        let reply = ask(&site, INSIDE, "GET", &authority, "/admin/", &vec![]).answer().expect(401);
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        challenges.push((reply.header("www-authenticate").unwrap().to_owned(), reply.body.clone()));
        ask(&site, INSIDE, "GET", &authority, "/admin/", &vec![("authorization", &right)]).answer().expect(200);
        assert!(ui.last().all("authorization").is_empty(), "{:?}", ui.last());
        let raw = String::from_utf8_lossy(&ui.octets().concat()).into_owned();
        assert!(!raw.contains(right.trim_start_matches("Basic ")), "{raw}");
    }
    assert!(challenges.windows(2).all(|pair| pair[0] == pair[1]), "{challenges:?}");
}
