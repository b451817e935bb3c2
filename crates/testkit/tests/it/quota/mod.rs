//! Every scope of the application: whom it counts, where it stops, and whom it leaves alone.

mod address;
mod token;

use std::net::{IpAddr, Ipv4Addr};

use doorward_testkit::{Client, EchoUpstream, House, PROXY, Reply, Request, assert_detail};
use serde_json::{Value, json};

const ADA: &str = "ada@app.test";
const BOB: &str = "bob@app.test";
const LONG_ENOUGH: &str = "eleven calm otters under a bridge";
/// What every scope below is set to, by the hour.
const QUOTA: usize = 3;
/// Of the shape of a token, and good for nothing.
const NO_TOKEN: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Callers that no other case has.
fn caller(case: usize, number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 1, u8::try_from(case).unwrap(), number))
}

/// Makes the n-th request of a scope. Whoever sends it may be nobody, or signed in.
struct Case {
    scope: &'static str,
    who: Who,
    request: fn(usize) -> Request,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    /// A stranger: the scope is counted before anybody asks for a session.
    Stranger,
    /// An account whose password is asked for once more: the account is counted as well.
    Member,
}

fn post(path: &str, body: &Value) -> Request {
    Request::post(path).json(body)
}

fn stranger(scope: &'static str, request: fn(usize) -> Request) -> Case {
    Case { scope, who: Who::Stranger, request }
}

fn member(scope: &'static str, request: fn(usize) -> Request) -> Case {
    Case { scope, who: Who::Member, request }
}

fn cases() -> Vec<Case> {
    vec![
        stranger("auth_csrf", |_| Request::get("/api/auth/csrf")),
        stranger("auth_register", |n| {
            post("/api/auth/register", &json!({"email": format!("new{n}@app.test"), "password": LONG_ENOUGH}))
        }),
        stranger("auth_login", |n| {
            post("/api/auth/login", &json!({"email": format!("guess{n}@app.test"), "password": LONG_ENOUGH}))
        }),
        stranger("auth_logout", |_| Request::post("/api/auth/logout")),
        stranger("auth_me", |_| Request::get("/api/auth/me")),
        stranger("auth_profile", |_| Request::new("PATCH", "/api/auth/me").json(&json!({"bio": "x"}))),
        stranger("auth_export", |_| Request::post("/api/auth/me/export")),
        stranger("auth_refresh", |_| Request::post("/api/auth/refresh")),
        stranger("auth_sessions", |_| Request::get("/api/auth/sessions")),
        stranger("auth_sessions_revoke", |n| match n % 2 {
            0 => Request::post("/api/auth/sessions/revoke-others"),
            _ => Request::new("DELETE", "/api/auth/sessions/5f8f1f0e-3c64-4e0b-9d7d-3c2b1a090807"),
        }),
        stranger("verify_email", |_| post("/api/auth/verify-email", &json!({"token": NO_TOKEN}))),
        stranger("verify_email_resend", |n| {
            post("/api/auth/verify-email/resend", &json!({"email": format!("guess{n}@app.test")}))
        }),
        stranger("forgot_password", |n| post("/api/auth/forgot-password", &json!({"email": format!("guess{n}@app.test")}))),
        stranger("reset_password", |_| post("/api/auth/reset-password", &json!({"token": NO_TOKEN, "password": LONG_ENOUGH}))),
        stranger("email_confirm", |n| match n % 3 {
            0 => post("/api/auth/email/confirm", &json!({"token": NO_TOKEN})),
            1 => post("/api/auth/end-sessions", &json!({"token": NO_TOKEN})),
            _ => post("/api/auth/email/undo", &json!({"token": NO_TOKEN})),
        }),
        stranger("auth_second_factor", |_| post("/api/auth/login/second-factor", &json!({"code": "123456"}))),
        stranger("auth_passkey", |_| post("/api/auth/passkey/options", &json!({}))),
        stranger("auth_factors", |_| Request::get("/api/auth/factors")),
        stranger("auth_oauth", |_| post("/api/auth/oauth/nowhere/callback", &json!({"code": "x", "state": NO_TOKEN}))),
        stranger("csp_report", |_| Request::post("/api/csp-report").body("application/csp-report", "{\"csp-report\":{}}")),
        stranger("csrf_refusal", |_| {
            post("/api/auth/login", &json!({"email": ADA, "password": "x"})).header("Sec-Fetch-Site", "cross-site")
        }),
        member("auth_password", |_| {
            post("/api/auth/password", &json!({"current_password": "wrong wrong wrong wrong", "new_password": LONG_ENOUGH}))
        }),
        member("auth_email", |_| {
            post("/api/auth/email", &json!({"current_password": "wrong wrong wrong wrong", "email": "else@app.test"}))
        }),
        member("auth_factors_change", |n| match n % 2 {
            0 => post("/api/auth/factors/totp/confirm", &json!({"enrolment": NO_TOKEN, "code": "123456"})),
            _ => Request::new("DELETE", "/api/auth/factors/5f8f1f0e-3c64-4e0b-9d7d-3c2b1a090807"),
        }),
        member("auth_step_up", |_| post("/api/auth/step-up", &json!({"current_password": "wrong wrong wrong wrong"}))),
        member("auth_oauth_unlink", |_| {
            Request::new("DELETE", "/api/auth/oauth/nowhere").json(&json!({"current_password": "wrong wrong wrong wrong"}))
        }),
        member("auth_delete", |_| {
            Request::new("DELETE", "/api/auth/me").json(&json!({"current_password": "wrong wrong wrong wrong"}))
        }),
    ]
}

/// Scopes that are keyed by an address, a browser or nobody, each with a test of its own; and those that are no scopes of the application.
const ELSEWHERE: &[&str] = &[
    "auth_login_account",
    "verify_email_resend_address",
    "forgot_password_address",
    "reset_password_total",
    "mail_address",
    "device_failure",
    // In the application's own table of routes: it counts whoever is signed in, by caller.
    "auth_gate",
    "edge",
    "edge_auth",
    "edge_gate",
    "gate_failure",
];

/// Every scope that a configuration may name; the section has times of other things behind them, in a table of more columns.
fn scopes() -> Vec<String> {
    let page = include_str!("../../../../../docs/reference/configuration.md");
    let section = page.split("\n## ").find(|section| section.starts_with("`[limits]`")).expect("a section of limits");
    let names = section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` | `")?.0.to_owned()));
    names.collect()
}

fn house_of_small_quotas() -> House {
    let builder = cases().iter().fold(House::builder(), |builder, case| builder.limit(case.scope, &format!("{QUOTA}/h")));
    builder.start()
}

/// A browser that is signed in, if the case asks for one; `from` has quotas of its own.
fn browser(house: &House, who: Who, account: &Client, from: IpAddr) -> Client {
    match who {
        Who::Stranger => house.client_from(from),
        Who::Member => account.twin_from(from),
    }
}

fn send(client: &mut Client, case: &Case, n: usize) -> Reply {
    let request = (case.request)(n);
    client.send(&if case.who == Who::Member { request.csrf() } else { request })
}

#[test]
fn app_rl_01_every_scope_stops_its_caller_and_neither_other_callers_nor_other_scopes() {
    let (house, cases) = (house_of_small_quotas(), cases());
    let mut known: Vec<_> = cases.iter().map(|case| case.scope).chain(ELSEWHERE.iter().copied()).collect();
    let mut all = scopes();
    known.sort_unstable();
    all.sort_unstable();
    assert_eq!(known, all, "a scope has no case");
    let (ada, bob) = (house.member(ADA), house.member(BOB));
    for (number, case) in cases.iter().enumerate() {
        let scope = case.scope;
        let mut client = browser(&house, case.who, &ada, caller(number, 1));
        for n in 0..QUOTA {
            let reply = send(&mut client, case, n);
            assert!(reply.status != 429 && reply.status < 500, "{scope}, request {n}: {reply:?}");
        }
        let refused = send(&mut client, case, QUOTA);
        assert_detail(&refused, 429, "Rate limited");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{scope}: {wait}");
        // What a client says of itself makes it nobody else, and another spelling of the request no other scope.
        for (name, value) in
            [("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7"), ("X-Real-IP", "198.51.100.7")]
        {
            let request = (case.request)(QUOTA).header(name, value);
            let request = if case.who == Who::Member { request.csrf() } else { request };
            assert_eq!(client.send(&request).status, 429, "{scope} with {name}");
        }
        assert_eq!(send(&mut client, case, QUOTA + 1).status, 429, "{scope}: still");
        // Another scope, the same caller.
        let other = if scope == "auth_me" { "/api/auth/csrf" } else { "/api/auth/me" };
        let other = house.client_from(caller(number, 1)).get(other);
        assert!(matches!(other.status, 200 | 401), "{scope} stops another scope: {other:?}");
        // The same scope, another caller.
        let account = if case.who == Who::Member { &bob } else { &ada };
        let another = send(&mut browser(&house, case.who, account, caller(number, 2)), case, 100);
        assert!(another.status != 429 && another.status < 500, "{scope} stops another caller: {another:?}");
        if case.who == Who::Member {
            // A stolen session guesses no faster from many addresses.
            let spread = send(&mut ada.twin_from(caller(number, 3)), case, 100);
            assert_eq!(spread.status, 429, "{scope} counts the account as well");
        }
    }
}

/// Wherever a proof is missing: at the door of a route, or in the application.
#[test]
fn refusals_by_csrf_share_one_scope_at_routes_and_in_the_application() {
    let web = EchoUpstream::start("web");
    let house = House::builder().echo(&web).route("/api", "web", "identified").limit("csrf_refusal", "3/h").start();
    let mut ada = house.member(ADA);
    let forged = |path: &str| Request::post(path).header("Sec-Fetch-Site", "cross-site").csrf();
    for path in ["/api/notes", "/api/auth/logout", "/api/notes"] {
        assert_detail(&ada.send(&forged(path)), 403, "CSRF failed");
    }
    for path in ["/api/notes", "/api/auth/logout"] {
        let refused = ada.send(&forged(path));
        assert_detail(&refused, 429, "Rate limited");
        let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{path}: {wait}");
    }
    assert!(web.requests().is_empty(), "no forged request reached the upstream");
    ada.send(&Request::post("/api/notes").csrf()).expect(200);
}

#[test]
fn app_rl_01_a_page_and_its_api_share_one_scope() {
    let house = House::builder().limit("auth_login", "3/h").limit("forgot_password", "3/h").limit("verify_email", "3/h").start();
    for (number, (page, path, fields)) in [
        ("/account/sign-in", "/api/auth/login", json!({"email": "nobody@app.test", "password": LONG_ENOUGH})),
        ("/account/forgot", "/api/auth/forgot-password", json!({"email": "nobody@app.test"})),
        ("/account/verify", "/api/auth/verify-email", json!({"token": NO_TOKEN})),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = house.client_from(caller(number, 1));
        for _ in 0..2 {
            assert!(client.post_json(path, &fields).status < 429, "{path}");
        }
        let form = client.get(page).expect(200).text();
        let token = form.split("name=\"csrf_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
        let mut pairs: Vec<_> = fields.as_object().unwrap().iter().map(|(k, v)| (k.as_str(), v.as_str().unwrap())).collect();
        pairs.push(("csrf_token", &token));
        let sent = client.send(&Request::post(page).form(&pairs));
        assert!(sent.status < 429, "{page}: {sent:?}");
        assert_eq!(client.send(&Request::post(page).form(&pairs)).status, 429, "{page}");
        assert_eq!(client.post_json(path, &fields).status, 429, "{path}");
    }
}

#[test]
fn app_rl_01_an_ipv6_caller_is_its_sixty_four_however_it_is_spelt() {
    let house = House::builder().listen("trusted_proxies = [\"127.0.0.3/32\"]").limit("auth_login", "3/h").start();
    let attempt = |number: usize, hop: &str| {
        let body = json!({"email": format!("guess{number}@app.test"), "password": LONG_ENOUGH});
        house.client_from(PROXY).send(&post("/api/auth/login", &body).header("X-Forwarded-For", hop)).status
    };
    for (number, hop) in ["2001:db8:1:2::a", "2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:DB8:1:2:0:0:0:B"].iter().enumerate() {
        assert_eq!(attempt(number, hop), 401, "{hop}");
    }
    for (number, hop) in ["2001:db8:1:2::c", "2001:0db8:0001:0002::a", "203.0.113.9, 2001:db8:1:2::d"].iter().enumerate() {
        assert_eq!(attempt(10 + number, hop), 429, "{hop}");
    }
    assert_eq!(attempt(20, "2001:db8:1:3::a"), 401, "the next network has its own");
    assert_eq!(attempt(21, "203.0.113.9"), 401);
}

#[test]
fn app_rl_01_sign_ins_are_counted_by_address_and_caller_as_well() {
    let house = House::builder().limit("auth_login_account", "3/h").start();
    let attempt = |from: u8, email: &str| {
        let body = json!({"email": email, "password": LONG_ENOUGH});
        house.client_from(caller(0, from)).post_json("/api/auth/login", &body).status
    };
    for email in ["eve@app.test", "EVE@app.test", " e.v.e+shop@APP.test. "] {
        assert_eq!(attempt(1, email), 401, "{email}");
    }
    assert_eq!(attempt(1, "eve@app.test"), 429);
    assert_eq!(attempt(1, "\u{ff45}ve@app.test"), 429, "another spelling is the same address");
    assert_eq!(attempt(1, "mallory@app.test"), 401, "another address, the same caller");
    assert_eq!(attempt(2, "eve@app.test"), 401, "the same address, another caller");
}

/// What is mailed to one address is counted by the address, whoever asks; over the quota nothing leaves and the answer is the same.
#[test]
fn app_rl_01_mails_to_an_address_are_counted_by_the_address() {
    let house = House::builder().limit("forgot_password_address", "3/h").limit("verify_email_resend_address", "3/h").start();
    house.add_member(ADA);
    house.add_member(BOB);
    house.sign_up("carol@app.test", house.password());
    house.sign_up("dan@app.test", house.password());
    let mailbox = house.mailbox();
    let ask = |number: u8, path: &str, email: &str| {
        house.client_from(caller(0, number)).post_json(path, &json!({"email": email})).expect(200);
    };
    let (forgot, resend) = ("/api/auth/forgot-password", "/api/auth/verify-email/resend");
    for (number, email) in (0..).zip([ADA, "ADA@app.test", "a.d.a+x@app.test", ADA, ADA, "Ada@App.Test"]) {
        ask(number, forgot, email);
        ask(number, resend, &email.to_ascii_lowercase().replace("ada", "carol").replace("a.d.a", "carol"));
    }
    // Mails leave in the order in which they were asked for: when these are there, none of those before is still to come.
    ask(99, forgot, BOB);
    ask(99, resend, "dan@app.test");
    let _ = mailbox.wait_for_nth(BOB, 2);
    let _ = mailbox.wait_for_nth("dan@app.test", 2);
    // The mail of the sign-up is one of them. The third spelling asks for an account that does not exist; it is counted all the same.
    let count = |email: &str| mailbox.to(email).len();
    assert_eq!((count(ADA), count("carol@app.test")), (1 + 2, 3));
}
