//! One reading of every path: what is matched is what is forwarded, and what has two readings is refused.

use doorward_testkit::{Act, EchoUpstream, House, INSIDE};

/// A page for everyone at `/`, something guarded at `/admin/`, and a gated UI on its own host.
struct Ground {
    house: House,
    web: EchoUpstream,
    admin: EchoUpstream,
    ui: EchoUpstream,
}

impl Ground {
    fn start() -> Self {
        let [web, admin, ui] = ["web", "admin", "ui"].map(EchoUpstream::start);
        let house = House::builder()
            .echo(&web)
            .echo(&admin)
            .echo(&ui)
            .route("/", "web", "public")
            .route("/admin/", "admin", "signed-in")
            .gate("adm", "ui", "django-admin")
            .start();
        Self { house, web, admin, ui }
    }
}

/// Spellings that some server, somewhere, reads as `/admin/`.
pub(crate) const DISGUISES: &[&str] = &[
    "//admin/",
    "///admin/",
    "/%61dmin/",
    "/%2561dmin",
    "/%252561dmin",
    "/admin;x=1/",
    "/admin;/",
    "/;/admin/",
    "/admin/.;/",
    "/.;/admin/",
    "/./admin",
    "/%2e/admin/",
    "/x/../admin/",
    "/x/..;/admin/",
    "/x/%2e%2e/admin",
    "/x/%2E./admin",
    "/x/.%2e/admin",
    "/x%2f..%2fadmin",
    "/x%2F..%2Fadmin",
    "/..%2fadmin",
    "/..%5cadmin",
    "/x\\..\\admin",
    "/admin%2F",
    "/admin%5c",
    "\\admin",
    "/\\admin",
    "/ADMIN/",
    "/Admin/",
    "/aDMIN",
    "/%41DMIN/",
    "/admin%00",
    "/admin%0a",
    "/admin%0d%0a",
    "/admin%09",
    "/admin?",
    "/admin?x=/../",
    "/admin#",
    "/admin#/x",
    "/%ef%bc%8fadmin",
    "/%ef%bc%8e%ef%bc%8e/admin",
    "/%c0%afadmin",
    "/%c0%ae%c0%ae/admin",
    "/%e0%80%afadmin",
    "/%u002fadmin",
    "/%uff0fadmin",
    "/x/....//admin/",
    "/admin/%2e%2e/admin/",
    "/%EF%BD%81dmin/",
    "/admin%ff",
];

#[test]
fn gate_08_no_disguise_of_a_guarded_path_gets_past_its_rule() {
    let mut ground = Ground::start();
    let own = ground.house.authority();
    for path in DISGUISES {
        let mut raw = ground.house.raw();
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        let reply = raw.reply();
        assert!(matches!(reply.status, 400 | 401 | 403 | 404), "{path}: {reply:?}");
    }
    for upstream in [&ground.web, &ground.admin, &ground.ui] {
        let seen: Vec<_> = upstream.requests().into_iter().map(|request| request.target).collect();
        assert!(seen.is_empty(), "{} got {seen:?}", upstream.name());
    }
    ground.house.assert_alive();
}

#[test]
fn gate_08_the_same_disguises_on_the_gates_own_host_stay_behind_the_gate() {
    let ground = Ground::start();
    let adm = ground.house.authority_of("adm");
    for path in DISGUISES {
        let mut raw = ground.house.raw_from(INSIDE, "adm.app.test");
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {adm}\r\n\r\n"));
        let reply = raw.reply();
        assert!(matches!(reply.status, 400 | 401 | 403 | 404), "{path}: {reply:?}");
    }
    assert_eq!(ground.ui.count(), 0);
}

#[test]
fn gate_09_the_upstream_gets_exactly_the_path_that_was_matched() {
    let ground = Ground::start();
    let own = ground.house.authority();
    for (sent, canonical) in [
        ("/", "/"),
        ("/x", "/x"),
        ("/x/", "/x/"),
        ("/x?y", "/x?y"),
        ("/x?", "/x?"),
        ("/%7Euser", "/~user"),
        ("/%41", "/A"),
        ("/a%20b", "/a%20b"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/caf%C3%A9/%e2%82%ac", "/caf%C3%A9/%E2%82%AC"),
        ("/x?q=%2F..%2F%00&r=%61;z//", "/x?q=%2F..%2F%00&r=%61;z//"),
        ("/a+b,c@d:e!f$g'h(i)*", "/a+b,c@d:e!f$g'h(i)*"),
        ("/administrator", "/administrator"),
        ("/x/admin/", "/x/admin/"),
    ] {
        ground.web.clear();
        let reply = ground.house.raw().ask(format!("GET {sent} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        assert_eq!(reply.status, 200, "{sent}: {reply:?}");
        let line = format!("GET {canonical} HTTP/1.1\r\n");
        let raw = String::from_utf8_lossy(&ground.web.last().raw).into_owned();
        assert!(raw.starts_with(&line), "{sent} was forwarded as {raw}");
    }
}

#[test]
fn gate_09_whatever_of_the_disguises_is_forwarded_is_forwarded_as_it_was_matched() {
    let ground = Ground::start();
    let client = ground.house.member("ada@app.test");
    let (own, cookie) = (ground.house.authority(), client.cookie_line());
    for path in DISGUISES {
        ground.web.clear();
        ground.admin.clear();
        let mut raw = ground.house.raw();
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: {own}\r\nCookie: {cookie}\r\n\r\n"));
        let reply = raw.reply();
        assert_eq!(ground.web.count(), 0, "{path} was matched as something else than /admin/: {reply:?}");
        for request in ground.admin.requests() {
            let path = request.target.split('?').next().unwrap_or_default();
            assert!(path == "/admin" || path.starts_with("/admin/"), "{path}");
            assert!(!path.contains("..") && !path.contains("//") && !path.contains("%2F"), "{path}");
        }
    }
}

#[test]
fn gate_09_a_stripped_prefix_leaves_a_path_that_cannot_be_read_otherwise() {
    let [api, web] = ["api", "web"].map(EchoUpstream::start);
    let house = House::builder()
        .echo(&api)
        .echo(&web)
        .route("/", "web", "public")
        .section("[[route]]\npath = \"/v1/\"\nupstream = \"api\"\naccess = \"public\"\nstrip_prefix = true")
        .start();
    let own = house.authority();
    for (sent, forwarded) in [("/v1/x", "/x"), ("/v1/", "/"), ("/v1", "/"), ("/v1?q", "/?q"), ("/v1/a/b?c=/../", "/a/b?c=/../")] {
        api.clear();
        house.raw().ask(format!("GET {sent} HTTP/1.1\r\nHost: {own}\r\n\r\n")).expect(200);
        assert_eq!(api.last().target, forwarded, "{sent}");
    }
    api.clear();
    for sent in ["/v1//x", "/v1/../x", "/v1/%2e%2e/x", "/v1/..%2fx", "/v1%2fx", "/v1/./x", "/V1/x"] {
        let reply = house.raw().ask(format!("GET {sent} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        assert!(matches!(reply.status, 400 | 404), "{sent}: {reply:?}");
    }
    assert_eq!(api.count(), 0);
    web.act("/v1x", Act::answer(200, &[], "not under the prefix"));
    assert_eq!(house.raw().ask(format!("GET /v1x HTTP/1.1\r\nHost: {own}\r\n\r\n")).text(), "not under the prefix");
}

#[test]
fn http_13_targets_that_are_no_plain_path_are_refused() {
    let mut ground = Ground::start();
    let own = ground.house.authority();
    for target in [
        "*",
        "app.test:443",
        &own,
        "ftp://app.test/",
        &format!("ftp://{own}/"),
        &format!("https://user:secret@{own}/"),
        &format!("https://{own}"),
        "https:///",
        "https:/x",
        "x",
        "",
        "/%",
        "/%z",
        "/%zz",
        "/%4",
        "/x#y",
        "/#",
        "/\u{fc}",
        "/a b",
        "/a\tb",
        "/<script>",
        "/\"",
        "/{x}",
        "/a|b",
        "/^",
        "/`",
        "/x?a b",
        "/x?\u{fc}",
        "/x?#",
        "/\u{7f}",
    ] {
        let reply = ground.house.raw().ask(format!("GET {target} HTTP/1.1\r\nHost: {own}\r\n\r\n"));
        let is_plain_absolute = target == format!("https://{own}");
        assert!(reply.status == 400 || (is_plain_absolute && reply.status == 200), "{target:?}: {reply:?}");
        if !is_plain_absolute {
            assert_eq!(ground.web.count(), 0, "{target:?}");
        }
        ground.web.clear();
    }
    // About the host as a whole, so about its root: what is matched is what is forwarded.
    let options = ground.house.raw().ask(format!("OPTIONS * HTTP/1.1\r\nHost: {own}\r\n\r\n"));
    assert!(matches!(options.status, 200 | 204 | 400 | 405), "{options:?}");
    assert!(ground.web.requests().iter().all(|request| request.target == "/"), "{:?}", ground.web.requests());
    ground.house.assert_alive();
}
