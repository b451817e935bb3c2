//! Forged requests: the double-submit token, and what the browser says of the sender.

use doorward_testkit::{CSRF_COOKIE, Client, House, Reply, Request, SESSION_COOKIE, assert_detail};
use serde_json::{Value, json};

use crate::site::{Site, cookie_parts};

/// Unsafe requests that need the token: two routes of upstreams and one of the door's own.
const GUARDED: [&str; 3] = ["/api/notes", "/members/notes", "/api/auth/logout"];

/// Sends one guarded request with this cookie line and these further fields.
#[track_caller]
fn attempt(client: &Client, path: &str, cookies: &str, fields: &[(&str, &str)]) -> Reply {
    let request = fields.iter().fold(Request::post(path).cookies(cookies), |r, (name, value)| r.header(name, value));
    client.twin().send(&request)
}

/// Asserts that every guarded route refuses it, and that nothing happened.
#[track_caller]
fn assert_forged(site: &Site, client: &Client, what: &str, cookies: &str, fields: &[(&str, &str)]) {
    site.clear();
    for path in GUARDED {
        let reply = attempt(client, path, cookies, fields);
        assert_eq!(reply.status, 403, "{what} to {path}: {reply:?}");
        assert_detail(&reply, 403, "CSRF failed");
        assert!(reply.all("set-cookie").is_empty(), "{what}: {reply:?}");
    }
    site.assert_upstreams_untouched(what);
    assert_eq!(client.twin().get("/api/auth/me").status, 200, "the session lives after {what}");
}

/// Asserts that the routes of upstreams let it pass.
#[track_caller]
fn assert_passes(site: &Site, client: &Client, what: &str, fields: &[(&str, &str)]) {
    site.clear();
    for path in &GUARDED[..2] {
        let reply = attempt(client, path, &client.cookie_line(), fields);
        assert_eq!(reply.status, 200, "{what} to {path}: {reply:?}");
    }
    assert_eq!((site.api.count(), site.members.count()), (1, 1), "{what}");
}

fn session_pair(client: &Client) -> String {
    format!("{SESSION_COOKIE}={}", client.session())
}

fn both(session: &str, csrf: &str) -> String {
    format!("{session}; {CSRF_COOKIE}={csrf}")
}

#[test]
fn csrf_01_an_unsafe_request_with_a_session_needs_header_and_cookie() {
    let site = Site::start();
    let mut client = site.house.member("ada@app.test");
    let (session, csrf) = (session_pair(&client), client.csrf());
    assert_forged(&site, &client, "no header", &both(&session, &csrf), &[]);
    assert_forged(&site, &client, "wrong header", &both(&session, &csrf), &[("X-CSRF-Token", "wrong")]);
    assert_forged(&site, &client, "header only", &session, &[("X-CSRF-Token", &csrf)]);
    let changed = format!("{}{}", &csrf[..csrf.len() - 1], if csrf.ends_with('A') { "B" } else { "A" });
    assert_forged(&site, &client, "last octet changed in both", &both(&session, &changed), &[("X-CSRF-Token", &changed)]);
    for method in ["PATCH", "DELETE"] {
        site.clear();
        let reply = client.twin().send(&Request::new(method, "/api/notes"));
        assert_detail(&reply, 403, "CSRF failed");
        site.assert_upstreams_untouched(method);
        client.twin().send(&Request::new(method, "/api/notes").csrf()).expect(200);
    }
    assert_passes(&site, &client, "both right", &[("X-CSRF-Token", &csrf)]);
    client.send(&Request::post("/api/auth/logout").csrf()).expect(204);
}

#[test]
fn csrf_02_a_token_is_bound_to_its_session_and_cannot_be_made_up() {
    let site = Site::start();
    let one = site.house.member("ada@app.test");
    let two = site.house.sign_in("ada@app.test");
    let (session, foreign) = (session_pair(&one), two.csrf());
    assert_forged(&site, &one, "another session's pair", &both(&session, &foreign), &[("X-CSRF-Token", &foreign)]);
    let before = site.house.client().send(&Request::get("/api/auth/csrf")).set_cookies(CSRF_COOKIE)[0].to_owned();
    let (_, before, _) = cookie_parts(&before);
    assert_forged(&site, &one, "a stranger's pair", &both(&session, &before), &[("X-CSRF-Token", &before)]);
    let (random, mac) = foreign.split_once('.').unwrap_or((&foreign, ""));
    let (own_random, _) = one.csrf().split_once('.').map(|(r, m)| (r.to_owned(), m.to_owned())).unwrap();
    for made_up in ["x", &"A".repeat(64), &format!("{random}."), &format!(".{mac}"), &format!("{own_random}.{mac}")] {
        assert_forged(&site, &one, made_up, &both(&session, made_up), &[("X-CSRF-Token", made_up)]);
    }
}

#[test]
fn csrf_03_empty_blank_long_and_foreign_tokens_are_refused_even_when_they_agree() {
    let mut site = Site::start();
    let client = site.house.member("ada@app.test");
    let (session, csrf) = (session_pair(&client), client.csrf());
    for token in ["", " ", "\t", &"a".repeat(513), &csrf.repeat(10)] {
        let cookies = format!("{CSRF_COOKIE}={token}; {session}");
        assert_forged(&site, &client, &format!("{token:?}"), &cookies, &[("X-CSRF-Token", token)]);
    }
    for token in ["t\u{f6}ken", &format!("{csrf}\u{e9}")] {
        site.clear();
        for path in GUARDED {
            let reply = attempt(&client, path, &both(&session, token), &[("X-CSRF-Token", token)]);
            // The framing guard takes ASCII alone in fields that authorise, and answers before anybody looks at tokens.
            assert!(matches!(reply.status, 400 | 403), "{token:?} to {path}: {reply:?}");
        }
        site.assert_upstreams_untouched(token);
    }
    assert_forged(&site, &client, "absent and empty", &session, &[("X-CSRF-Token", "")]);
    site.clear();
    let huge = "a".repeat(1024 * 1024);
    for path in GUARDED {
        let reply = attempt(&client, path, &both(&session, &csrf), &[("X-CSRF-Token", &huge)]);
        assert!(matches!(reply.status, 403 | 431), "{reply:?}");
    }
    site.assert_upstreams_untouched("a token of a mebibyte");
    site.house.assert_alive();
}

#[test]
fn csrf_04_a_token_that_comes_twice_is_refused() {
    let site = Site::start();
    let client = site.house.member("ada@app.test");
    let (session, csrf) = (session_pair(&client), client.csrf());
    let pair = |token: &str| format!("{CSRF_COOKIE}={token}");
    for cookies in [
        format!("{session}; {}; {}", pair(&csrf), pair("evil")),
        format!("{session}; {}; {}", pair("evil"), pair(&csrf)),
        format!("{session}; {}; {}", pair(&csrf), pair(&csrf)),
        format!("{session}; {}\r\nCookie: {}", pair(&csrf), pair("evil")),
    ] {
        assert_forged(&site, &client, &cookies, &cookies, &[("X-CSRF-Token", &csrf)]);
    }
    let cookies = both(&session, &csrf);
    assert_forged(&site, &client, "two lines", &cookies, &[("X-CSRF-Token", &csrf), ("X-CSRF-Token", &csrf)]);
    assert_forged(&site, &client, "two lines", &cookies, &[("X-CSRF-Token", "evil"), ("x-csrf-token", &csrf)]);
    assert_forged(&site, &client, "joined", &cookies, &[("X-CSRF-Token", &format!("{csrf}, {csrf}"))]);
    assert_forged(&site, &client, "joined", &cookies, &[("X-CSRF-Token", &format!("{csrf},evil"))]);
}

#[test]
fn csrf_05_a_token_does_not_outlive_the_change_of_its_session() {
    let site = Site::start();
    site.house.add_member("ada@app.test");
    let mut client = site.house.client();
    client.get("/api/auth/csrf").expect(200);
    let before = client.csrf();
    let credentials = json!({"email": "ada@app.test", "password": site.house.password()});
    client.post_json("/api/auth/login", &credentials).expect(200);
    let first = client.csrf();
    assert_ne!(first, before, "fresh at sign-in");
    let session = session_pair(&client);
    assert_forged(&site, &client, "the token before sign-in", &both(&session, &before), &[("X-CSRF-Token", &before)]);

    client.post_json("/api/auth/login", &credentials).expect(200);
    assert_ne!(client.csrf(), first, "fresh at every sign-in");
    let session = session_pair(&client);
    assert_forged(&site, &client, "the old session's token", &both(&session, &first), &[("X-CSRF-Token", &first)]);

    let last = client.csrf();
    client.send(&Request::post("/api/auth/logout").csrf()).expect(204);
    assert_ne!(client.cookie(CSRF_COOKIE), Some(last.as_str()), "gone or fresh after sign-out");
    client.get("/api/auth/csrf").expect(200);
    assert_ne!(client.csrf(), last);
}

#[test]
fn csrf_06_sec_fetch_site_decides_first() {
    let site = Site::start();
    let client = site.house.member("ada@app.test");
    let (cookies, csrf, origin) = (client.cookie_line(), client.csrf(), site.house.origin());
    let token = ("X-CSRF-Token", csrf.as_str());
    for value in ["same-origin", "none"] {
        assert_passes(&site, &client, value, &[token, ("Sec-Fetch-Site", value)]);
        assert_passes(&site, &client, value, &[token, ("Sec-Fetch-Site", value), ("Origin", &origin)]);
    }
    for value in ["same-site", "cross-site", "unknown", "", "SAME-ORIGIN", "same-origin, none", "same-origin;"] {
        assert_forged(&site, &client, value, &cookies, &[token, ("Sec-Fetch-Site", value)]);
        assert_forged(&site, &client, value, &cookies, &[token, ("Sec-Fetch-Site", value), ("Origin", &origin)]);
    }
    let foreign = [token, ("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.test")];
    assert_forged(&site, &client, "a foreign origin", &cookies, &foreign);
    let twice = [token, ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "same-origin")];
    assert_forged(&site, &client, "twice", &cookies, &twice);
}

#[test]
fn csrf_07_origin_is_compared_exactly() {
    let site = Site::start();
    let client = site.house.member("ada@app.test");
    let (cookies, csrf, own) = (client.cookie_line(), client.csrf(), site.house.origin());
    let (host, authority) = (site.house.host().to_owned(), site.house.authority());
    let port = site.house.https().port();
    let token = ("X-CSRF-Token", csrf.as_str());
    assert_passes(&site, &client, &own, &[token, ("Origin", &own)]);
    for origin in [
        "null".to_owned(),
        String::new(),
        format!("http://{authority}"),
        format!("https://{host}"),
        format!("https://{host}:{}", port + 1),
        format!("https://{host}.:{port}"),
        format!("https://{host}.evil.test:{port}"),
        format!("https://evil{authority}"),
        format!("https://{host}@evil.test:{port}"),
        format!("https://evil.test@{authority}"),
        format!("HTTPS://{authority}"),
        format!("https://{}:{port}", host.to_uppercase()),
        format!("{own}/"),
        format!("{own} https://evil.test"),
        format!("{own}, {own}"),
        format!("https://sub.{authority}"),
    ] {
        assert_forged(&site, &client, &origin, &cookies, &[token, ("Origin", &origin)]);
    }
    assert_forged(&site, &client, "two origins", &cookies, &[token, ("Origin", &own), ("Origin", "https://evil.test")]);
    assert_forged(&site, &client, "two origins", &cookies, &[token, ("Origin", &own), ("Origin", &own)]);
}

#[test]
fn csrf_08_without_both_fields_the_token_or_the_content_type_decides() {
    let site = Site::start();
    let client = site.house.member("ada@app.test");
    let csrf = client.csrf();
    // Neither field; a Referer is not asked.
    assert_passes(&site, &client, "token alone", &[("X-CSRF-Token", &csrf)]);
    assert_passes(&site, &client, "evil referer", &[("X-CSRF-Token", &csrf), ("Referer", "https://evil.test/")]);
    let own = format!("{}/", site.house.origin());
    assert_forged(&site, &client, "own referer, no token", &client.cookie_line(), &[("Referer", &own)]);

    let body = json!({"email": "ada@app.test", "password": site.house.password()});
    site.house.client().post_json("/api/auth/login", &body).expect(200);
    let plain = Request::post("/api/auth/login").body("text/plain", body.to_string());
    let reply = site.house.client().send(&plain);
    assert_eq!(reply.status, 415, "{reply:?}");
    assert!(reply.all("set-cookie").is_empty(), "{reply:?}");
}

#[test]
fn csrf_09_only_json_bodies_have_any_effect() {
    let house = House::builder().start();
    house.add_member("ada@app.test");
    let mails = house.mailbox().all().len();
    house.sign_up("bob@app.test", house.password());
    house.sign_up("cleo@app.test", house.password());
    let token = house.mailbox().wait_for("bob@app.test").token();
    let _ = house.mailbox().wait_for("cleo@app.test");
    let bodies = [
        ("/api/auth/register", json!({"email": "new@app.test", "password": house.password()})),
        ("/api/auth/login", json!({"email": "ada@app.test", "password": house.password()})),
        ("/api/auth/verify-email", json!({"token": token})),
        ("/api/auth/verify-email/resend", json!({"email": "cleo@app.test"})),
    ];
    let kinds = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain; application/json",
        "application/json, text/plain",
        "application/jsonx",
        "application/json; charset=latin1",
        "application/ld+json",
        "",
    ];
    for (path, body) in &bodies {
        for kind in kinds {
            let reply = house.client().send(&Request::post(path).body(kind, body.to_string()));
            assert_eq!(reply.status, 415, "{path} with {kind:?}: {reply:?}");
            assert!(reply.all("set-cookie").is_empty(), "{reply:?}");
        }
        let missing = house.client().send(&Request::post(path).bare_body(body.to_string()));
        assert_eq!(missing.status, 415, "{path} without a type: {missing:?}");
        let twice = Request::post(path).header("Content-Type", "text/plain").body("application/json", body.to_string());
        let reply = house.client().send(&twice);
        assert!(matches!(reply.status, 400 | 415), "{path} with two types: {reply:?}");
    }
    // The same bodies as JSON do work afterwards: so nothing above had any effect.
    for (path, body) in &bodies {
        let reply = house.client().send(&Request::post(path).body("application/json; charset=utf-8", body.to_string()));
        assert!(matches!(reply.status, 200 | 202), "{path}: {reply:?}");
    }
    let _ = (house.mailbox().wait_for("new@app.test"), house.mailbox().wait_for_nth("cleo@app.test", 2));
    assert_eq!(house.mailbox().all().len(), mails + 4, "three sign-ups and one resend");
}

#[test]
fn csrf_14_nobody_is_signed_out_by_force() {
    let site = Site::start();
    let mut client = site.house.member("ada@app.test");
    assert_detail(&client.send(&Request::post("/api/auth/logout")), 403, "CSRF failed");
    let cross = Request::post("/api/auth/logout").csrf().header("Sec-Fetch-Site", "cross-site");
    assert_detail(&client.send(&cross), 403, "CSRF failed");
    for method in ["GET", "HEAD", "OPTIONS", "DELETE"] {
        let reply = client.send(&Request::new(method, "/api/auth/logout").csrf());
        assert!(reply.status == 405 || (method == "OPTIONS" && reply.status == 204), "{method}: {reply:?}");
    }
    let form = Request::post("/account/sign-out").form(&[("csrf", "guess")]).header("Sec-Fetch-Site", "cross-site");
    assert_eq!(client.send(&form).status, 403);
    client.get("/api/auth/me").expect(200);
}

#[test]
fn csrf_15_the_csrf_cookie_is_strict_readable_and_no_credential() {
    let house = House::builder().start();
    let mut client = house.member("ada@app.test");
    client.get("/api/auth/csrf").expect(200);
    let mut stranger = house.client();
    let issued = stranger.get("/api/auth/csrf").expect(200);
    let page = house.client().get("/account/sign-in").expect(200);
    for reply in [&client.seen()[0], &issued, &page] {
        let set = reply.set_cookies(CSRF_COOKIE);
        assert_eq!(set.len(), 1, "{reply:?}");
        let (_, _, attributes) = cookie_parts(set[0]);
        let kept: Vec<_> = attributes.iter().filter(|(name, _)| name != "max-age").cloned().collect();
        let wanted = [("path", "/"), ("samesite", "Strict"), ("secure", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(kept, wanted, "no Domain, no HttpOnly: {set:?}");
    }
    let line = format!("{SESSION_COOKIE}={}", client.csrf());
    house.client().send(&Request::get("/api/auth/me").cookies(&line)).expect(401);
    let alone = format!("{CSRF_COOKIE}={}", client.csrf());
    house.client().send(&Request::get("/api/auth/me").cookies(&alone)).expect(401);
}

#[test]
fn preflights_get_no_allow_headers_whoever_asks() {
    let site = Site::start();
    let own = site.house.origin();
    let origins = ["https://evil.test".to_owned(), "null".into(), format!("{own}.evil.test"), own.clone()];
    for path in ["/api/auth/login", "/api/auth/me", "/api/auth/csrf", "/api/auth/nope", "/account/sign-in"] {
        for origin in &origins {
            for method in ["POST", "DELETE"] {
                let preflight = Request::new("OPTIONS", path)
                    .header("Origin", origin)
                    .header("Access-Control-Request-Method", method)
                    .header("Access-Control-Request-Headers", "x-csrf-token, content-type");
                let reply = site.house.client().send(&preflight);
                let names = reply.names();
                assert!(!names.iter().any(|name| name.starts_with("access-control-")), "{path} {origin}: {reply:?}");
                assert!(reply.all("set-cookie").is_empty(), "{reply:?}");
            }
            let reply = site.house.client().send(&Request::get(path).header("Origin", origin));
            assert!(!reply.names().iter().any(|name| name.starts_with("access-control-")), "{path} {origin}: {reply:?}");
        }
    }
}

/// A provider that nobody will reach: whoever comes as far as it has passed the check.
const NOWHERE: &str = "[[oauth]]\nprovider = \"oidc\"\nname = \"nowhere\"\nlabel = \"Nowhere\"\nissuer = \"https://localhost:9\"\n\
    client_id = \"doorward\"\nclient_secret_env = \"NOWHERE_SECRET\"";

#[test]
fn csrf_13_no_other_site_signs_anybody_in_or_up_or_has_mail_sent() {
    let house = House::builder().unlimited().oauth(NOWHERE).var("NOWHERE_SECRET", "barley-lantern-thirteen-owls").start();
    house.add_member("ada@app.test");
    house.sign_up("bob@app.test", house.password());
    let token = house.mailbox().wait_for("bob@app.test").token();
    let mails = house.mailbox().all().len();
    let bodies = [
        ("/api/auth/login", json!({"email": "ada@app.test", "password": house.password()})),
        ("/api/auth/register", json!({"email": "new@app.test", "password": house.password()})),
        ("/api/auth/verify-email", json!({"token": token})),
        ("/api/auth/verify-email/resend", json!({"email": "bob@app.test"})),
        ("/api/auth/forgot-password", json!({"email": "ada@app.test"})),
        ("/api/auth/reset-password", json!({"token": token, "password": house.password()})),
        ("/api/auth/email/confirm", json!({"token": token})),
        ("/api/auth/email/undo", json!({"token": token})),
        ("/api/auth/end-sessions", json!({"token": token})),
        ("/api/auth/oauth/nowhere/start", json!({})),
        ("/api/auth/oauth/nowhere/callback", json!({"code": "code", "state": token})),
        ("/api/auth/login/second-factor", json!({"code": "123456"})),
        ("/api/auth/passkey/options", json!({})),
        ("/api/auth/passkey/login", json!({"challenge": token, "credential": {}})),
    ];
    let forms = [
        ("/account/sign-in", vec![("email", "ada@app.test"), ("password", house.password())]),
        ("/account/sign-in/second-factor", vec![("code", "123456")]),
        ("/account/oauth/nowhere/start", vec![("next", "/account")]),
        ("/account/oauth/nowhere", vec![("code", "code"), ("state", token.as_str())]),
        ("/account/end-sessions", vec![("token", token.as_str())]),
    ];
    let foreign: [&[(&str, &str)]; 5] = [
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", "https://sub.app.test")],
        &[("Origin", "https://evil.test")],
        &[("Origin", "null")],
        &[("Sec-Fetch-Site", "same-origin"), ("Origin", "https://evil.test")],
    ];
    for (path, body) in &bodies {
        for fields in foreign {
            let request =
                fields.iter().fold(Request::post(path).json(body), |request, (name, value)| request.header(name, value));
            let reply = house.client().send(&request);
            assert_detail(&reply, 403, "CSRF failed");
            assert!(reply.all("set-cookie").is_empty(), "{path}: {reply:?}");
        }
    }
    for (path, fields) in &forms {
        // A form proves by its own field that it is ours, whatever the browser says or leaves unsaid.
        for extra in foreign.iter().copied().chain([&[][..]]) {
            let request =
                extra.iter().fold(Request::post(path).form(fields), |request, (name, value)| request.header(name, value));
            let reply = house.client().send(&request);
            assert_eq!(reply.status, 403, "{path} {extra:?}: {reply:?}");
            assert!(reply.set_cookies(SESSION_COOKIE).is_empty(), "{path}: {reply:?}");
        }
    }
    // The same two without a foreign word come as far as the provider, and as the check of the state.
    let own = |path: &str, body: Value| house.client().post_json(path, &body).status;
    assert_eq!(own("/api/auth/oauth/nowhere/start", json!({})), 503);
    assert_eq!(own("/api/auth/oauth/nowhere/callback", json!({"code": "code", "state": token})), 400);
    // The link is still good, so nothing has consumed it; and by then every mail that was to leave has left.
    house.client().post_json("/api/auth/verify-email", &json!({"token": token})).expect(200);
    house.sign_up("last@app.test", house.password());
    let _ = house.mailbox().wait_for("last@app.test");
    assert_eq!(house.mailbox().all().len(), mails + 1);
}
