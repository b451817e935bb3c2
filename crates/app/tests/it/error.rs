//! Refusals: their shape, and what they must not say.

use async_trait::async_trait;
use doorward_app::route::{CsrfClass, Endpoint, ROUTES, SessionUse};
use doorward_domain::{HashError, Password, PasswordCheck, PasswordHasher};
use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{Answer, CSRF, Client, PASSWORD, SESSION};
use crate::house::House;
use crate::table::{body_for, caller, concrete, send, send_octets};

/// One refusal of every kind that the application knows, each by somebody new.
async fn refusals(house: &House) -> Vec<(&'static str, Answer)> {
    let mut all = Vec::new();
    let mut member = house.signed_in("ada@example.com").await;
    let mut doubled = Client::new(house);
    let twice = doubled.ask(Method::GET, "/api/auth/me").field("cookie", &format!("{SESSION}=a; {SESSION}=b"));
    all.push(("400 cookie", twice.send().await));
    let mut client = Client::new(house);
    let malformed = client.ask(Method::POST, "/api/auth/login").own().body("application/json", "{");
    all.push(("400 body", malformed.send().await));
    all.push(("400 token", client.post_json("/api/auth/verify-email", &json!({"token": "x"})).await));
    all.push(("401 session", client.get("/api/auth/me").await));
    all.push(("401 credentials", client.sign_in("ada@example.com", "wrong").await));
    all.push(("401 sign-out", client.post_empty("/api/auth/logout").await));
    all.push(("403 origin", client.ask(Method::POST, "/api/auth/login").field("origin", "null").send().await));
    all.push(("403 token", member.ask(Method::POST, "/api/auth/logout").own().send().await));
    all.push(("404", client.get("/api/auth/nope").await));
    all.push(("404 asset", client.get("/assets/doorward/nope.css").await));
    all.push(("405", client.ask(Method::PUT, "/api/auth/login").send().await));
    let large = client.ask(Method::POST, "/api/auth/login").own().body("application/json", "x".repeat(9000));
    all.push(("413", large.send().await));
    let plain = client.ask(Method::POST, "/api/auth/login").own().body("text/plain", "{}");
    all.push(("415", plain.send().await));
    all.push(("422", client.post_json("/api/auth/register", &json!({"email": "x", "password": "short"})).await));
    for path in
        ROUTES.iter().filter(|route| route.csrf == CsrfClass::Form && route.endpoint != Endpoint::SignOut).map(|route| route.path)
    {
        all.push(("403 form", Client::new(house).post_form(path, &[("email", "x")]).await));
    }
    let mut browser = Client::new(house);
    browser.get("/account/sign-in").await;
    let token = browser.cookie(CSRF).to_owned();
    for (path, kind) in [
        ("/account/sign-in", "401 form"),
        ("/account/sign-up", "422 form"),
        ("/account/verify", "400 form"),
        ("/account/reset", "422 form"),
        ("/account/email/confirm", "400 form"),
        ("/account/email/undo", "400 form"),
        ("/account/end-sessions", "400 form"),
    ] {
        all.push((kind, browser.post_form(path, &[("csrf_token", &token), ("email", "x"), ("token", "x")]).await));
    }
    for route in ROUTES.iter().filter(|route| route.session == SessionUse::Required) {
        let answer = client.ask(route.method.clone(), &concrete(route)).own().send().await;
        all.push(("401 session", answer));
    }
    for (method, path, body, kind) in [
        (Method::PATCH, "/api/auth/me", json!({"is_admin": true}), "400 profile"),
        (Method::PATCH, "/api/auth/me", json!({"avatar_url": "http://example.com/a.png"}), "422 profile"),
        (Method::DELETE, "/api/auth/me", json!({"current_password": "wrong"}), "401 deletion"),
        (Method::POST, "/api/auth/password", json!({"current_password": "wrong", "new_password": PASSWORD}), "401 password"),
        (Method::POST, "/api/auth/password", json!({"current_password": PASSWORD, "new_password": "short"}), "422 password"),
        (Method::POST, "/api/auth/email", json!({"email": "b@example.com", "current_password": "wrong"}), "401 email"),
        (Method::POST, "/api/auth/email", json!({"email": "x", "current_password": PASSWORD}), "422 email"),
        (Method::POST, "/api/auth/reset-password", json!({"token": "x", "password": PASSWORD}), "400 reset"),
        (Method::POST, "/api/auth/email/confirm", json!({"token": "x"}), "400 confirm"),
        (Method::POST, "/api/auth/email/undo", json!({"token": "x"}), "400 undo"),
        (Method::POST, "/api/auth/end-sessions", json!({"token": "x"}), "400 end"),
        (Method::DELETE, "/api/auth/sessions/00000000-0000-4000-8000-000000000000", json!({}), "404 session"),
        (Method::DELETE, "/api/auth/sessions/x", json!({}), "404 reference"),
    ] {
        let token = member.cookie(CSRF).to_owned();
        let ask = member.ask(method, path).own().field("x-csrf-token", &token);
        all.push((kind, ask.body("application/json", body.to_string()).send().await));
    }
    all.push(("404 page", client.get("/account/nope").await));
    all.push(("405 page", client.ask(Method::DELETE, "/account/sign-in").send().await));
    all
}

#[tokio::test]
async fn err_08_no_refusal_sets_a_cookie() {
    let house = House::with("auth_login = \"1000/min\"").await;
    house.member("ada@example.com").await;
    for (kind, answer) in refusals(&house).await {
        assert_eq!(answer.status.as_str(), &kind[..3], "{kind}: {}", answer.text());
        assert!(answer.set_cookies().is_empty(), "{kind}");
        assert_eq!(answer.field("cache-control"), "no-store", "{kind}");
    }
    let limited = House::with("auth_login = \"1/min\"\nauth_csrf = \"1/min\"\nauth_me = \"1/min\"").await;
    let mut client = limited.member("ada@example.com").await;
    let mut throttled = Vec::new();
    for _ in 0..2 {
        throttled = vec![client.sign_in("ada@example.com", PASSWORD).await, client.get("/api/auth/me").await];
        throttled.push(Client::new(&limited).get("/api/auth/csrf").await);
    }
    limited.break_store().await;
    for answer in throttled {
        assert_eq!((answer.status, answer.detail()), (StatusCode::TOO_MANY_REQUESTS, "Rate limited".into()));
        assert!(answer.field("retry-after").parse::<u64>().expect("seconds") >= 1);
        assert!(answer.set_cookies().is_empty());
    }
    let mut stranger = Client::new(&limited).at([198, 51, 100, 9]);
    stranger.jar.insert(SESSION.into(), "A".repeat(43));
    let down = stranger.get("/api/auth/csrf").await;
    assert_eq!((down.status, down.set_cookies().len()), (StatusCode::SERVICE_UNAVAILABLE, 0));
}

#[tokio::test]
async fn refusals_of_the_api_have_one_shape_and_pages_are_pages() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    for (kind, answer) in refusals(&house).await {
        if kind.ends_with("form") || kind.ends_with("page") {
            assert_eq!(answer.field("content-type"), "text/html; charset=utf-8", "{kind}");
            assert!(answer.text().contains("role=\"alert\""), "{kind}");
            continue;
        }
        assert_eq!(answer.field("content-type"), "application/json", "{kind}");
        let body = answer.json();
        let names: Vec<_> = body.as_object().expect("an object").keys().collect();
        assert!(body["detail"].is_string() && names.iter().all(|name| ["detail", "errors"].contains(&name.as_str())), "{kind}");
    }
    let mut client = Client::new(&house);
    for accept in ["application/problem+json", "text/html, application/problem+json;q=0.9"] {
        let answer = client.ask(Method::GET, "/api/auth/me").field("accept", accept).send().await;
        assert_eq!(answer.field("content-type"), "application/problem+json");
        assert_eq!(answer.text(), r#"{"detail":"Not authenticated"}"#);
    }
}

#[tokio::test]
async fn err_05_wrong_methods_and_unknown_paths_answer_alike_with_and_without_a_session() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mut stranger = Client::new(&house);
    let mut seen = [Vec::new(), Vec::new()];
    for (client, seen) in [&mut member, &mut stranger].into_iter().zip(&mut seen) {
        for (method, path, status, allow) in [
            (Method::PUT, "/api/auth/login", 405, "POST"),
            (Method::GET, "/api/auth/login", 405, "POST"),
            (Method::OPTIONS, "/api/auth/login", 405, "POST"),
            (Method::POST, "/api/auth/me", 405, "GET,HEAD,PATCH,DELETE"),
            (Method::PUT, "/api/auth/me", 405, "GET,HEAD,PATCH,DELETE"),
            (Method::GET, "/api/auth/me/export", 405, "POST"),
            (Method::GET, "/api/auth/forgot-password", 405, "POST"),
            (Method::GET, "/api/auth/reset-password", 405, "POST"),
            (Method::DELETE, "/api/auth/password", 405, "POST"),
            (Method::GET, "/api/auth/email", 405, "POST"),
            (Method::GET, "/api/auth/email/confirm", 405, "POST"),
            (Method::GET, "/api/auth/refresh", 405, "POST"),
            (Method::POST, "/api/auth/sessions", 405, "GET,HEAD"),
            (Method::GET, "/api/auth/sessions/x", 405, "DELETE"),
            (Method::DELETE, "/api/auth/sessions/revoke-others", 405, "POST"),
            (Method::DELETE, "/api/auth/sessions/", 404, ""),
            (Method::GET, "/api/openapi.json", 404, ""),
            (Method::GET, "/openapi.json", 404, ""),
            (Method::GET, "/api/auth/logout", 405, "POST"),
            (Method::POST, "/api/health", 405, "GET,HEAD"),
            (Method::GET, "/api/csp-report", 405, "POST"),
            (Method::GET, "/api/auth/nope", 404, ""),
            (Method::POST, "/api/auth/nope", 404, ""),
            (Method::GET, "/api/auth", 404, ""),
            (Method::GET, "/api/auth/", 404, ""),
            (Method::GET, "/api/auth/me/", 404, ""),
            (Method::GET, "/api/auth/me/x.css", 404, ""),
            (Method::GET, "/api/auth/me.css", 404, ""),
            (Method::GET, "/api/auth/ME", 404, ""),
            (Method::GET, "/.well-known/doorward/nope", 404, ""),
        ] {
            let answer = client.ask(method.clone(), path).own().send().await;
            assert_eq!((answer.status.as_u16(), answer.field("allow")), (status, allow), "{method} {path}");
            let detail = if status == 405 { "Method not allowed" } else { "Not found" };
            assert_eq!(answer.text(), format!(r#"{{"detail":"{detail}"}}"#), "{method} {path}");
            seen.push(answer.fingerprint());
        }
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn err_06_no_refusal_repeats_what_was_sent() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let canaries = ["<script>alert(1)</script>", "%0d%0aSet-Cookie:x", "zq7canary", "'\"><img src=x>", "{{7*7}}", "\u{202e}"];
    for canary in canaries {
        let escaped = percent_encoding::utf8_percent_encode(canary, percent_encoding::NON_ALPHANUMERIC).to_string();
        let mut answers = Vec::new();
        let mut client = Client::new(&house);
        for path in [format!("/api/auth/{escaped}"), format!("/account/{escaped}"), format!("/assets/doorward/{escaped}")] {
            answers.push(client.get(&path).await);
            answers.push(client.get(&format!("{path}?{escaped}={escaped}")).await);
        }
        let foreign = percent_encoding::utf8_percent_encode(canary, percent_encoding::NON_ALPHANUMERIC).to_string();
        for (method, path) in [
            (Method::PATCH, "/api/auth/me".to_owned()),
            (Method::DELETE, "/api/auth/me".to_owned()),
            (Method::POST, "/api/auth/password".to_owned()),
            (Method::POST, "/api/auth/email".to_owned()),
            (Method::DELETE, format!("/api/auth/sessions/{foreign}")),
        ] {
            let token = member.cookie(CSRF).to_owned();
            let mut body = json!({"current_password": canary, "new_password": canary, "email": canary});
            if method == Method::PATCH {
                body = json!({"avatar_url": canary, canary: canary});
            }
            let ask = member.ask(method, &path).own().field("x-csrf-token", &token);
            answers.push(ask.body("application/json", body.to_string()).send().await);
        }
        for name in ["email", "password", "username", "token"] {
            for path in [
                "/api/auth/login",
                "/api/auth/register",
                "/api/auth/verify-email",
                "/api/auth/reset-password",
                "/api/auth/email/confirm",
                "/api/auth/email/undo",
                "/api/auth/end-sessions",
            ] {
                let mut body = json!({"email": "nobody", "password": "short", "token": "x"});
                body[name] = json!(canary);
                answers.push(client.post_json(path, &body).await);
                body[name] = json!([canary]);
                answers.push(client.post_json(path, &body).await);
                answers.push(client.post_json(path, &json!({canary: canary})).await);
            }
        }
        let broken = client.ask(Method::POST, "/api/auth/login").own().body("application/json", format!("{{\"{canary}"));
        answers.push(broken.send().await);
        client.get("/account/sign-in").await;
        let token = client.cookie(CSRF).to_owned();
        for path in ["/account/sign-up", "/account/sign-in", "/account/verify", "/account/reset", "/account/email/confirm"] {
            let fields = [("csrf_token", token.as_str()), ("password", canary), ("token", canary), ("next", canary)];
            answers.push(client.post_form(path, &fields).await);
        }
        answers.push(client.post_form("/account/sign-in", &[("csrf_token", canary)]).await);
        for answer in answers {
            assert!(!answer.status.is_success() && !answer.status.is_server_error(), "{}", answer.status);
            for text in [canary, escaped.as_str()] {
                assert!(!answer.text().contains(text), "{canary} came back: {}", answer.text());
            }
        }
    }
}

/// What no answer may hold: our parts, our files, our words for faults.
const INSIDE: [&str; 22] = [
    "panicked",
    "backtrace",
    "stack",
    "thread '",
    ".rs",
    "src/",
    "sqlite",
    "sqlx",
    "SELECT ",
    "INSERT ",
    "UNIQUE constraint",
    "no such table",
    "database",
    "/tmp",
    "doorward.db",
    "127.0.0.1",
    "localhost",
    "argon2",
    "tokio",
    "axum",
    "hyper",
    "serde",
];

#[tokio::test]
async fn err_02_no_answer_tells_what_is_inside() {
    let house = House::new().await;
    let mut answers = Vec::new();
    house.member("ada@example.com").await;
    answers.extend(refusals(&house).await.into_iter().map(|(_, answer)| answer));
    let bodies: [&[u8]; 7] =
        [b"{", b"[]", b"{\"email\":\"' OR 1=1 --\"}", b"\xff", b"{\"token\":{}}", b"{\"a\":1,\"a\":1}", b"null"];
    let debugging = [
        ("accept", "text/html"),
        ("x-debug", "1"),
        ("x-debug-token", "1"),
        ("debug", "true"),
        ("x-forwarded-host", "localhost"),
        ("cookie", "XDEBUG_SESSION=1"),
    ];
    for route in &ROUTES {
        let mut client = caller(&house, route, &format!("{:?}@example.com", route.endpoint).to_lowercase()).await;
        let path = format!("{}?debug=1&trace=true&XDEBUG_SESSION_START=1", concrete(route));
        for (name, value) in debugging {
            answers.push(client.ask(route.method.clone(), &path).own().field(name, value).send().await);
        }
        for body in bodies {
            answers.push(send_octets(&mut client, route, body.to_vec()).await);
        }
    }
    // The store is what has most to tell.
    let broken = House::new().await;
    let mut member = broken.member("ada@example.com").await;
    broken.break_store().await;
    for route in &ROUTES {
        answers.push(send(&mut member, route, &body_for(route)).await);
    }
    let version = env!("CARGO_PKG_VERSION");
    for answer in answers {
        if answer.field("content-type").starts_with("text/css") || answer.field("content-type").starts_with("text/javascript") {
            continue;
        }
        let mut told = format!("{}\n", answer.text());
        for (name, value) in &answer.headers {
            told.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
        }
        let lower = told.to_lowercase();
        for word in INSIDE {
            assert!(!lower.contains(&word.to_lowercase()), "{word} in {told}");
        }
        assert!(!told.contains(version), "the version in {told}");
    }
}

#[tokio::test]
async fn err_07_without_a_store_nothing_passes() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let jar = member.jar.clone();
    house.break_store().await;
    for route in ROUTES.iter().filter(|route| route.method != Method::GET && route.csrf != CsrfClass::Open) {
        member.jar.clone_from(&jar);
        let answer = send(&mut member, route, &body_for(route)).await;
        // A session in the cache still passes; what it asks for does not. A wrong form is refused before anybody is asked.
        let refused = answer.status == StatusCode::SERVICE_UNAVAILABLE || answer.status.is_client_error();
        assert!(refused, "{} {}: {} {}", route.method, route.path, answer.status, answer.text());
        assert!(answer.set_cookies().is_empty(), "{} sets a cookie", route.path);
    }
}

/// Hashing that never works: the queue is full, or nothing stored can be used.
struct Broken(HashError);

#[async_trait]
impl PasswordHasher for Broken {
    async fn hash(&self, _password: Password) -> Result<String, HashError> {
        Err(self.0)
    }

    async fn verify(&self, _password: Password, _stored: Option<String>) -> Result<PasswordCheck, HashError> {
        Err(self.0)
    }
}

#[tokio::test]
async fn err_07_without_hashing_nobody_signs_up_or_in() {
    for error in [HashError::Busy, HashError::Unusable] {
        let house = House::with_hasher("", |_, _| std::sync::Arc::new(Broken(error))).await;
        house.add_without_password("ada@example.com").await;
        for email in ["ada@example.com", "nobody@example.com"] {
            let mut client = Client::new(&house);
            let answer = client.sign_in(email, PASSWORD).await;
            assert!([401, 503].contains(&answer.status.as_u16()), "{error:?} {}", answer.status);
            assert!(answer.set_cookies().is_empty());
            let asked = house.register(email, "").await;
            assert!([202, 500, 503].contains(&asked.status.as_u16()), "{error:?} {}", asked.status);
            assert!(asked.json()["detail"].is_string());
        }
        assert_eq!(house.session_count().await, 0);
    }
}

#[tokio::test]
async fn err_07_a_clock_that_jumps_lets_nobody_in() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let jar = member.jar.clone();
    house.sign_up("bea@example.com").await;
    let token = house.token_for("bea@example.com").await;
    house.clock.advance(std::time::Duration::from_secs(40 * 86_400));
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    // Back to where it was: what has ended once stays ended, and what was too old is not young again.
    house.clock.set("2026-03-01T12:00:00Z".parse().expect("an instant"));
    member.jar.clone_from(&jar);
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    let verified = member.post_json("/api/auth/verify-email", &json!({"token": token})).await;
    assert_eq!(verified.status, StatusCode::BAD_REQUEST);
    house.clock.set("1970-01-01T00:00:00Z".parse().expect("an instant"));
    member.jar.clone_from(&jar);
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}
