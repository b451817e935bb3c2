//! Gates: who gets to the four UIs, from where, with what.

use std::time::{Duration, Instant};

use doorward_testkit::h2::H2Frames;
use doorward_testkit::timing::Protocol;
use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Client, EchoUpstream, House, INSIDE, OUTSIDE, Request, Start, assert_detail, basic_auth, detail,
};

use crate::site::{Site, UIS, constant_part};

fn right() -> String {
    basic_auth(ADMIN_USER, ADMIN_PASSWORD)
}

fn wrong() -> [String; 3] {
    [
        basic_auth(ADMIN_USER, "wrong"),
        basic_auth("nobody", ADMIN_PASSWORD),
        basic_auth(&ADMIN_USER.to_uppercase(), ADMIN_PASSWORD),
    ]
}

fn with(authorization: Option<&str>) -> Request {
    let request = Request::get("/admin/");
    authorization.map_or_else(|| request.clone(), |value| request.clone().header("Authorization", value))
}

#[test]
fn gate_01_only_the_right_address_with_the_right_password_gets_to_a_ui() {
    let site = Site::start();
    for ((label, _), ui) in UIS.iter().zip(&site.uis) {
        for authorization in std::iter::once(None).chain(wrong().map(Some)) {
            let inside = site.insider(label).send(&with(authorization.as_deref()));
            assert_eq!(inside.status, 401, "{label}: {inside:?}");
            let outside = site.outsider(label).send(&with(authorization.as_deref()));
            assert_eq!(outside.status, 403, "{label}: {outside:?}");
        }
        let outside = site.outsider(label).send(&with(Some(&right())));
        assert_eq!(outside.status, 403, "{label}: {outside:?}");
        assert_eq!(ui.count(), 0, "{label}");
        let inside = site.insider(label).send(&with(Some(&right()))).expect(200);
        assert_eq!(inside.json()["upstream"], *label);
        assert_eq!(ui.count(), 1, "{label}");
    }
}

#[test]
fn gate_02_no_route_leads_round_the_gate_to_its_upstream() {
    let ui = EchoUpstream::start("ui");
    let web = EchoUpstream::start("web");
    let base = || House::builder().echo(&ui).echo(&web).route("/", "web", "public").gate("adm", "ui", "strict");
    let port = ui.address().port();
    let refused = [
        ("the same upstream by name", base().route("/static/", "ui", "public")),
        ("even for members only", base().route("/x/", "ui", "signed-in")),
        ("the same address by another name", base().upstream("alias", &ui.url()).route("/x/", "alias", "public")),
        (
            "the same address spelt otherwise",
            base().upstream("alias", &format!("http://[::ffff:127.0.0.1]:{port}")).route("/x/", "alias", "public"),
        ),
        ("a second gate", base().gate("two", "ui", "strict")),
    ];
    for (what, builder) in refused {
        match builder.try_start() {
            Start::Refused { code: Some(2), stderr, .. } => assert!(stderr.contains("gate"), "{what}: {stderr}"),
            other => panic!("{what}: {other:?}"),
        }
    }
    // The base itself is fine: what was refused was the second way.
    assert!(matches!(base().try_start(), Start::Ready));
}

#[test]
fn gate_03_outsiders_get_one_constant_answer_whatever_they_know() {
    let site = Site::start();
    for (label, _) in UIS {
        let answers: Vec<_> = std::iter::once(None)
            .chain(wrong().map(Some))
            .chain([Some(right()), Some("Basic !!!".to_owned()), Some("Bearer x".to_owned())])
            .map(|authorization| site.outsider(label).send(&with(authorization.as_deref())))
            .collect();
        for answer in &answers {
            assert_eq!(answer.status, 403, "{answer:?}");
            assert!(answer.all("www-authenticate").is_empty(), "{answer:?}");
            assert_eq!(constant_part(answer), constant_part(&answers[0]), "{label}");
        }
    }
    site.assert_upstreams_untouched("an outsider");
}

#[test]
fn gate_03_an_outsiders_right_password_costs_no_more_time_than_a_wrong_one() {
    let site = Site::start();
    let ask = |client: &mut Client, authorization: &str| {
        let request = with(Some(authorization));
        let start = Instant::now();
        assert_eq!(client.send(&request).status, 403);
        start.elapsed()
    };
    let (mut one, mut two) = (site.outsider("adm"), site.outsider("adm"));
    let protocol = Protocol { gap: Duration::from_millis(2), ..Protocol::default() };
    let verdict = protocol.judge(|| ask(&mut one, &right()), || ask(&mut two, &basic_auth("nobody", "wrong")));
    assert!(verdict.is_ok(), "{verdict:?}");
}

#[test]
fn gate_04_no_field_of_a_request_moves_the_client_inside() {
    let site = Site::start();
    for name in [
        "X-Forwarded-For",
        "x-forwarded-for",
        "X_Forwarded_For",
        "X-Real-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "X-Original-Forwarded-For",
        "Client-IP",
        "Fastly-Client-IP",
    ] {
        let request = with(Some(&right())).header(name, "127.0.0.1");
        let reply = site.outsider("adm").send(&request);
        assert!(matches!(reply.status, 403 | 400), "{name}: {reply:?}");
    }
    for value in ["for=127.0.0.1", "for=\"127.0.0.1\"", "For=127.0.0.1;proto=https, for=127.0.0.1"] {
        let reply = site.outsider("adm").send(&with(Some(&right())).header("Forwarded", value));
        assert_eq!(reply.status, 403, "{reply:?}");
    }
    site.assert_upstreams_untouched("a forged address");
}

#[test]
fn gate_06_an_allowlist_that_is_open_empty_or_a_placeholder_is_refused_by_name_not_by_value() {
    let ui = EchoUpstream::start("ui");
    for (allow, secretive) in [
        ("allow = []", None),
        ("allow = [\"\"]", None),
        ("allow = [\"0.0.0.0/0\"]", Some("0.0.0.0/0")),
        ("allow = [\"::/0\"]", Some("::/0")),
        ("allow = [\"127.0.0.1/32\", \"0.0.0.0/0\"]", Some("0.0.0.0/0")),
        ("allow = [\"0.0.0.0/1\", \"128.0.0.0/1\"]", Some("128.0.0.0/1")),
        ("allow = [\"your_ip_address_here/32\"]", Some("your_ip")),
        ("allow = [\"CHANGE_ME\"]", Some("CHANGE_ME")),
        ("allow = [\"127.0.0.1/33\"]", Some("127.0.0.1/33")),
        ("allow = [\"010.0.0.1\"]", Some("010.0.0.1")),
        ("", None),
    ] {
        let start = House::builder().echo(&ui).gate_with("adm", "ui", "strict", allow).try_start();
        let Start::Refused { code: Some(2), stderr, .. } = start else { panic!("{allow}: {start:?}") };
        assert!(stderr.contains("allow"), "{allow}: {stderr}");
        let text = without_excerpt(&stderr);
        assert!(secretive.is_none_or(|value| !text.contains(value)), "the value is repeated for {allow}: {text}");
    }
}

/// What a fault says, without the excerpt of the file that shows where it stands.
fn without_excerpt(stderr: &str) -> String {
    stderr.lines().filter(|line| !line.contains('|')).collect::<Vec<_>>().join("\n")
}

#[test]
fn gate_06_a_gate_without_users_is_refused() {
    let ui = EchoUpstream::start("ui");
    let base = || House::builder().echo(&ui).gate("adm", "ui", "strict");
    let missing = base().edit("users_file = \"gate.htpasswd\"", "users_file = \"absent.htpasswd\"").try_start();
    let Start::Refused { code, stderr, .. } = missing else { panic!("{missing:?}") };
    assert_ne!(code, Some(0));
    assert!(stderr.contains("users_file"), "{stderr}");
    for content in [
        "",
        "\n\n",
        "# nobody yet\n",
        "keeper:plain\n",
        "keeper:$apr1$x$YWJj\n",
        "keeper:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
        "keeper\n",
    ] {
        let folder = tempfile_with(content);
        let file = folder.path().join("users");
        let start = base().edit("users_file = \"gate.htpasswd\"", &format!("users_file = \"{}\"", file.display())).try_start();
        let Start::Refused { code, stderr, .. } = start else { panic!("{content:?}: {start:?}") };
        assert_ne!(code, Some(0), "{content:?}");
        assert!(stderr.contains("users_file") || stderr.contains("users"), "{content:?}: {stderr}");
        let text = without_excerpt(&stderr);
        assert!(!text.contains("plain") && !text.contains("W6ph5"), "the value is repeated: {text}");
    }
}

fn tempfile_with(content: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("users"), content).unwrap();
    folder
}

#[test]
fn gate_07_a_gate_is_found_by_every_spelling_of_its_host_and_never_by_accident() {
    let mut site = Site::start();
    let port = site.house.https().port();
    for host in [
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
        "[::ffff:127.0.0.1]".to_owned(),
        "127.0.0.1".to_owned(),
        "2130706433".to_owned(),
        "localhost".to_owned(),
        "other.test".to_owned(),
        "x.adm.app.test".to_owned(),
        "user@adm.app.test".to_owned(),
        "adm.app.test/".to_owned(),
        "adm.app.test,app.test".to_owned(),
        String::new(),
    ] {
        let mut raw = site.house.raw();
        raw.send(format!("GET /admin/ HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let reply = raw.reply();
        assert!((400..500).contains(&reply.status), "{host:?}: {reply:?}");
        assert!(reply.header("x-content-type-options").is_some(), "{host:?}: {reply:?}");
        assert!(reply.header("strict-transport-security").is_some(), "{host:?}: {reply:?}");
    }
    site.assert_upstreams_untouched("a host in disguise");
    // The plain spellings lead to the gate, and the gate lets its user through.
    for host in [format!("ADM.app.test:{port}"), format!("adm.app.test.:{port}")] {
        let request = format!("GET /admin/ HTTP/1.1\r\nHost: {host}\r\nAuthorization: {}\r\n\r\n", right());
        assert_eq!(site.house.raw().ask(request).json()["upstream"], "adm", "{host}");
    }
    site.house.assert_alive();
}

#[test]
fn gate_10_an_absolute_target_goes_by_its_authority_and_must_agree_with_host() {
    let site = Site::start();
    let (own, adm) = (site.house.authority(), site.house.authority_of("adm"));
    for (target, host, wanted) in [
        (format!("https://{adm}/admin/"), own.clone(), &[400_u16][..]),
        (format!("https://{own}/"), adm.clone(), &[400]),
        ("http://127.0.0.1:5555/".to_owned(), own.clone(), &[400]),
        ("http://127.0.0.1:5555/".to_owned(), "127.0.0.1:5555".to_owned(), &[400, 421]),
        (format!("http://{own}/"), own.clone(), &[400]),
        ("https://other.test/".to_owned(), "other.test".to_owned(), &[400, 421]),
        (format!("https://{adm}/admin/"), adm.clone(), &[400, 401]),
        (format!("https://user@{own}/"), own.clone(), &[400]),
    ] {
        let reply = site.house.raw().ask(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(wanted.contains(&reply.status), "{target} with {host}: {reply:?}");
    }
    site.assert_upstreams_untouched("an absolute target");
}

#[test]
fn gate_11_there_is_exactly_one_host() {
    let site = Site::start();
    let (own, adm) = (site.house.authority(), site.house.authority_of("adm"));
    for fields in [
        String::new(),
        format!("Host: {own}\r\nHost: {adm}\r\n"),
        format!("Host: {own}\r\nHost: {own}\r\n"),
        format!("Host: {own}\r\nhOsT: {adm}\r\n"),
        format!("Host : {adm}\r\n"),
        format!("Host: {own}\r\nHost : {adm}\r\n"),
        format!(" Host: {own}\r\n"),
        format!("Host: {own},{adm}\r\n"),
        format!("Host: {own} {adm}\r\n"),
        "Host:\r\n".to_owned(),
    ] {
        let reply = site.house.raw().ask(format!("GET / HTTP/1.1\r\n{fields}\r\n"));
        assert_eq!(reply.status, 400, "{fields:?}: {reply:?}");
    }
    let get = |authority: &str, host: &str| {
        let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
        frames.ask(&[(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", "/"), ("host", host)])
    };
    for (authority, host) in [(&own, &adm), (&adm, &own)] {
        let outcome = get(authority, host);
        assert!(outcome.is_refusal(), "{authority} with {host}: {outcome:?}");
    }
    site.assert_upstreams_untouched("two hosts");
    assert_eq!(get(&own, &own).answer().status, 200, "a host that agrees is no fault");
}

#[test]
fn gate_12_the_gate_is_asked_for_every_request_of_a_connection() {
    let site = Site::start();
    let (own, adm) = (site.house.authority(), site.house.authority_of("adm"));
    let request = |host: &str, more: &str| format!("GET /admin/ HTTP/1.1\r\nHost: {host}\r\n{more}\r\n");
    let mut raw = site.house.raw();
    raw.ask(request(&own, "")).expect(200);
    assert!(matches!(raw.ask(request(&adm, "")).status, 401 | 421), "the name in the hello decides nothing");
    let mut raw = site.house.raw_from(INSIDE, "adm.app.test");
    raw.ask(request(&adm, &format!("Authorization: {}\r\n", right()))).expect(200);
    assert_eq!(raw.ask(request(&adm, "")).status, 401, "a password does not stay with the connection");
    let mut frames = H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap();
    assert_eq!(frames.get(&own, "/").answer().status, 200);
    assert!(matches!(frames.get(&adm, "/admin/").answer().status, 401 | 421));
    assert_eq!(site.uis[0].count(), 1);
}

#[test]
fn gate_13_every_method_meets_the_gate() {
    let site = Site::start();
    let adm = site.house.authority_of("adm");
    for method in
        ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT", "TRACE", "CONNECT", "PROPFIND", "FOO", "get", "PRI"]
    {
        let mut raw = site.house.raw_from(INSIDE, "adm.app.test");
        raw.send(format!("{method} /admin/ HTTP/1.1\r\nHost: {adm}\r\nContent-Length: 0\r\n\r\n"));
        let reply = raw.read_reply_to(method).unwrap();
        assert!(matches!(reply.status, 400 | 401 | 403 | 405 | 501), "{method}: {reply:?}");
        let usual = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"].contains(&method);
        assert!(!usual || reply.status == 401, "{method} is gated like any other: {reply:?}");
    }
    let preflight = Request::new("OPTIONS", "/admin/")
        .header("Origin", "https://evil.test")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization");
    assert_eq!(site.insider("adm").send(&preflight).status, 401, "a preflight is no exception");
    site.assert_upstreams_untouched("a method without credentials");
}

#[test]
fn gate_18_the_password_of_the_gate_stays_at_the_gate() {
    let site = Site::with(|builder| builder.log("trace"));
    for (label, ui) in UIS.iter().map(|(label, _)| *label).zip(&site.uis) {
        for method in ["GET", "POST", "OPTIONS"] {
            let request = Request::new(method, "/admin/").header("authorization", &right());
            site.insider(label).send(&request).expect(200);
        }
        for request in ui.requests() {
            assert!(request.all("authorization").is_empty(), "{request:?}");
            let raw = String::from_utf8_lossy(&request.raw).into_owned();
            assert!(!raw.contains(ADMIN_PASSWORD) && !raw.contains(right().trim_start_matches("Basic ")), "{raw}");
        }
        assert_eq!(ui.count(), 3);
    }
}

#[test]
fn gate_19_the_challenge_is_the_same_on_every_ui_and_says_nothing_of_it() {
    let site = Site::start();
    let mut answers = Vec::new();
    for (label, _) in UIS {
        for authorization in [None, Some(wrong()[0].clone())] {
            let reply = site.insider(label).send(&with(authorization.as_deref())).expect(401);
            let challenge = reply.header("www-authenticate").expect("a challenge").to_owned();
            let realm = challenge.strip_prefix("Basic realm=\"").and_then(|rest| rest.split_once('"'));
            let (realm, rest) = realm.unwrap_or_else(|| panic!("{challenge}"));
            assert_eq!(rest, ", charset=\"UTF-8\"", "{challenge}");
            for word in ["django", "pgadmin", "flower", "traefik", "doorward", label] {
                assert!(!realm.to_lowercase().contains(word), "{challenge}");
            }
            assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
            for name in ["strict-transport-security", "x-content-type-options", "content-security-policy", "x-frame-options"] {
                assert!(!reply.all(name).is_empty(), "{name}: {reply:?}");
            }
            answers.push((challenge, reply.body.clone()));
        }
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
    assert!(!answers[0].1.is_empty());
}

#[test]
fn an_outsiders_refusal_is_json_for_machines() {
    let site = Site::start();
    let reply = site.outsider("adm").send(&with(None).header("Accept", "application/json"));
    assert_eq!(detail(&reply), detail(&site.house.client_of("flw", OUTSIDE).send(&with(None))));
    assert_detail(&reply, 403, "Forbidden");
}
