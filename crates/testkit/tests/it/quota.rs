//! Every scope of the application: whom it counts, where it stops, and whom it leaves alone.

use std::net::{IpAddr, Ipv4Addr};

use doorward_testkit::{Client, House, INSIDE, PROXY, Reply, Request, assert_detail};
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
        stranger("reset_password", |_| {
            post("/api/auth/reset-password", &json!({"token": NO_TOKEN, "password": LONG_ENOUGH}))
        }),
        stranger("email_confirm", |n| match n % 2 {
            0 => post("/api/auth/email/confirm", &json!({"token": NO_TOKEN})),
            _ => post("/api/auth/email/undo", &json!({"token": NO_TOKEN})),
        }),
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
        member("auth_delete", |_| {
            Request::new("DELETE", "/api/auth/me").json(&json!({"current_password": "wrong wrong wrong wrong"}))
        }),
    ]
}

/// Scopes that are keyed by an address, each with a test of its own below; and those that are no scopes of the application.
const ELSEWHERE: &[&str] = &[
    "auth_login_account",
    "verify_email_resend_address",
    "forgot_password_address",
    "reset_password_total",
    "mail_address",
    "device_failure",
    "edge",
    "edge_auth",
    "gate_failure",
];

/// Every scope that a configuration may name.
fn scopes() -> Vec<String> {
    let page = include_str!("../../../../docs/reference/configuration.md");
    let section = page.split("\n## ").find(|section| section.starts_with("`[limits]`")).expect("a section of limits");
    let names = section.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()));
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
        for (name, value) in [("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7"), ("X-Real-IP", "198.51.100.7")] {
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
    let house =
        House::builder().limit("forgot_password_address", "3/h").limit("verify_email_resend_address", "3/h").start();
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

/// The route of each request with what a caller may do before it is stopped: the defaults of table (a).
#[test]
fn app_rl_12_routes_that_take_a_token_are_limited_by_default() {
    let house = House::builder().default_limits().start();
    let member = house.member(ADA);
    let token_alone = |_: usize| json!({"token": NO_TOKEN});
    let routes: [(&str, usize, fn(usize) -> Value); 4] = [
        ("/api/auth/verify-email", 10, token_alone),
        ("/api/auth/reset-password", 10, |_| json!({"token": NO_TOKEN, "password": LONG_ENOUGH})),
        ("/api/auth/email/confirm", 10, token_alone),
        ("/api/auth/email/undo", 10, token_alone),
    ];
    assert_eq!(takers(&house), sorted(routes.iter().map(|(path, ..)| (*path).to_owned()).collect()), "a route has no case");
    for (number, (path, quota, body)) in routes.iter().enumerate() {
        let mut client = house.client_from(caller(number, 1));
        for n in 0..*quota {
            assert_eq!(client.post_json(path, &body(n)).status, 400, "{path}, request {n}");
        }
        assert_detail(&client.post_json(path, &body(0)), 429, "Rate limited");
        // Shapes that cannot be tokens are attempts as well.
        assert_eq!(client.post_json(path, &json!({"token": "x", "password": LONG_ENOUGH})).status, 429, "{path}");
    }
    // A session that is renewed over and over.
    let mut client = member.twin_from(caller(10, 1));
    for n in 0..30 {
        assert_eq!(client.send(&Request::post("/api/auth/refresh").csrf()).status, 200, "refresh {n}");
    }
    assert_eq!(client.send(&Request::post("/api/auth/refresh").csrf()).status, 429);
    // A stolen session that guesses the password, in the end even with the right one.
    let mut client = client.twin_from(caller(11, 1));
    let guess = |current: &str| post("/api/auth/password", &json!({"current_password": current, "new_password": LONG_ENOUGH})).csrf();
    for n in 0..5 {
        assert_eq!(client.send(&guess("wrong wrong wrong wrong")).status, 401, "guess {n}");
    }
    assert_eq!(client.send(&guess(house.password())).status, 429);
    // Forged requests of every kind have one count, and whoever proves that a request is the site's own is not held to it.
    let mut client = client.twin_from(caller(12, 1));
    let change = || Request::new("PATCH", "/api/auth/me").json(&json!({"bio": "x"}));
    for (n, request) in [
        change(),
        change().header("X-CSRF-Token", "x"),
        change().csrf().header("Origin", "https://evil.test"),
        change().csrf().header("Sec-Fetch-Site", "cross-site"),
        post("/api/auth/login", &json!({"email": ADA, "password": "x"})).header("Origin", "null"),
    ]
    .iter()
    .enumerate()
    {
        assert_detail(&client.send(request), 403, "CSRF failed");
        assert!(n < 5);
    }
    assert_detail(&client.send(&change()), 429, "Rate limited");
    assert_eq!(client.send(&change().csrf()).status, 200, "the owner goes on");
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// Routes whose body has a token or a code, or that are called back, as the description of the API tells.
fn takers(house: &House) -> Vec<String> {
    let description: Value = serde_json::from_slice(&house.command(&["openapi"]).stdout).unwrap();
    let takes = |path: &str, operation: &Value| {
        let properties = &operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
        path.contains("callback") || ["token", "code", "state"].iter().any(|name| properties.get(name).is_some())
    };
    let paths = description["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(path, operations)| operations.as_object().unwrap().values().any(|one| takes(path, one)));
    sorted(found.map(|(path, _)| path.clone()).collect())
}

/// Name and value of every field, but for what differs from one answer to the next.
fn fields(reply: &Reply) -> Vec<(String, String)> {
    let varies = ["date", "x-request-id", "retry-after"];
    let blank = |(name, value): &(String, String)| match varies.contains(&name.to_ascii_lowercase().as_str()) {
        true => (name.clone(), String::new()),
        false => (name.clone(), value.clone()),
    };
    reply.headers.iter().map(blank).collect()
}

#[test]
fn app_rl_07_unknown_addresses_are_counted_like_known_ones() {
    let paths = ["/api/auth/login", "/api/auth/forgot-password", "/api/auth/register", "/api/auth/verify-email/resend"];
    let by_caller = ["auth_login", "forgot_password", "auth_register", "verify_email_resend"];
    let by_address = ["auth_login_account", "forgot_password_address", "verify_email_resend_address"];
    for (run, scopes) in [&by_caller[..], &by_address[..]].iter().enumerate() {
        let builder = scopes.iter().fold(House::builder(), |builder, scope| builder.limit(scope, "5/h"));
        let house = builder.start();
        house.add_member(ADA);
        for (number, path) in paths.iter().enumerate() {
            // Both sides in turn, so that both waits are told within the same second or two.
            let mut sides = [1, 2].map(|side| house.client_from(caller(number, side)));
            let bodies = [ADA, "eve@app.test"].map(|email| json!({"email": email, "password": "wrong wrong wrong wrong"}));
            let mut stopped = 0;
            for n in 0..9 {
                let [known, unknown] = [0, 1].map(|side| sides[side].post_json(path, &bodies[side]));
                assert_eq!(known.status, unknown.status, "{path}, request {n} of run {run}");
                assert_eq!((fields(&known), known.text()), (fields(&unknown), unknown.text()), "{path}, request {n} of run {run}");
                let waits = [&known, &unknown].map(|reply| reply.header("retry-after").map(|wait| wait.parse::<i64>().unwrap()));
                if let [Some(of_known), Some(of_unknown)] = waits {
                    assert!((of_known - of_unknown).abs() <= 30 && of_known > 60, "{path}: {waits:?}");
                }
                stopped += usize::from(known.status == 429);
            }
            let expected = match (run, *path) {
                (0, _) | (1, "/api/auth/login") => 4,
                _ => 0,
            };
            assert_eq!(stopped, expected, "{path} in run {run}");
        }
    }
}

#[test]
fn reset_10_resets_are_limited_by_caller_and_in_total() {
    let house = House::builder().limit("reset_password", "3/h").limit("reset_password_total", "5/h").start();
    house.add_member(ADA);
    house.client().post_json("/api/auth/forgot-password", &json!({"email": ADA})).expect(200);
    let link = house.mailbox().wait_for_nth(ADA, 2).token();
    assert_eq!(link.len(), 43, "256 bits, six to a character: guessing is moot whatever the limits are");
    let reset = |from: u8, token: &str| {
        let body = json!({"token": token, "password": LONG_ENOUGH});
        house.client_from(caller(0, from)).post_json("/api/auth/reset-password", &body)
    };
    for n in 0..3 {
        assert_eq!(reset(1, NO_TOKEN).status, 400, "{n}");
    }
    // Whoever is over the own quota takes nothing more of the common one.
    for n in 0..10 {
        assert_eq!(reset(1, NO_TOKEN).status, 429, "{n}");
    }
    assert_eq!((reset(2, NO_TOKEN).status, reset(2, "malformed").status), (400, 400));
    let spread = reset(3, NO_TOKEN);
    assert_detail(&spread, 429, "Rate limited");
    assert!(spread.header("retry-after").unwrap().parse::<u64>().unwrap() <= 3600);
    assert_eq!(reset(4, &link).status, 429, "nothing tells a good token from a bad one");
    let output = house.command(&["audit", "search", "--event", "ratelimit.exceeded", "--json"]);
    let entries = String::from_utf8(output.stdout).unwrap();
    assert_eq!(entries.lines().filter(|line| line.contains("\"reset_password_total\"")).count(), 1, "told once: {entries}");
    // Other ways are open, and so is this one for whoever looks at another scope.
    house.client_from(caller(0, 3)).post_json("/api/auth/forgot-password", &json!({"email": ADA})).expect(200);
    let _ = house.sign_in(ADA);
}

#[test]
fn enum_03_a_known_address_gets_a_notice_where_a_new_one_gets_a_link() {
    let house = House::builder().limit("verify_email_resend_address", "5/h").limit("auth_register", "500/min").start();
    house.add_member(ADA);
    let mailbox = house.mailbox();
    let before = mailbox.all().len();
    let sign_up = |email: &str| {
        let reply = house.client_from(INSIDE).post_json("/api/auth/register", &json!({"email": email, "password": LONG_ENOUGH})).expect(202);
        (reply.text(), fields(&reply))
    };
    for spelling in ["ADA@app.test", "ada@APP.test"] {
        assert_eq!(sign_up(spelling), sign_up("eve@app.test"));
    }
    let _ = mailbox.wait_for_nth(ADA, 1 + 2);
    let _ = mailbox.wait_for_nth("eve@app.test", 2);
    // The files are named after the instant of the request: one mail for each, in the order of the requests.
    let mails = mailbox.all().split_off(before);
    let order: Vec<_> = mails.iter().map(|mail| mail.field("to").unwrap().contains("ada")).collect();
    assert_eq!(order, [true, false, true, false], "as many, and none sooner or later than its request");
    for mail in &mails {
        let is_known = mail.field("to").unwrap() == ADA;
        let (subject, body) = (mail.field("subject").unwrap(), mail.body());
        assert_eq!(subject.contains("already have an account"), is_known, "{subject}");
        assert_eq!(body.contains("#token="), !is_known, "{body}");
        assert!(!body.contains(LONG_ENOUGH) && is_known == body.contains("has an account already"), "{body}");
    }
    // Nobody's mailbox is filled: three a day, the link of the own sign-up being one, or as many links as the configuration says.
    for n in 0..6 {
        assert_eq!(sign_up(ADA), sign_up("eve@app.test"), "{n}");
    }
    sign_up("last@app.test");
    let _ = mailbox.wait_for("last@app.test");
    assert_eq!((mailbox.to(ADA).len(), mailbox.to("eve@app.test").len()), (3, 5));
}
