//! Who the client is, and what an upstream is told about it.

use std::net::IpAddr;

use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, INSIDE, OUTSIDE, PROXY, Reply, Request, basic_auth};

use crate::site::Site;

/// A site that believes what [`PROXY`] says of the client.
fn behind_a_proxy() -> Site {
    Site::with(|builder| builder.listen("trusted_proxies = [\"127.0.0.3/32\"]"))
}

/// Knocks at a gate that lets [`INSIDE`] in, without a password: 401 says inside, 403 outside.
fn knock(site: &Site, from: IpAddr, fields: &[(&str, &str)]) -> Reply {
    let request = fields.iter().fold(Request::get("/"), |request, (name, value)| request.header(name, value));
    site.house.client_of("adm", from).send(&request)
}

#[test]
fn proxy_01_the_client_is_the_peer_or_what_trusted_hops_say_read_from_the_right() {
    let site = behind_a_proxy();
    for (from, chain, status) in [
        (OUTSIDE, "127.0.0.1", 403),
        (OUTSIDE, "127.0.0.1, 127.0.0.3", 403),
        (INSIDE, "127.0.0.2", 401),
        (PROXY, "127.0.0.1", 401),
        (PROXY, "127.0.0.2", 403),
        (PROXY, "127.0.0.1, 127.0.0.2", 403),
        (PROXY, "127.0.0.2, 127.0.0.1", 401),
        (PROXY, "127.0.0.1, 127.0.0.2, 127.0.0.3", 403),
        (PROXY, "127.0.0.2, 127.0.0.1, 127.0.0.3", 401),
        (PROXY, "127.0.0.1,127.0.0.2", 403),
        (PROXY, "127.0.0.2 ,\t127.0.0.1 ", 401),
    ] {
        let reply = knock(&site, from, &[("X-Forwarded-For", chain)]);
        assert_eq!(reply.status, status, "{chain:?} from {from}: {reply:?}");
    }
    assert_eq!(knock(&site, PROXY, &[]).status, 403, "a proxy without a word is itself the client");
    let lines = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "127.0.0.2")];
    assert_eq!(knock(&site, PROXY, &lines).status, 403, "two lines are one list");
    for (from, chain, told) in [(OUTSIDE, "127.0.0.9", "127.0.0.2"), (PROXY, "9.9.9.9, 127.0.0.9", "127.0.0.9")] {
        let mut client = site.house.client_from(from);
        client.send(&Request::get("/").header("X-Forwarded-For", chain)).expect(200);
        assert_eq!(site.web.last().header("x-forwarded-for"), Some(told), "{chain}");
    }
}

/// Fields with which a client could speak for the door, and how often each came before.
const FORGED: &[&str] = &[
    "X-Forwarded-For",
    "x-forwarded-for",
    "X_Forwarded_For",
    "X-Forwarded_For",
    "X.Forwarded.For",
    "X-Forwarded-Host",
    "X_FORWARDED_HOST",
    "X-Forwarded-Proto",
    "X-Forwarded-Port",
    "X-Forwarded-Server",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Anything",
    "Forwarded",
    "X-Real-IP",
    "X_Real_IP",
    "X-Original-URL",
    "X-Original-Host",
    "X_Original_URL",
    "X-Rewrite-URL",
    "X_Rewrite_Url",
    "X-User-Id",
    "X-User-Email",
    "X_User_Name",
    "X-Script-Name",
    "X-Doorward-User",
    "x-doorward-email",
    "X_Doorward_User",
    "X-Doorward_Roles",
    "X.Doorward.User",
    "X-DOORWARD-ASSERTION",
    "X-Doorward-Anything",
];

#[test]
fn proxy_02_no_field_of_the_client_speaks_for_the_door() {
    let site = Site::start();
    let member = site.house.member("ada@app.test");
    let keeper = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    for name in FORGED {
        for value in ["evil", " evil ", "127.0.0.1"] {
            let forge = |request: Request| request.header(name, value).header(&name.to_uppercase(), value);
            site.clear();
            site.house.client().send(&forge(Request::get("/")));
            site.house.client().send(&forge(Request::get("/api/x")));
            member.twin().send(&forge(Request::get("/members/x")));
            site.insider("adm").send(&forge(Request::get("/").header("Authorization", &keeper)));
            for upstream in site.upstreams() {
                for request in upstream.requests() {
                    assert_only_the_door_speaks(name, value, &request.headers);
                }
            }
        }
    }
}

/// Values that came from the client are nowhere, and what the door sets it sets once, under its own spelling.
#[track_caller]
fn assert_only_the_door_speaks(name: &str, value: &str, headers: &[(String, String)]) {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "-");
    for (seen, content) in headers.iter().filter(|(seen, _)| plain(seen) == plain(name)) {
        let aliases = headers.iter().filter(|(other, _)| plain(other) == plain(name)).count();
        assert_eq!(aliases, 1, "{name}: {headers:?}");
        assert!(!seen.contains(['_', '.']), "{name}: {headers:?}");
        assert!(!content.contains("evil"), "{name}: {headers:?}");
        // An address that the client could have guessed is fine only where the door itself says it.
        let is_ours = plain(seen) == "x-forwarded-for" || plain(seen) == "x-real-ip" || plain(seen) == "forwarded";
        assert!(value != "127.0.0.1" || is_ours || !content.contains(value), "{name}: {headers:?}");
    }
}

#[test]
fn proxy_02_a_name_with_a_blank_is_no_alias() {
    let site = Site::start();
    let own = site.house.authority();
    for line in ["X-Forwarded-For : evil", "X-Doorward-User : evil", "X-Forwarded-For\t: evil", " X-Real-IP: evil"] {
        let reply = site.house.raw().ask(format!("GET / HTTP/1.1\r\nHost: {own}\r\n{line}\r\n\r\n"));
        assert_eq!(reply.status, 400, "{line}: {reply:?}");
    }
    site.assert_upstreams_untouched("a name with a blank");
}

#[test]
fn proxy_03_hop_by_hop_fields_end_at_the_door_and_name_nothing_away() {
    let site = Site::start();
    let member = site.house.member("ada@app.test");
    for listed in [
        "X-Forwarded-For",
        "X-Forwarded-Proto, X-Forwarded-Host",
        "Cookie",
        "Authorization",
        "X-Doorward-User",
        "x-doorward-email, x-doorward-assertion",
        "Host",
        "Content-Length",
        "keep-alive, X-Forwarded-For, X-Custom",
    ] {
        site.clear();
        let request = Request::get("/members/x")
            .header("Connection", listed)
            .header("X-Custom", "mine")
            .header("Authorization", "Bearer b");
        let reply = member.twin().send(&request);
        if reply.status == 400 {
            site.assert_upstreams_untouched(listed);
            continue;
        }
        assert_eq!(reply.status, 200, "{listed}: {reply:?}");
        let request = site.members.last();
        for name in ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-doorward-user", "x-doorward-email"] {
            assert!(request.header(name).is_some_and(|value| !value.is_empty()), "{name} is gone by {listed}: {request:?}");
        }
        assert_eq!(request.header("x-doorward-email"), Some("ada@app.test"));
        assert!(!listed.contains("X-Custom") || request.all("x-custom").is_empty(), "a named field stays: {request:?}");
    }
    site.clear();
    let request = ["Keep-Alive", "Proxy-Connection", "TE", "Proxy-Authorization", "Proxy-Authenticate"]
        .iter()
        .fold(Request::get("/"), |request, name| request.header(name, "evil"));
    site.house.client().send(&request).expect(200);
    let seen = site.web.last();
    for name in ["keep-alive", "proxy-connection", "te", "proxy-authorization", "proxy-authenticate", "upgrade"] {
        assert!(seen.all(name).is_empty(), "{name}: {seen:?}");
    }
}

#[test]
fn proxy_04_an_address_that_is_not_plainly_one_is_not_believed() {
    let mut site = behind_a_proxy();
    let mut believed = Vec::new();
    for odd in [
        "127.0.0.1:80",
        "[127.0.0.1]",
        "\"127.0.0.1\"",
        "127.0.0.1%lo",
        "127.1",
        "0177.0.0.1",
        "127.0.0.01",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.1.",
        "127.0.0.1 127.0.0.1",
        "127.0.0.1;",
        "unknown",
        "_hidden",
        "for=127.0.0.1",
        "localhost",
        "::ffff:127.0.0.1%1",
        "[::ffff:127.0.0.1]",
        "[::1]:80",
        "fe80::1%eth0",
        "",
        ",",
        "127.0.0.1, unknown",
        "127.0.0.1, 127.0.0.2:1",
        "\u{661}27.0.0.1",
        &"1".repeat(4_000),
        &"127.0.0.3,".repeat(700),
    ] {
        let reply = knock(&site, PROXY, &[("X-Forwarded-For", odd)]);
        if !matches!(reply.status, 403 | 400) {
            believed.push((odd.to_owned(), reply.status));
        }
    }
    assert_eq!(believed, []);
    // A mapped address is its IPv4 address, not a way round it.
    assert_eq!(knock(&site, PROXY, &[("X-Forwarded-For", "::ffff:127.0.0.2")]).status, 403);
    for field in [("Forwarded", "for=127.0.0.1"), ("Forwarded", "for=\"_x\""), ("X-Real-IP", "127.0.0.1")] {
        assert_eq!(knock(&site, PROXY, &[field]).status, 403, "{field:?}");
    }
    site.house.assert_alive();
}

#[test]
fn proxy_05_scheme_host_and_port_are_those_of_the_real_connection() {
    let site = behind_a_proxy();
    for from in [INSIDE, OUTSIDE, PROXY] {
        site.clear();
        let request = Request::get("/")
            .header("X-Forwarded-Proto", "http")
            .header("X-Forwarded-Host", "evil.test")
            .header("X-Forwarded-Port", "1")
            .header("X-Forwarded-Ssl", "off")
            .header("X-Forwarded-Scheme", "http")
            .header("Front-End-Https", "off");
        site.house.client_from(from).send(&request).expect(200);
        let seen = site.web.last();
        assert_eq!(seen.header("x-forwarded-proto"), Some("https"), "{seen:?}");
        let host = seen.header("x-forwarded-host").expect("a host").to_owned();
        assert!(host == site.house.authority() || host == site.house.host(), "{seen:?}");
        assert_eq!(seen.header("x-forwarded-port"), Some(&*site.house.https().port().to_string()), "{seen:?}");
        assert!(!format!("{seen:?}").contains("evil.test"), "{seen:?}");
    }
}
