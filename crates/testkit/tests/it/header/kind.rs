//! HDR-14 and HDR-15: what an answer says that it is, and how long anybody may keep it.

use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, Act, Client, House, Reply, Request, basic_auth};

use super::matrix::{Kind, at_once, ours};
use crate::site::{Site, UIS};

const HTML: &str = "text/html; charset=utf-8";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The pages of somebody who is signed in, and of nobody.
const PAGES: [&str; 23] = [
    "/account",
    "/account/sign-up",
    "/account/check-mail",
    "/account/verify",
    "/account/resend",
    "/account/sign-in",
    "/account/forgot",
    "/account/reset",
    "/account/profile",
    "/account/password",
    "/account/email",
    "/account/email/confirm",
    "/account/email/undo",
    "/account/end-sessions",
    "/account/sessions",
    "/account/delete",
    "/account/sign-in/second-factor",
    "/account/factors",
    "/account/factors/totp",
    "/account/factors/passkey",
    "/account/factors/recovery-codes",
    "/account/step-up",
    "/account/nope",
];

const READS: [&str; 6] =
    ["/api/auth/csrf", "/api/auth/me", "/api/auth/sessions", "/api/health", "/api/auth/nope", "/api/auth/login"];

/// Asserts that an answer with a body says what it is, and one without says nothing.
#[track_caller]
fn assert_kind(reply: &Reply, wanted: &str, what: &str) {
    let found = reply.all("content-type");
    if reply.body.is_empty() {
        assert!(found.is_empty(), "{what} has no body: {reply:?}");
    } else {
        assert_eq!(found, [wanted], "{what}: {reply:?}");
    }
    if wanted == "application/json" && !reply.body.is_empty() {
        let _ = reply.json();
    }
}

#[test]
fn hdr_14_every_answer_of_ours_says_what_it_is_and_an_empty_one_nothing() {
    let site = Site::start();
    for case in ours(&site) {
        let is_page = matches!(case.kind, Kind::Page | Kind::TokenPage) && case.reply.text().starts_with('<');
        let wanted = match case.kind {
            Kind::Asset => "text/css; charset=utf-8",
            _ if is_page => HTML,
            _ => "application/json",
        };
        assert_kind(&case.reply, wanted, &format!("{case:?}"));
    }
    let mut ada = site.house.member("ada@app.test");
    for mut client in [site.house.client(), ada.twin()] {
        for path in PAGES {
            assert_kind(&client.get(path), HTML, path);
        }
        for path in READS {
            assert_kind(&client.get(path), "application/json", path);
        }
        // JSON that has a registered type of its own (RFC 7517 §8.5.2).
        assert_kind(&client.get("/.well-known/doorward/jwks.json"), "application/jwk-set+json", "the keys");
        // People who ask the edge for a page get one; its problems have a type of their own where that is asked for.
        let html = |path: &str| Request::get(path).header("Accept", "text/html");
        for path in ["/a/../b", "/account%2F.."] {
            assert_kind(&client.send(&html(path)), HTML, path);
        }
        let asked = Request::get("/api/auth/nope").header("Accept", "application/problem+json");
        assert_kind(&client.send(&asked), "application/problem+json", "a problem");
    }
    let led = site.house.client().send(&Request::get("/members/x").header("Accept", "text/html")).expect(303);
    assert_kind(&led, HTML, "led to sign in");
    for request in [
        Request::post("/api/csp-report").body("application/csp-report", "{}"),
        Request::post("/api/auth/sessions/revoke-others").csrf(),
        Request::post("/api/auth/logout").csrf(),
    ] {
        let reply = ada.send(&request).expect(204);
        assert!(reply.body.is_empty() && reply.all("content-type").is_empty(), "{reply:?}");
    }
}

#[test]
fn hdr_14_assets_files_and_empty_answers_of_upstreams_keep_to_it_too() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("index.html", HTML),
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("robots.txt", "text/plain; charset=utf-8"),
        ("data.json", "application/json"),
        ("icon.svg", "image/svg+xml"),
    ];
    for (name, _) in files {
        std::fs::write(folder.path().join(name), "1").unwrap();
    }
    let house = House::builder().files("web", folder.path()).route("/", "web", "public").start();
    let mut client = house.client();
    for (name, wanted) in files {
        assert_kind(&client.get(&format!("/{name}")), wanted, name);
    }
    assert_kind(&client.get("/nope.js"), "application/json", "a file that is not there");
    let page = client.get("/account/sign-in").text();
    for (ending, wanted) in
        [(".css", "text/css; charset=utf-8"), (".js", "text/javascript; charset=utf-8"), (".svg", "image/svg+xml")]
    {
        let asset = page.split('"').find(|word| word.starts_with("/assets/doorward/") && word.ends_with(ending)).unwrap();
        assert_kind(&client.get(asset), wanted, asset);
    }
    let site = Site::start();
    for status in [204, 205, 304] {
        for (upstream, path) in [(&site.web, "/told"), (&site.api, "/api/told")] {
            upstream.act(path, Act::answer(status, &[("Content-Type", "text/html")], ""));
            let reply = site.house.client().get(path);
            assert_eq!((reply.status, reply.all("content-type")), (status, vec![]), "{path}");
        }
    }
    for path in ["/health/live", "/health/ready", "/nope"] {
        let mut raw = doorward_testkit::RawClient::plain(site.house.internal(), doorward_testkit::INSIDE).unwrap();
        assert_kind(&raw.ask(format!("GET {path} HTTP/1.1\r\nHost: internal\r\n\r\n")), "application/json", path);
    }
}

/// What an upstream may say to have its answers kept, past `Cache-Control` as well (RFC 9213).
const KEEP: [(&str, &str); 8] = [
    ("Cache-Control", "public, max-age=3600, s-maxage=3600, immutable"),
    ("Expires", "Thu, 01 Dec 2050 16:00:00 GMT"),
    ("Pragma", "cache"),
    ("CDN-Cache-Control", "max-age=3600"),
    ("Cloudflare-CDN-Cache-Control", "max-age=3600"),
    ("Surrogate-Control", "max-age=3600"),
    ("X-Accel-Expires", "3600"),
    ("Content-Type", "text/css"),
];

#[track_caller]
fn assert_kept(reply: &Reply, wanted: &str, what: &str) {
    assert_eq!(reply.all("cache-control"), [wanted], "{what}: {reply:?}");
    let others: Vec<_> = reply
        .names()
        .into_iter()
        .filter(|name| name.ends_with("-cache-control") || matches!(name.as_str(), "surrogate-control" | "x-accel-expires"))
        .collect();
    assert!(others.is_empty(), "{what}: {others:?}");
}

#[test]
fn hdr_15_every_class_of_answers_has_its_one_caching_rule() {
    let site = Site::start();
    for case in at_once(&site) {
        let found = case.reply.all("cache-control");
        match case.kind {
            Kind::Api | Kind::TokenPage | Kind::PlainHttp | Kind::Gate(_) => assert_eq!(found, ["no-store"], "{case:?}"),
            Kind::Asset => assert_eq!(found, [IMMUTABLE], "{case:?}"),
            Kind::Page => assert!(found == ["no-cache"] || found == ["no-store"], "{case:?}"),
        }
    }
    for (upstream, path) in [(&site.web, "/shell"), (&site.api, "/api/x.css")] {
        upstream.act(path, Act::answer(200, &KEEP, "x"));
    }
    let mut client = site.house.client();
    assert_kept(&client.get("/"), "no-cache", "a shell that says nothing");
    assert_kept(&client.get("/shell"), KEEP[0].1, "a public page is the upstream's to keep, in one field");
    assert_kept(&client.get("/api/x.css"), "no-store", "an API");
    for ((label, _), ui) in UIS.iter().zip(&site.uis) {
        for status in [200, 206, 304, 404] {
            ui.act("/static/a.0f3c9a1b.css", Act::answer(status, &KEEP, if status == 304 { "" } else { "x" }));
            let request = Request::get("/static/a.0f3c9a1b.css").header("Authorization", &basic_auth(ADMIN_USER, ADMIN_PASSWORD));
            let reply = site.insider(label).send(&request);
            assert_eq!(reply.status, status);
            assert_kept(&reply, "no-store", label);
        }
    }
    site.web.act("/cookie", Act::answer(200, &[KEEP[0], ("Set-Cookie", "a=b")], "x"));
    assert_kept(&client.get("/cookie"), "no-store", "an answer that sets a cookie");
    let page = client.get("/account/sign-in").text();
    for asset in page.split('"').filter(|word| word.starts_with("/assets/doorward/")) {
        assert_kept(&client.get(asset), IMMUTABLE, asset);
        assert_kept(&client.get(&format!("{asset}x")), "no-store", "an asset that is not there");
    }
}

#[test]
fn hdr_15_no_path_makes_a_cache_keep_what_one_person_was_told() {
    let site = Site::start();
    let mut ada: Client = site.house.member("ada@app.test");
    for end in ["", "/x.css", ".css", "/x.js", "%2Fx.css", ";x.css", "?x.css", "/x.0f3c9a1b.js"] {
        for path in ["/account", "/account/profile", "/account/sessions", "/api/auth/me", "/api/auth/csrf", "/api/health"] {
            let path = format!("{path}{end}");
            for reply in [ada.get(&path), site.house.client().get(&path)] {
                // What is no page of ours may be one of the upstream's: that is asked with nobody's name.
                if reply.all("cache-control") == ["no-cache"] {
                    assert!(
                        !reply.text().contains("ada@app.test") && reply.text().contains("\"upstream\":\"web\""),
                        "{path}: {reply:?}"
                    );
                } else {
                    assert_kept(&reply, "no-store", &path);
                }
            }
        }
        for path in ["/members/me", "/api/notes"] {
            let path = format!("{path}{end}");
            let plain = path.split('?').next().unwrap().to_owned();
            site.members.act(&plain.replace("%2F", "/"), Act::answer(200, &KEEP, "ada"));
            site.members.act(&plain, Act::answer(200, &KEEP, "ada"));
            site.api.act(&plain, Act::answer(200, &KEEP, "ada"));
            assert_kept(&ada.get(&path), "no-store", &path);
            assert_kept(&site.house.client().get(&path), "no-store", &path);
        }
    }
    for status in [204, 206, 301, 304, 404, 410, 500] {
        site.members.act("/members/told", Act::answer(status, &KEEP, if matches!(status, 204 | 304) { "" } else { "x" }));
        let reply = ada.get("/members/told");
        assert_eq!(reply.status, status);
        assert_kept(&reply, "no-store", "told to one person");
    }
}

#[test]
fn hdr_15_shells_are_asked_for_again_and_hashed_files_never() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["index.html", "app.js", "app.0f3c9a1b.js", "app-Dk3x9_aB.css"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let house = House::builder().files("web", folder.path()).route("/", "web", "public").start();
    let mut client = house.client();
    let shell = Request::get("/some/view").header("Accept", "text/html").header("Sec-Fetch-Mode", "navigate");
    assert_kept(&client.send(&shell), "no-cache", "the shell of a view");
    for (path, wanted) in [
        ("/", "no-cache"),
        ("/index.html", "no-cache"),
        ("/app.js", "no-cache"),
        ("/app.0f3c9a1b.js", IMMUTABLE),
        ("/app-Dk3x9_aB.css", IMMUTABLE),
        ("/app.0f3c9a1c.js", "no-store"),
    ] {
        assert_kept(&client.get(path), wanted, path);
        assert_kept(&client.send(&Request::new("HEAD", path)), wanted, path);
    }
}
