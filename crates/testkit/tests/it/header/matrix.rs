//! Answers of every status, class and producer that can be provoked from outside.

use doorward_testkit::{
    ADMIN_PASSWORD, ADMIN_USER, Act, Client, EchoUpstream, House, INSIDE, RawClient, Reply, Request, basic_auth,
};
use serde_json::json;

use crate::site::{Site, UIS};

/// Which row of the table an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Page,
    TokenPage,
    Asset,
    Api,
    PlainHttp,
    /// With the name of its profile.
    Gate(&'static str),
}

/// One answer and how it came about.
#[derive(Debug)]
pub(super) struct Case {
    #[expect(dead_code, reason = "read by Debug, when an assertion fails")]
    what: String,
    pub(super) kind: Kind,
    pub(super) reply: Reply,
}

#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    #[track_caller]
    fn add(&mut self, kind: Kind, status: u16, what: &str, reply: Reply) {
        assert_eq!(reply.status, status, "{what}: {reply:?}");
        self.0.push(Case { what: what.to_owned(), kind, reply });
    }
}

/// Everything that answers at once.
pub(super) fn at_once(site: &Site) -> Vec<Case> {
    let mut cases = Cases::default();
    from_upstreams(site, &mut cases);
    from_the_application(site, &mut cases);
    from_the_edge(site, &mut cases);
    from_gates(site, &mut cases);
    over_plain_http(site, &mut cases);
    from_a_dead_upstream(&mut cases);
    from_a_limited_house(&mut cases);
    cases.0
}

/// What Doorward itself made of [`at_once`].
pub(super) fn ours(site: &Site) -> Vec<Case> {
    let mut cases = Cases::default();
    from_the_application(site, &mut cases);
    from_the_edge(site, &mut cases);
    over_plain_http(site, &mut cases);
    from_a_dead_upstream(&mut cases);
    from_a_limited_house(&mut cases);
    cases.0
}

fn from_upstreams(site: &Site, cases: &mut Cases) {
    let mut client = site.house.client();
    cases.add(Kind::Page, 200, "page", client.get("/"));
    cases.add(Kind::Api, 200, "api", client.get("/api/notes"));
    let told = [
        (204, vec![]),
        (206, vec![("Content-Range", "bytes 0-1/9")]),
        (301, vec![("Location", "/elsewhere")]),
        (304, vec![("ETag", "\"e\"")]),
        (400, vec![]),
        (401, vec![]),
        (403, vec![]),
        (404, vec![]),
        (405, vec![("Allow", "GET")]),
        (429, vec![("Retry-After", "1")]),
        (500, vec![]),
        (502, vec![]),
        (503, vec![]),
        (504, vec![]),
    ];
    for (status, fields) in told {
        let body = if matches!(status, 204 | 304) { "" } else { "ab" };
        for (kind, upstream, prefix) in [(Kind::Page, &site.web, "/told/"), (Kind::Api, &site.api, "/api/told/")] {
            let path = format!("{prefix}{status}");
            upstream.act(&path, Act::answer(status, &fields, body));
            cases.add(kind, status, &path, client.get(&path));
        }
    }
    site.api.act("/api/dies", Act::Close);
    cases.add(Kind::Api, 502, "an upstream that closes", client.get("/api/dies"));
    site.web.act("/lies", Act::RawThenClose(b"no HTTP at all\r\n\r\n".to_vec()));
    cases.add(Kind::Page, 502, "an upstream that speaks no HTTP", client.get("/lies"));
}

fn from_the_application(site: &Site, cases: &mut Cases) {
    let mut client = site.house.client();
    cases.add(Kind::Api, 200, "health", client.get("/api/health"));
    cases.add(Kind::Api, 200, "csrf", client.get("/api/auth/csrf"));
    cases.add(Kind::Api, 401, "me", client.get("/api/auth/me"));
    cases.add(Kind::Api, 404, "no such operation", client.get("/api/auth/nope"));
    cases.add(Kind::Api, 405, "no such method", client.get("/api/auth/login"));
    cases.add(Kind::Api, 415, "a form for JSON", client.send(&Request::post("/api/auth/login").form(&[("a", "b")])));
    cases.add(Kind::Api, 400, "broken JSON", client.send(&Request::post("/api/auth/login").body("application/json", "{")));
    let foreign = Request::post("/api/auth/login").header("Origin", "https://evil.test").json(&json!({}));
    cases.add(Kind::Api, 403, "a foreign origin", client.send(&foreign));
    let weak = json!({"email": "a@app.test", "password": "short"});
    cases.add(Kind::Api, 422, "a weak password", client.post_json("/api/auth/register", &weak));
    let large = json!({"email": "x".repeat(20_000)});
    cases.add(Kind::Api, 413, "a large body", client.post_json("/api/auth/login", &large));
    cases.add(Kind::Page, 200, "sign-in page", client.get("/account/sign-in"));
    cases.add(Kind::TokenPage, 200, "sign-up page", client.get("/account/sign-up"));
    cases.add(Kind::TokenPage, 200, "verification page", client.get("/account/verify"));
    cases.add(Kind::TokenPage, 200, "page of a reset link", client.get("/account/reset"));
    cases.add(Kind::TokenPage, 200, "page of a new address", client.get("/account/email/confirm"));
    cases.add(Kind::TokenPage, 200, "page of an undo link", client.get("/account/email/undo"));
    cases.add(Kind::TokenPage, 200, "page of a notice's link", client.get("/account/end-sessions"));
    cases.add(Kind::Page, 404, "no such page", client.get("/account/nope"));
    cases.add(Kind::Page, 403, "a form without token", client.send(&Request::post("/account/sign-in").form(&[("email", "a")])));
    let navigation = Request::get("/members/").header("Sec-Fetch-Mode", "navigate").header("Accept", "text/html");
    cases.add(Kind::Page, 303, "to sign-in", client.send(&navigation));
    cases.add(Kind::Page, 401, "members only", client.get("/members/"));
    let page = client.get("/account/sign-in").text();
    let start = page.find("/assets/doorward/").expect("the page has assets of its own");
    let asset = page[start..].split('"').next().unwrap();
    cases.add(Kind::Asset, 200, asset, client.get(asset));
}

fn from_the_edge(site: &Site, cases: &mut Cases) {
    let own = site.house.authority();
    let ask = |bytes: String| site.house.raw().ask(bytes);
    let get = |path: &str, more: &str| ask(format!("GET {path} HTTP/1.1\r\nHost: {own}\r\n{more}\r\n"));
    cases.add(Kind::Page, 400, "a dot segment", get("/../x", ""));
    cases.add(Kind::Api, 400, "a dot segment of the API", get("/api/../x", ""));
    // Whoever sends no readable head gets the strictest class.
    cases.add(Kind::Api, 400, "bare line feeds", ask(format!("GET / HTTP/1.1\nHost: {own}\n\n")));
    cases.add(Kind::Api, 431, "large fields", get("/api/x", &format!("X: {}\r\n", "x".repeat(17_000))));
    cases.add(Kind::Api, 431, "many fields", get("/", &"A: b\r\n".repeat(200)));
    cases.add(Kind::Api, 414, "a long line", get(&format!("/{}", "x".repeat(9_000)), ""));
    cases.add(Kind::Api, 421, "a foreign host", ask("GET / HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned()));
    cases.add(Kind::Page, 405, "a foreign method", ask(format!("PUT / HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n")));
    cases.add(
        Kind::Api,
        405,
        "a foreign method",
        ask(format!("PUT /api/x HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n")),
    );
    let large = format!("POST /api/x HTTP/1.1\r\nHost: {own}\r\nContent-Length: 99999999\r\n\r\n");
    cases.add(Kind::Api, 413, "an announced flood", ask(large));
}

fn from_gates(site: &Site, cases: &mut Cases) {
    let keeper = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    for ((label, profile), ui) in UIS.iter().zip(&site.uis) {
        let kind = Kind::Gate(profile);
        cases.add(kind, 403, "outsider", site.outsider(label).get("/"));
        cases.add(kind, 401, "no password", site.insider(label).get("/"));
        let mut insider = site.insider(label);
        for status in [200, 302, 404, 500] {
            ui.act("/told", Act::answer(status, &[("Location", "/x")], "ab"));
            cases.add(kind, status, "through the gate", insider.send(&Request::get("/told").header("Authorization", &keeper)));
        }
    }
}

fn over_plain_http(site: &Site, cases: &mut Cases) {
    let own = format!("{}:{}", site.house.host(), site.house.http().port());
    let ask = |bytes: String| site.house.raw_plain().ask(bytes);
    cases.add(Kind::PlainHttp, 308, "to https", ask(format!("GET /x HTTP/1.1\r\nHost: {own}\r\n\r\n")));
    cases.add(Kind::PlainHttp, 403, "the API", ask(format!("GET /api/auth/me HTTP/1.1\r\nHost: {own}\r\n\r\n")));
    cases.add(Kind::PlainHttp, 421, "a foreign host", ask("GET /x HTTP/1.1\r\nHost: other.test\r\n\r\n".to_owned()));
    cases.add(Kind::PlainHttp, 400, "no host", ask("GET /x HTTP/1.1\r\n\r\n".to_owned()));
}

fn from_a_dead_upstream(cases: &mut Cases) {
    let (web, api) = (EchoUpstream::start("web"), EchoUpstream::start("api"));
    let house = House::builder().echo(&web).echo(&api).route("/", "web", "public").route("/api/", "api", "public").start();
    web.stop();
    api.stop();
    let mut client = house.client();
    cases.add(Kind::Page, 502, "a stopped upstream", client.get("/"));
    cases.add(Kind::Api, 502, "a stopped upstream of the API", client.get("/api/x"));
}

fn from_a_limited_house(cases: &mut Cases) {
    let house = House::builder().limit("auth_me", "1/min").start();
    let mut client = house.client();
    client.get("/api/auth/me");
    cases.add(Kind::Api, 429, "limited by the application", client.get("/api/auth/me"));
    let house = House::builder().limit("edge", "1/min").start();
    let mut client: Client = house.client();
    client.get("/account/sign-in");
    cases.add(Kind::Page, 429, "limited by the edge", client.get("/account/sign-in"));
}

/// What takes its time: a client that does not finish its request, an upstream that does not answer.
pub(super) fn slow(site: &Site) -> Vec<Case> {
    let mut cases = Cases::default();
    let own = site.house.authority();
    site.api.act("/api/hangs", Act::Silence);
    let patient = |mut raw: RawClient| {
        raw.set_patience(std::time::Duration::from_secs(40));
        raw.reply()
    };
    std::thread::scope(|scope| {
        let hung = scope.spawn(|| {
            let mut raw = site.house.raw_from(INSIDE, site.house.host());
            raw.send(format!("GET /api/hangs HTTP/1.1\r\nHost: {own}\r\n\r\n"));
            patient(raw)
        });
        let stuck = scope.spawn(|| {
            let mut raw = site.house.raw();
            raw.send(format!("GET / HTTP/1.1\r\nHost: {own}\r\nX-Half"));
            patient(raw)
        });
        cases.add(Kind::Api, 504, "a silent upstream", hung.join().unwrap());
        cases.add(Kind::Page, 408, "half a head", stuck.join().unwrap());
    });
    cases.0
}
