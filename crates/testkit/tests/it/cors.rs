//! Which other sites' pages may read an answer: those that are listed, octet by octet.

use doorward_testkit::{Act, EchoUpstream, House, HouseBuilder, INSIDE, Reply, Request};

const LISTED: [&str; 3] = ["https://docs.app.test", "https://partner.example:8443", "https://xn--bcher-kva.example"];

struct Shared {
    house: House,
    api: EchoUpstream,
    web: EchoUpstream,
    _ui: EchoUpstream,
}

fn shared(change: impl FnOnce(HouseBuilder) -> HouseBuilder) -> Shared {
    let (api, web, ui) = (EchoUpstream::start("api"), EchoUpstream::start("web"), EchoUpstream::start("ui"));
    let builder = House::builder()
        .unlimited()
        .echo(&api)
        .echo(&web)
        .echo(&ui)
        .route("/", "web", "public")
        .route("/api/", "api", "identified")
        .route("/members/", "api", "signed-in")
        .gate("adm", "ui", "strict");
    let house = change(builder).start();
    Shared { house, api, web, _ui: ui }
}

/// A house that lists [`LISTED`].
fn listing() -> Shared {
    shared(|builder| builder.edit("[site]\n", &format!("[site]\ncors_origins = {LISTED:?}\n")))
}

/// Origins that look like a listed one, or like nothing, and are none.
fn strangers(house: &House) -> Vec<String> {
    let mut all: Vec<String> = [
        "https://evil.test",
        "null",
        "NULL",
        "*",
        "",
        "https://docs.app.test.",
        "https://docs.app.test.evil.test",
        "https://docs.app.test@evil.test",
        "https://evil.test/https://docs.app.test",
        "https://evildocs.app.test",
        "https://x.docs.app.test",
        "https://app.test",
        "http://docs.app.test",
        "HTTPS://docs.app.test",
        "https://DOCS.app.test",
        "https://docs.app.test:443",
        "https://docs.app.test:8443",
        "https://docs.app.test/",
        "https://docs.app.test#",
        "https://docs.app.test, https://evil.test",
        "https://evil.test https://docs.app.test",
        "https://partner.example",
        "https://partner.example:443",
        "https://b\u{fc}cher.example",
    ]
    .map(str::to_owned)
    .to_vec();
    all.extend([format!("https://{}.evil.tld", house.host()), format!("https://evil{}", house.host()), house.origin()]);
    all
}

const PATHS: [&str; 7] = ["/", "/x.js", "/api/x", "/members/x", "/api/auth/me", "/api/auth/login", "/api/health"];

fn preflight(path: &str, origin: &str) -> Request {
    Request::new("OPTIONS", path)
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "authorization, x-evil")
}

#[track_caller]
fn assert_silent(reply: &Reply, what: &str) {
    assert!(!reply.names().iter().any(|name| name.starts_with("access-control-")), "{what}: {reply:?}");
}

/// Whether a shared cache would keep the answer apart for every origin, or not keep it at all.
fn varies(reply: &Reply) -> bool {
    if reply.status == 400 && reply.header("cache-control") == Some("no-store") {
        return true;
    }
    reply.all("vary").iter().flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("origin"))
}

#[test]
fn csrf_12_no_origin_but_a_listed_one_is_ever_named_and_none_is_by_default() {
    for (shared, is_listing) in [(shared(|builder| builder), false), (listing(), true)] {
        let house = &shared.house;
        let mut origins = strangers(house);
        if !is_listing {
            origins.extend(LISTED.map(str::to_owned));
        }
        let mut client = house.client();
        for path in PATHS {
            for origin in &origins {
                let asked = client.send(&preflight(path, origin));
                assert_silent(&asked, &format!("preflight of {path} from {origin:?}"));
                assert!(asked.all("set-cookie").is_empty());
                let read = client.send(&Request::get(path).header("Origin", origin));
                assert_silent(&read, &format!("{path} from {origin:?}"));
                assert!(!is_listing || varies(&asked) && varies(&read), "{path} {origin:?}: {read:?}");
            }
            let without = client.get(path);
            assert_silent(&without, path);
            assert!(!is_listing || varies(&without), "a cache must not hand it to a page of another origin: {without:?}");
        }
    }
}

#[test]
fn csrf_12_a_listed_origin_is_named_exactly_without_credentials() {
    let shared = listing();
    let mut client = shared.house.client();
    for origin in LISTED {
        for path in PATHS {
            shared.api.clear();
            shared.web.clear();
            let asked = client.send(&preflight(path, origin)).expect(204);
            assert_eq!((shared.api.count(), shared.web.count()), (0, 0), "a preflight is answered at the door");
            let read = client.send(&Request::get(path).header("Origin", origin));
            for reply in [&asked, &read] {
                assert_eq!(reply.header("access-control-allow-origin"), Some(origin), "{path}: {reply:?}");
                assert!(reply.header("access-control-allow-credentials").is_none() && varies(reply), "{path}: {reply:?}");
            }
            assert_eq!(asked.header("access-control-allow-headers"), Some("authorization, content-type"), "nothing is echoed");
            assert_eq!(asked.header("access-control-allow-methods"), Some("GET, HEAD, POST, PATCH, DELETE"));
            assert!(asked.body.is_empty() && asked.all("set-cookie").is_empty(), "{asked:?}");
            assert!(read.header("access-control-allow-methods").is_none());
        }
    }
    // Refusals can be read too, and tell no more than they do anyway.
    let refused = client.send(&Request::get("/members/x").header("Origin", LISTED[0])).expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), Some(LISTED[0]));
}

#[test]
fn csrf_12_two_origins_or_an_upstream_that_speaks_for_us_change_nothing() {
    let shared = listing();
    let lie = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Credentials", "true"), ("Vary", "Accept")];
    shared.web.act("/lie", Act::answer(200, &lie, "x"));
    let mut client = shared.house.client();
    for second in [LISTED[0], LISTED[1], "https://evil.test"] {
        for path in ["/", "/lie"] {
            let twice = Request::get(path).header("Origin", LISTED[0]).header("Origin", second);
            let reply = client.send(&twice);
            assert_silent(&reply, second);
            assert!(varies(&reply), "{reply:?}");
        }
    }
    assert_silent(&client.send(&Request::get("/lie").header("Origin", "https://evil.test")), "the upstream's word");
    let own = client.send(&Request::get("/lie").header("Origin", LISTED[0]));
    assert_eq!(own.all("access-control-allow-origin"), [LISTED[0]]);
    assert!(own.all("access-control-allow-credentials").is_empty() && own.all("vary").contains(&"Accept"), "{own:?}");
}

#[test]
fn csrf_12_pages_of_the_accounts_and_gates_are_shared_with_nobody() {
    let shared = listing();
    for origin in LISTED {
        for path in ["/account/sign-in", "/account/reset", "/account"] {
            assert_silent(&shared.house.client().send(&preflight(path, origin)), path);
            assert_silent(&shared.house.client().send(&Request::get(path).header("Origin", origin)), path);
        }
        let mut operator = shared.house.client_of("adm", INSIDE);
        let asked = operator.send(&preflight("/", origin));
        assert_eq!(asked.status, 401, "a preflight is no way through a gate");
        assert_silent(&asked, "a gate");
    }
}

#[test]
fn a_listed_page_cannot_act_as_somebody_who_is_signed_in() {
    let shared = listing();
    let mut ada = shared.house.member("ada@app.test");
    ada.get("/api/auth/csrf").expect(200);
    for site in ["cross-site", "same-site"] {
        let forged = Request::new("PATCH", "/api/auth/me")
            .csrf()
            .header("Origin", LISTED[0])
            .header("Sec-Fetch-Site", site)
            .body("application/json", r#"{"display_name":"Mallory"}"#);
        assert_eq!(ada.send(&forged).status, 403, "{site}");
    }
}
