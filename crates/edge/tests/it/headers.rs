//! What every answer carries.

use doorward_policy::{Audience, Treatment};

use crate::support::upstream::SILENCE;
use crate::support::{Client, GATED, House, Reply, SITE, get};

const STATUSES: [u16; 22] =
    [200, 204, 206, 301, 304, 308, 400, 401, 403, 404, 405, 408, 413, 414, 415, 421, 429, 431, 500, 502, 503, 504];

/// The answer carries the declared set of its audience, each exactly once, and nothing that must not leave.
pub(crate) fn check(house: &House, reply: &Reply, audience: Audience, what: &str) {
    for rule in house.edge.policy().headers.rules(audience) {
        let found = reply.header(rule.name.as_str());
        match rule.treatment {
            Treatment::Fill => assert!(found.is_some(), "{what}: {} is missing", rule.name),
            Treatment::Set | Treatment::Append => assert_eq!(found, rule.value.to_str().ok(), "{what}: {}", rule.name),
        }
    }
    for name in ["server", "x-powered-by", "via", "x-xss-protection", "expect-ct", "public-key-pins", "feature-policy"] {
        assert_eq!(reply.header(name), None, "{what}: {name}");
    }
    let id = reply.header("x-request-id").unwrap_or_else(|| panic!("{what}: no request id"));
    assert!(id.parse::<doorward_kit::RequestId>().is_ok(), "{what}: {id}");
}

fn scripted(target: &str) -> Vec<u8> {
    let code = target.rsplit('/').next().unwrap_or_default();
    let body = if matches!(code, "204" | "304") { "" } else { "content-length: 2\r\n\r\nok" };
    let end = if body.is_empty() { "\r\n" } else { body };
    format!("HTTP/1.1 {code} Whatever\r\ncontent-type: text/plain\r\n{end}").into_bytes()
}

#[tokio::test]
async fn hdr_10_every_status_of_every_producer_carries_the_set() {
    let house = House::start().await;
    house.web.answer(scripted);
    for status in STATUSES {
        let reply = house.ask(get(SITE, &format!("/status/{status}"))).await;
        assert_eq!(reply.status, status);
        check(&house, &reply, Audience::PublicPage, &format!("upstream page {status}"));
        let reply = house.ask(get(SITE, &format!("/api/status/{status}"))).await;
        check(&house, &reply, Audience::Api, &format!("upstream API {status}"));
        let reply = house.ask(get(SITE, &format!("/api/auth/status/{status}"))).await;
        assert_eq!(reply.status, status);
        check(&house, &reply, Audience::Api, &format!("application {status}"));
    }
    // Made by the edge itself.
    house.web.answer(|_| Vec::new());
    let long = "a".repeat(9000);
    let edge = [
        (400, get(SITE, "/api/../x"), Audience::Api),
        (400, "GET / HTTP/1.1\r\nbad\r\n\r\n".to_owned(), Audience::Api),
        (400, get(SITE, "/x/../y"), Audience::PublicPage),
        (401, get(SITE, "/members"), Audience::PublicPage),
        (401, get(GATED, "/admin/"), Audience::Gate(doorward_config::Profile::DjangoAdmin)),
        (403, format!("POST /api/x HTTP/1.1\r\nhost: {SITE}\r\ncookie: session=forged\r\n\r\n"), Audience::Api),
        (404, get(SITE, "/API/x"), Audience::Api),
        (405, format!("PUT /x HTTP/1.1\r\nhost: {SITE}\r\n\r\n"), Audience::PublicPage),
        (405, format!("PUT /api/x HTTP/1.1\r\nhost: {SITE}\r\n\r\n"), Audience::Api),
        (413, format!("POST /api/auth/echo HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 99999\r\n\r\n"), Audience::Api),
        (413, format!("POST /x HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 99999999\r\n\r\n"), Audience::PublicPage),
        (414, get(SITE, &format!("/{long}")), Audience::Api),
        (421, get("evil.example", "/"), Audience::Api),
        (431, format!("GET / HTTP/1.1\r\nhost: {SITE}\r\nx: {long}{long}\r\n\r\n"), Audience::Api),
        (500, get(SITE, "/api/auth/panic"), Audience::Api),
        (502, get(SITE, "/x"), Audience::PublicPage),
        (502, get(SITE, "/api/x"), Audience::Api),
        (503, format!("GET /members HTTP/1.1\r\nhost: {SITE}\r\ncookie: session=down\r\n\r\n"), Audience::PublicPage),
    ];
    for (status, request, audience) in edge {
        let reply = house.ask(&request).await;
        assert_eq!(reply.status, status, "{}", &request[..40.min(request.len())]);
        check(&house, &reply, audience, &format!("edge {status}"));
    }
}

#[tokio::test]
async fn hdr_10_time_outs_and_limits_carry_the_set() {
    let house = House::builder()
        .policy(|policy| {
            policy.times.first_byte = std::time::Duration::from_millis(150);
            policy.times.head = std::time::Duration::from_millis(150);
        })
        .limit("edge", 2, std::time::Duration::from_secs(3600))
        .start()
        .await;
    house.web.answer(|_| SILENCE.to_vec());
    let reply = house.ask(get(SITE, "/api/x")).await;
    assert_eq!((reply.status, reply.detail().as_str()), (504, "upstream_timeout"));
    check(&house, &reply, Audience::Api, "504");
    let mut slow = house.client().await;
    slow.send("GET / HTTP/1.1\r\n").await;
    let reply = slow.reply(false).await.expect("an answer");
    assert_eq!(reply.status, 408);
    check(&house, &reply, Audience::Api, "408");
    house.ask(get(SITE, "/api/auth/login")).await;
    let reply = house.ask(get(SITE, "/api/x")).await;
    assert_eq!(reply.status, 429);
    check(&house, &reply, Audience::Api, "429");
}

#[tokio::test]
async fn hdr_01_hsts_comes_exactly_once_with_at_least_a_year_on_every_host() {
    let house = House::start().await;
    house.web.answer(scripted);
    let hosts =
        [(SITE, "/status/200"), (SITE, "/api/status/404"), (SITE, "/api/auth/nope"), (GATED, "/admin/"), ("evil.example", "/")];
    for (host, target) in hosts {
        let reply = house.ask(get(host, target)).await;
        let value = reply.header("strict-transport-security").expect("exactly one");
        let mut parts = value.split("; ");
        let age: u64 = parts.next().and_then(|part| part.strip_prefix("max-age=")?.parse().ok()).expect("max-age");
        assert!(age >= 31_536_000);
        assert_eq!(parts.collect::<Vec<_>>(), ["includeSubDomains"]);
    }
}

#[tokio::test]
async fn hdr_11_head_and_options_carry_what_get_carries() {
    let house = House::start().await;
    house.web.answer(scripted);
    for (host, target) in [
        (SITE, "/status/200"),
        (SITE, "/status/404"),
        (SITE, "/api/status/200"),
        (GATED, "/admin/"),
        (SITE, "/api/auth/status/403"),
    ] {
        let names = |reply: &Reply| {
            let mut names: Vec<_> = reply.headers.iter().map(|(name, _)| name.clone()).collect();
            names.retain(|name| !matches!(name.as_str(), "date" | "x-request-id" | "content-length" | "content-type"));
            let mut values: Vec<_> = names.iter().map(|name| (name.clone(), reply.header(name).map(str::to_owned))).collect();
            values.sort();
            values
        };
        let mut seen = Vec::new();
        for method in ["GET", "HEAD", "OPTIONS"] {
            let reply = house.ask(format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
            if method == "HEAD" {
                assert_eq!(reply.body, "");
            }
            seen.push(names(&reply));
        }
        assert_eq!(seen[0], seen[1], "{target}");
        assert_eq!(seen[0], seen[2], "{target}");
    }
}

#[tokio::test]
async fn hdr_09_an_upstream_can_neither_weaken_nor_double_what_the_edge_sets() {
    let house = House::start().await;
    house.web.answer(|_| {
        let hostile = "HTTP/1.1 200 OK\r\n\
            Content-Security-Policy: default-src *\r\ncontent-security-policy: script-src 'unsafe-inline'\r\n\
            X-Frame-Options: ALLOWALL\r\nx-frame-options: SAMEORIGIN\r\n\
            Strict-Transport-Security: max-age=0\r\nX-Content-Type-Options: no\r\nReferrer-Policy: unsafe-url\r\n\
            Permissions-Policy: geolocation=*\r\nCross-Origin-Opener-Policy: unsafe-none\r\nOrigin-Agent-Cluster: ?0\r\n\
            Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Credentials: true\r\nLink: </x>; rel=preload\r\n\
            SourceMap: /x.map\r\nX-SourceMap: /x.map\r\nReport-To: {}\r\nNEL: {}\r\nServer: secret/1.0\r\nX-Powered-By: secret\r\n\
            Via: 1.1 secret\r\nX-XSS-Protection: 1; mode=block\r\nExpect-CT: max-age=0\r\nPublic-Key-Pins: x\r\nFeature-Policy: x\r\n\
            X-Request-Id: forged\r\nX-Doorward-User: root\r\nTrailer: content-security-policy, x-checksum\r\n\
            Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nContent-Security-Policy: default-src *\r\nx-checksum: 1\r\n\r\n";
        hostile.as_bytes().to_vec()
    });
    for (target, audience) in [("/x", Audience::PublicPage), ("/api/x", Audience::Api)] {
        let mut client = house.client().await;
        let reply = client.ask(format!("GET {target} HTTP/1.1\r\nhost: {SITE}\r\nte: trailers\r\n\r\n")).await;
        check(&house, &reply, audience, target);
        for name in [
            "link",
            "sourcemap",
            "x-sourcemap",
            "report-to",
            "nel",
            "access-control-allow-origin",
            "access-control-allow-credentials",
            "x-doorward-user",
            "trailer",
        ] {
            assert_eq!(reply.header(name), None, "{name}");
        }
        assert_ne!(reply.header("x-request-id"), Some("forged"));
        assert_eq!(reply.body, "ok");
        client.end().await;
        assert!(client.is_closed().await, "the trailers are gone too");
    }
}

#[tokio::test]
async fn hdr_13_deprecated_fields_never_leave_whoever_made_them() {
    let house = House::start().await;
    house.web.answer(|_| {
        b"HTTP/1.1 404 Not Found\r\nx-xss-protection: 1\r\nexpect-ct: x\r\npublic-key-pins: x\r\npublic-key-pins-report-only: x\r\nfeature-policy: x\r\nserver: x/1\r\ncontent-length: 0\r\n\r\n".to_vec()
    });
    for request in
        [get(SITE, "/x"), get(SITE, "/api/x"), get(SITE, "/api/auth/nope"), get(GATED, "/admin/"), get("evil.example", "/")]
    {
        let reply = house.ask(&request).await;
        for name in
            ["x-xss-protection", "expect-ct", "public-key-pins", "public-key-pins-report-only", "feature-policy", "server"]
        {
            assert_eq!(reply.header(name), None, "{request}");
        }
    }
    let reply = Client::plain(house.http).await.ask(get(SITE, "/")).await;
    assert_eq!(reply.header("server"), None);
}

/// The audiences an answer can have, each with a request that gives one.
fn one_of_each() -> Vec<(String, Audience)> {
    vec![
        (get(SITE, "/x"), Audience::PublicPage),
        (get(SITE, "/nope/../x"), Audience::PublicPage),
        (get(SITE, "/account/sign-in"), Audience::PublicPage),
        (get(SITE, "/account/verify"), Audience::TokenPage),
        (get(SITE, "/assets/doorward/x"), Audience::Asset),
        (get(SITE, "/api/x"), Audience::Api),
        (get(SITE, "/api/auth/nope"), Audience::Api),
        (get(GATED, "/admin/"), Audience::Gate(doorward_config::Profile::DjangoAdmin)),
    ]
}

async fn all_have(name: &str, expected: impl Fn(Audience) -> &'static str) {
    let house = House::start().await;
    for (request, audience) in one_of_each() {
        assert_eq!(house.ask(&request).await.header(name), Some(expected(audience)), "{request}");
    }
}

#[tokio::test]
async fn hdr_03_nosniff_on_all() {
    all_have("x-content-type-options", |_| "nosniff").await;
}

#[tokio::test]
async fn hdr_04_framing_is_forbidden_on_all() {
    all_have("x-frame-options", |_| "DENY").await;
    let house = House::start().await;
    for (request, _) in one_of_each() {
        let reply = house.ask(&request).await;
        let csp = reply.header("content-security-policy").expect("a policy");
        assert!(csp.split("; ").any(|directive| directive == "frame-ancestors 'none'"), "{csp}");
    }
}

#[tokio::test]
async fn hdr_05_one_referrer_policy_for_each_class() {
    all_have("referrer-policy", |audience| match audience {
        Audience::Api | Audience::TokenPage => "no-referrer",
        _ => "same-origin",
    })
    .await;
}

#[tokio::test]
async fn hdr_06_one_enforced_csp_without_unsafe_scripts_on_all() {
    let house = House::start().await;
    for (request, _) in one_of_each() {
        let reply = house.ask(&request).await;
        let csp =
            doorward_policy::csp::Csp::parse(reply.header("content-security-policy").expect("one policy")).expect("well formed");
        assert_eq!(csp.directive("default-src").map(<[String]>::concat).as_deref(), Some("'none'"), "{request}");
        assert_eq!(csp.directive("object-src").map(<[String]>::concat).as_deref(), Some("'none'"), "{request}");
        assert_eq!(csp.directive("base-uri").map(<[String]>::concat).as_deref(), Some("'none'"), "{request}");
        assert!(csp.directive("form-action").is_some() && csp.directive("frame-ancestors").is_some());
        for source in csp.directive("script-src").into_iter().flatten() {
            assert_eq!(source, "'self'", "{request}");
        }
        assert_eq!(reply.header("content-security-policy-report-only"), None);
    }
}

#[tokio::test]
async fn hdr_07_permissions_are_a_dictionary_that_turns_features_off() {
    let house = House::start().await;
    for (request, _) in one_of_each() {
        let reply = house.ask(&request).await;
        let value = reply.header("permissions-policy").expect("one field").to_owned();
        for item in value.split(", ") {
            let (name, list) = item.split_once('=').expect("name=list");
            assert!(name.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-'), "{item}");
            assert!(matches!(list, "()" | "(self)"), "{item}");
        }
        for name in ["geolocation", "camera", "microphone", "payment", "usb"] {
            assert!(value.split(", ").any(|item| item == format!("{name}=()")), "{name}");
        }
        assert_eq!(reply.header("feature-policy"), None);
    }
}

#[tokio::test]
async fn hdr_08_pages_are_isolated_from_other_origins() {
    all_have("cross-origin-opener-policy", |_| "same-origin").await;
    all_have("cross-origin-resource-policy", |_| "same-origin").await;
    all_have("cross-origin-embedder-policy", |_| "require-corp").await;
    let house = House::start().await;
    for (request, audience) in one_of_each() {
        let expected = (audience != Audience::Api).then_some("?1");
        assert_eq!(house.ask(&request).await.header("origin-agent-cluster"), expected, "{request}");
    }
}

#[tokio::test]
async fn the_request_id_is_the_edges_own_and_new_each_time() {
    let house = House::start().await;
    let mut client = house.client().await;
    let request = format!("GET /x HTTP/1.1\r\nhost: {SITE}\r\nx-request-id: 00000000-0000-4000-8000-000000000000\r\n\r\n");
    let first = client.ask(&request).await.header("x-request-id").map(str::to_owned);
    let second = client.ask(&request).await.header("x-request-id").map(str::to_owned);
    assert!(first.is_some() && first != second && first.as_deref() != Some("00000000-0000-4000-8000-000000000000"));
}
