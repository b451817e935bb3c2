//! Cross-site requests, told by `Sec-Fetch-Site` and `Origin`.

use doorward_app::route::{CsrfClass, ROUTES};
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{CSRF, Client, PASSWORD, SESSION};
use crate::house::House;
use crate::table::{concrete, json_routes};

const SITE: &str = "https://app.example.com";

/// Fields of a head that must be refused, whatever else is right.
const FOREIGN_FETCH_SITES: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "same-site")],
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "cross-site"), ("origin", SITE)],
    &[("sec-fetch-site", "Same-Origin")],
    &[("sec-fetch-site", "same-origin ,none")],
    &[("sec-fetch-site", "")],
    &[("sec-fetch-site", "yes")],
    &[("sec-fetch-site", "same-origin"), ("origin", "https://evil.test")],
    &[("sec-fetch-site", "none"), ("origin", "https://evil.test")],
    &[("sec-fetch-site", "none"), ("origin", "null")],
    &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
];

const OWN_FETCH_SITES: &[&[(&str, &str)]] = &[
    &[("sec-fetch-site", "same-origin")],
    &[("sec-fetch-site", "none")],
    &[("sec-fetch-site", "same-origin"), ("origin", SITE)],
    &[("sec-fetch-site", "none"), ("origin", SITE)],
    // A form on a page with `Referrer-Policy: no-referrer`, such as the verification page.
    &[("sec-fetch-site", "same-origin"), ("origin", "null")],
];

const FOREIGN_ORIGINS: &[&str] = &[
    "null",
    "",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://app.example.com:443",
    "https://app.example.com.",
    "https://app.example.com.evil.test",
    "https://evilapp.example.com",
    "https://app.example.com@evil.test",
    "HTTPS://app.example.com",
    "https://APP.example.com",
    "https://app.example.com/",
    "https://app.example.com https://app.example.com",
    "https://app.example.com, https://evil.test",
    "https://sub.app.example.com",
    "https://example.com",
];

/// Signs out with a valid token and these fields about where the request comes from.
async fn sign_out_with(client: &mut Client<'_>, fields: &[(&str, &str)]) -> StatusCode {
    let token = client.cookie(CSRF).to_owned();
    let ask = client.ask(Method::POST, "/api/auth/logout").field("x-csrf-token", &token);
    let answer = fields.iter().fold(ask, |ask, (name, value)| ask.field(name, value)).send().await;
    answer.status
}

#[tokio::test]
async fn csrf_06_sec_fetch_site_decides_first_and_only_own_values_pass() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    for fields in FOREIGN_FETCH_SITES {
        assert_eq!(sign_out_with(&mut client, fields).await, StatusCode::FORBIDDEN, "{fields:?}");
        assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK, "the session lives on after {fields:?}");
    }
    for fields in OWN_FETCH_SITES {
        let mut client = house.signed_in("ada@example.com").await;
        assert_eq!(sign_out_with(&mut client, fields).await, StatusCode::NO_CONTENT, "{fields:?}");
    }
}

#[tokio::test]
async fn csrf_07_without_fetch_metadata_the_origin_must_be_the_site_octet_by_octet() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    for origin in FOREIGN_ORIGINS {
        assert_eq!(sign_out_with(&mut client, &[("origin", origin)]).await, StatusCode::FORBIDDEN, "{origin:?}");
    }
    for origins in [[SITE, SITE], [SITE, "https://evil.test"], ["https://evil.test", SITE]] {
        let fields = origins.map(|origin| ("origin", origin));
        assert_eq!(sign_out_with(&mut client, &fields).await, StatusCode::FORBIDDEN, "{origins:?}");
    }
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK);
    assert_eq!(sign_out_with(&mut client, &[("origin", SITE)]).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn csrf_08_with_neither_field_json_decides_before_sign_in_and_the_token_after() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let credentials = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let mut client = Client::new(&house);
    let plain = client.ask(Method::POST, "/api/auth/login").body("text/plain", credentials.clone()).send().await;
    assert_eq!(plain.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(client.jar.is_empty());
    let processed = client.ask(Method::POST, "/api/auth/login").body("application/json", credentials).send().await;
    assert_eq!(processed.status, StatusCode::OK);
    let bare = client.ask(Method::POST, "/api/auth/logout").field("referer", "https://app.example.com/").send().await;
    assert_eq!(bare.status, StatusCode::FORBIDDEN, "a referer proves nothing");
    assert_eq!(sign_out_with(&mut client, &[]).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn csrf_09_auth_routes_take_json_and_nothing_else_before_any_effect() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mails = house.mails().len();
    let refused = [
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("multipart/form-data; boundary=x"),
        Some("text/plain; application/json"),
        Some("application/json, text/plain"),
        Some("application/jsonx"),
        Some("application/json; charset=utf-16"),
        Some("application/json; charset=utf-8; x=y"),
        Some("application/json;"),
        Some("application/problem+json"),
        Some("json"),
        Some(""),
        None,
    ];
    let body = r#"{"email":"ada@example.com","password":"nine quiet lanterns over Trondheim","token":"x"}"#;
    for route in json_routes() {
        let mut stranger = Client::new(&house);
        let client = if route.csrf == CsrfClass::Token { &mut member } else { &mut stranger };
        let (path, token) = (concrete(route), client.cookie(CSRF).to_owned());
        for content_type in refused {
            let ask = client.ask(route.method.clone(), &path).own().field("x-csrf-token", &token);
            let ask = ask.body(content_type.unwrap_or("x/y"), body);
            let ask = if content_type.is_none() { ask.without("content-type") } else { ask };
            let answer = ask.send().await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{} {path} {content_type:?}", route.method);
            assert!(answer.set_cookies().is_empty());
        }
        let twice = client.ask(route.method.clone(), &path).own().field("x-csrf-token", &token).body("application/json", body);
        let answer = twice.field("content-type", "application/json").send().await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} with the field twice");
        if route.csrf == CsrfClass::Token {
            assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK, "the session is as before {path}");
        }
    }
    assert_eq!(house.delivered().await, mails, "no mail came of any of it");
    for content_type in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=\"UTF-8\""] {
        let mut client = Client::new(&house);
        let answer = client.ask(Method::POST, "/api/auth/login").own().body(content_type, body).send().await;
        assert_eq!(answer.status, StatusCode::OK, "{content_type}");
    }
}

#[tokio::test]
async fn csrf_09_sign_out_takes_no_body_or_json() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let token = client.cookie(CSRF).to_owned();
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let ask = client.ask(Method::POST, "/api/auth/logout").own().field("x-csrf-token", &token);
        let answer = ask.body(content_type, "{}").send().await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let ask = client.ask(Method::POST, "/api/auth/logout").own().field("x-csrf-token", &token);
    assert_eq!(ask.body("application/json", "{}").send().await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn cross_site_posts_before_sign_in_do_nothing() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let (mails, sessions) = (house.mails().len(), house.session_count().await);
    let body = json!({"email": "ada@example.com", "password": PASSWORD, "token": "x"}).to_string();
    for path in ROUTES.iter().filter(|route| route.csrf == CsrfClass::Origin).map(|route| route.path) {
        for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.test")]
        {
            let mut attacker = Client::new(&house);
            let ask = attacker.ask(Method::POST, path).field(name, value).body("application/json", body.clone());
            let answer = ask.send().await;
            assert_eq!((answer.status, answer.detail()), (StatusCode::FORBIDDEN, "CSRF failed".into()), "{path} {value}");
            assert!(answer.set_cookies().is_empty());
        }
    }
    assert_eq!(house.delivered().await, mails, "no mail");
    assert_eq!(house.session_count().await, sessions, "no session");
}

#[tokio::test]
async fn page_forms_refuse_cross_site_posts_even_with_a_right_token() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    for path in ROUTES.iter().filter(|route| route.csrf == CsrfClass::Form).map(|route| route.path) {
        let mut victim = Client::new(&house);
        victim.get("/account/sign-in").await;
        let token = victim.cookie(CSRF).to_owned();
        let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("password", PASSWORD), ("token", "x")];
        let body = crate::client::form(&fields);
        let ask = victim.ask(Method::POST, path).field("sec-fetch-site", "cross-site").field("origin", "https://evil.test");
        let answer = ask.body("application/x-www-form-urlencoded", body).send().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(victim.cookie(SESSION), "");
    }
}

#[tokio::test]
async fn csrf_14_sign_out_needs_origin_and_token() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let forged = client.ask(Method::POST, "/api/auth/logout").own().send().await;
    assert_eq!((forged.status, forged.detail()), (StatusCode::FORBIDDEN, "CSRF failed".into()));
    let page = client.post_form("/account/sign-out", &[]).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN, "the page's form needs its token too");
    let foreign = sign_out_with(&mut client, &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(foreign, StatusCode::FORBIDDEN);
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK, "the session lives");
    assert_eq!(client.post_empty("/api/auth/logout").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn csrf_16_a_refusal_is_the_same_octets_whatever_session_and_body() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mut stranger = Client::new(&house);
    let mut forger = Client::new(&house);
    forger.jar.insert(SESSION.into(), "A".repeat(43));
    let mut seen = Vec::new();
    for client in [&mut member, &mut stranger, &mut forger] {
        for path in ["/api/auth/logout", "/api/auth/login", "/api/auth/register", "/api/auth/verify-email"] {
            for body in [r#"{"email":"ada@example.com","password":"x"}"#, "{", "[]", r#"{"a":1,"a":2}"#] {
                let ask = client.ask(Method::POST, path).field("origin", "https://evil.test");
                let mut answer = ask.body("application/json", body).send().await;
                answer.headers.remove("vary");
                seen.push(answer.fingerprint());
            }
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "one refusal: {seen:#?}");
    // The token is looked at before the body and after the session, and a size over the limit before everything.
    let large = "x".repeat(9000);
    let ask = member.ask(Method::POST, "/api/auth/login").field("origin", "https://evil.test");
    assert_eq!(ask.body("application/json", large).send().await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let anonymous = stranger.ask(Method::POST, "/api/auth/logout").own().field("x-csrf-token", "x").send().await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn csrf_10_a_method_is_what_it_says_and_not_what_a_field_says() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let token = client.cookie(CSRF).to_owned();
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        for (method, path, meant) in [
            (Method::GET, "/api/auth/logout", "POST"),
            (Method::POST, "/api/auth/me", "GET"),
            (Method::POST, "/api/auth/me", "PATCH"),
            (Method::POST, "/api/auth/me", "DELETE"),
            (Method::GET, "/api/auth/sessions/revoke-others", "POST"),
            (Method::POST, "/api/auth/sessions", "DELETE"),
            (Method::GET, "/api/auth/login?_method=POST", "POST"),
        ] {
            let ask = client.ask(method.clone(), path).own().field("x-csrf-token", &token).field(name, meant);
            assert_eq!(ask.send().await.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path} meant as {meant}");
        }
        let safe = client.ask(Method::GET, "/api/auth/me").field(name, "DELETE").send().await;
        assert_eq!(safe.status, StatusCode::OK);
        // An unsafe request does not become a safe one, at the door either.
        let cookie = format!("{SESSION}={}", client.cookie(SESSION));
        let request = http::Request::post("/api/notes").header("cookie", cookie).header(name, "GET").body(()).expect("a request");
        let admit = house.admit(request, "api").await;
        assert!(matches!(admit, doorward_app::Admit::Refused(doorward_app::Refused::Csrf)), "{admit:?}");
    }
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn csrf_11_safe_methods_write_nothing() {
    let house = House::new().await;
    house.sign_up("waiting@example.com").await;
    let token = house.token_for("waiting@example.com").await;
    let mut member = house.member("ada@example.com").await;
    let mut stranger = Client::new(&house);
    // The one thing that a look may write, once a minute: when the session was last seen.
    member.get("/api/auth/me").await;
    let before = house.snapshot().await;
    for client in [&mut member, &mut stranger] {
        for route in &doorward_app::route::ROUTES {
            let path = format!("{}?token={token}&email=eve@example.com", concrete(route));
            for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
                client.ask(method.clone(), &path).send().await;
                assert!(house.snapshot().await == before, "{method} {} wrote something", route.path);
            }
        }
    }
    let verified = stranger.post_json("/api/auth/verify-email", &json!({"token": token})).await;
    assert_eq!(verified.status, StatusCode::OK, "the link is still good");
    assert!(house.snapshot().await != before, "the snapshot can tell");
}

#[tokio::test]
async fn csrf_17_every_refusal_is_noted_with_its_reason_and_without_a_token() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let token = client.cookie(CSRF).to_owned();
    let mut expected = Vec::new();
    for (fields, reason) in [
        (&[("sec-fetch-site", "cross-site")][..], "fetch_site"),
        (&[("origin", "https://evil.test")], "origin"),
        (&[("origin", SITE), ("origin", SITE)], "duplicate"),
        (&[], "token_missing"),
        (&[("x-csrf-token", "canary-value")], "token_mismatch"),
        (&[("x-csrf-token", "a"), ("x-csrf-token", "b")], "duplicate"),
        (&[("content-type", "text/plain")], "content_type"),
    ] {
        let ask = client.ask(Method::POST, "/api/auth/logout");
        fields.iter().fold(ask, |ask, (name, value)| ask.field(name, value)).send().await;
        expected.push(("/api/auth/logout", reason));
    }
    for path in ROUTES.iter().filter(|route| route.csrf == CsrfClass::Form).map(|route| route.path) {
        client.post_form(path, &[]).await;
        client.post_form(path, &[("csrf_token", "canary-value")]).await;
        client.ask(Method::POST, path).field("origin", "null").send().await;
        client.ask(Method::POST, path).own().body("text/plain", "csrf_token=canary-value").send().await;
        expected.extend(["token_missing", "token_mismatch", "origin", "content_type"].map(|reason| (path, reason)));
    }
    let noted = house.audit(doorward_domain::AuditEvent::CsrfRejected).await;
    let seen: Vec<_> =
        noted.iter().map(|row| (row.route.as_deref().unwrap_or(""), row.reason.as_deref().unwrap_or(""))).collect();
    assert_eq!(seen, expected);
    for row in &noted {
        let shown = format!("{row:?}");
        assert!(!shown.contains("canary-value") && !shown.contains(&token) && !shown.contains(client.cookie(SESSION)), "{shown}");
    }
}
