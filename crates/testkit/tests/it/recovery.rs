//! Forgotten passwords, from the request to the new password, through the real binary.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use doorward_testkit::storm::{CARRIERS, Carrier};
use doorward_testkit::timing::assert_untellable;
use doorward_testkit::{Client, House, INSIDE, Mail, Reply, Request, assert_detail, second_step, until};
use serde_json::{Value, json};

use crate::race::{storm, tally};
use crate::site::constant_part;

const FORGOT: &str = "/api/auth/forgot-password";
const RESET: &str = "/api/auth/reset-password";
const ASKED: &str = "If the account exists, a password reset email has been sent";
const ADA: &str = "ada@app.test";
const NEW: &str = "eleven calm otters under a bridge";

fn forgot(house: &House, email: &str) -> Reply {
    house.client().post_json(FORGOT, &json!({"email": email}))
}

fn reset(house: &House, body: &Value) -> Reply {
    house.client().post_json(RESET, body)
}

/// Every mail with a reset link to an address; notices go there, too.
fn links(house: &House, email: &str) -> Vec<Mail> {
    house.mailbox().to(email).into_iter().filter(|mail| mail.body().contains("/account/reset#token=")).collect()
}

/// The token of the next reset link to an address.
#[track_caller]
fn recovery_token(house: &House, email: &str) -> String {
    let before = links(house, email).len();
    assert_detail(&forgot(house, email), 200, ASKED);
    until(Duration::from_secs(15), "a reset link", || links(house, email).get(before).map(Mail::token))
}

/// Every mail that was queued before this call has left when it returns: the outbox sends in order.
fn settle(house: &House) {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let last = format!("settle{}@app.test", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
    house.sign_up(&last, house.password());
    let _ = house.mailbox().wait_for(&last);
}

fn signs_in(house: &House, email: &str, password: &str) -> bool {
    house.client().post_json("/api/auth/login", &json!({"email": email, "password": password})).status == 200
}

#[test]
fn forgot_01_every_address_gets_one_answer() {
    let house = House::builder().unlimited().start();
    house.add_member("known@app.test");
    house.add_member("gone1@app.test");
    assert_eq!(house.command(&["user", "disable", "gone1@app.test"]).status.code(), Some(0));
    house.sign_up("later@app.test", house.password());
    without_password(&house, "nopwd@app.test");
    let cases = ["known@app.test", "KNOWN@APP.TEST", "gone1@app.test", "later@app.test", "nopwd@app.test", "nobod@app.test"];
    let first = forgot(&house, cases[0]);
    assert_eq!((first.status, first.text().as_str()), (200, &*format!("{{\"detail\":\"{ASKED}\"}}")));
    assert!(first.all("set-cookie").is_empty());
    for email in cases {
        let reply = forgot(&house, email);
        assert_eq!(constant_part(&reply), constant_part(&first), "{email}");
        assert_eq!(reply.names(), first.names(), "{email}: order and all");
    }
}

/// An account that has no password: its address was changed and taken back.
fn without_password(house: &House, email: &str) {
    let mut member = house.member(email);
    let body = json!({"email": "moved@app.test", "current_password": house.password()});
    member.send(&Request::post("/api/auth/email").csrf().json(&body)).expect(202);
    let before = house.mailbox().to(email).len();
    let token = house.mailbox().wait_for("moved@app.test").token();
    house.client().post_json("/api/auth/email/confirm", &json!({"token": token})).expect(200);
    let token = house.mailbox().wait_for_nth(email, before + 1).token();
    house.client().post_json("/api/auth/email/undo", &json!({"token": token})).expect(200);
    assert!(!signs_in(house, email, house.password()));
}

#[test]
fn forgot_02_a_malformed_body_is_answered_like_any_other_and_mails_nothing() {
    let house = House::builder().unlimited().start();
    house.add_member(ADA);
    let before = house.mailbox().to(ADA).len();
    let known = constant_part(&forgot(&house, "nobody@app.test"));
    let long = format!(r#"{{"email":"{}"}}"#, "a".repeat(10 * 1024));
    let bodies: [&[u8]; 10] = [
        b"{}",
        b"[]",
        b"null",
        b"",
        b"{\"email\":[]}",
        b"{\"email\":[\"ada@app.test\"]}",
        b"{\"email\":{\"$ne\":1}}",
        b"{\"email\":\"ada@app.test\"",
        b"{\"email\":\"\xff\xfe@app.test\"}",
        long.as_bytes(),
    ];
    for body in bodies {
        let reply = house.client().send(&Request::post(FORGOT).body("application/json", body));
        assert_eq!(constant_part(&reply), known, "{:?}", String::from_utf8_lossy(&body[..body.len().min(40)]));
    }
    settle(&house);
    assert_eq!(house.mailbox().to(ADA).len(), before);
}

#[test]
fn forgot_04_the_link_has_the_configured_host_whatever_the_request_says() {
    let house = House::builder().unlimited().start();
    house.add_member(ADA);
    let before = house.mailbox().to(ADA).len();
    let body = json!({"email": ADA});
    let referrer = format!("{}/evil.test", house.origin());
    let fields: [&[(&str, &str)]; 7] = [
        &[("X-Forwarded-Host", "evil.test")],
        &[("X-Forwarded-Host", "evil.test"), ("X-Forwarded-Proto", "javascript"), ("X-Forwarded-Port", "1")],
        &[("Forwarded", "for=192.0.2.1;host=evil.test;proto=http")],
        &[("X-Original-Host", "evil.test"), ("X-Host", "evil.test"), ("X-Forwarded-Server", "evil.test")],
        &[("X-Original-URL", "https://evil.test/"), ("X-Rewrite-URL", "/evil")],
        &[("Referer", &referrer)],
        &[("X-Forwarded-Prefix", "//evil.test")],
    ];
    let mut sent = 0;
    for fields in fields {
        let request = fields.iter().fold(Request::post(FORGOT).json(&body), |request, (name, value)| request.header(name, value));
        sent += usize::from(house.client().send(&request).status == 200);
    }
    assert!(sent > 0, "some of them are let through");
    // Host itself, twice, with another port, and the absolute form.
    let authority = house.authority();
    let hosts = [
        (FORGOT.to_owned(), "Host: evil.test".to_owned()),
        (FORGOT.to_owned(), format!("Host: {authority}\r\nHost: evil.test")),
        (FORGOT.to_owned(), format!("Host: {authority}, evil.test")),
        (FORGOT.to_owned(), format!("Host: {authority}@evil.test")),
        (FORGOT.to_owned(), format!("Host: {authority}.evil.test")),
        (format!("https://evil.test{FORGOT}"), format!("Host: {authority}")),
        (format!("https://{authority}{FORGOT}"), "Host: evil.test".to_owned()),
    ];
    let text = body.to_string();
    for (target, host) in hosts {
        let length = text.len();
        let head =
            format!("POST {target} HTTP/1.1\r\n{host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        let reply = house.raw().ask(format!("{head}{text}"));
        assert!(reply.status != 500, "{target} {host}: {reply:?}");
        sent += usize::from(reply.status == 200);
    }
    let _ = house.mailbox().wait_for_nth(ADA, before + sent);
    settle(&house);
    let mails = house.mailbox().to(ADA);
    assert_eq!(mails.len(), before + sent);
    for mail in &mails[before..] {
        assert!(mail.link().starts_with(&format!("{}/account/reset#token=", house.origin())), "{}", mail.link());
        assert!(!mail.text.contains("evil") && !mail.body().contains("evil") && !mail.body().contains("javascript"));
    }
}

#[test]
fn forgot_05_one_recipient_and_that_the_stored_address() {
    let house = House::builder().unlimited().start();
    house.add_member("kay@app.test");
    let before = house.mailbox().to("kay@app.test").len();
    let all = house.mailbox().all().len();
    let typed = [
        json!("kay@app.test\r\nBcc: evil@evil.test"),
        json!("kay@app.test\nCc: evil@evil.test"),
        json!(["kay@app.test", "evil@evil.test"]),
        json!("kay@app.test,evil@evil.test"),
        json!("kay@app.test evil@evil.test"),
        json!("kay@app.test%0aCc:evil@evil.test"),
        json!("kay@app.test;evil@evil.test"),
        json!("<kay@app.test>"),
        json!("ka\u{443}@app.test"),
    ];
    for email in typed {
        assert_detail(&house.client().post_json(FORGOT, &json!({"email": email})), 200, ASKED);
    }
    // What looks alike and is the same by its canonical form: one mail, to the stored one.
    assert_detail(&forgot(&house, "\u{212a}ay@app.test"), 200, ASKED);
    let mail = house.mailbox().wait_for_nth("kay@app.test", before + 1);
    assert_eq!(mail.field("to").as_deref(), Some("kay@app.test"));
    assert!(mail.field("cc").is_none() && mail.field("bcc").is_none());
    settle(&house);
    assert_eq!(house.mailbox().all().len(), all + 2, "that one and the last");
    assert!(house.mailbox().all().iter().all(|mail| !mail.text.contains("evil")));
}

#[test]
fn forgot_06_the_sixth_mail_to_an_address_is_not_sent_and_the_eleventh_request_of_a_caller_refused() {
    // The quotas as they are by default.
    let house = House::builder().limit("forgot_password", "10/15min").limit("forgot_password_address", "5/15min").start();
    house.add_member(ADA);
    let before = house.mailbox().to(ADA).len();
    for _ in 0..6 {
        assert_detail(&forgot(&house, ADA), 200, ASKED);
    }
    settle(&house);
    assert_eq!(house.mailbox().to(ADA).len(), before + 5);
    for n in 7..=10 {
        assert_detail(&forgot(&house, &format!("n{n}@app.test")), 200, ASKED);
    }
    for email in [ADA, "nobody@app.test", "no address"] {
        assert_eq!(forgot(&house, email).status, 429, "{email}");
    }
}

#[test]
fn reset_01_every_token_that_is_good_for_nothing_gets_one_answer_in_one_time() {
    let house = House::builder().unlimited().start();
    house.add_member(ADA);
    house.add_member("gone@app.test");
    let used = recovery_token(&house, ADA);
    reset(&house, &json!({"token": used, "password": NEW})).expect(200);
    let revoked = recovery_token(&house, ADA);
    let good = recovery_token(&house, ADA);
    let disabled = recovery_token(&house, "gone@app.test");
    assert_eq!(house.command(&["user", "disable", "gone@app.test"]).status.code(), Some(0));
    house.sign_up("bob@app.test", house.password());
    let purpose = house.mailbox().wait_for("bob@app.test").token();
    let with = |token: Value| reset(&house, &json!({"token": token, "password": NEW}));
    let replies = [
        ("used", with(json!(used))),
        ("revoked", with(json!(revoked))),
        ("disabled", with(json!(disabled))),
        ("wrong purpose", with(json!(purpose))),
        ("unknown", with(json!("A".repeat(43)))),
        ("malformed", with(json!("%00../"))),
        ("empty", with(json!(""))),
        ("long", with(json!("A".repeat(4000)))),
        ("null", with(json!(null))),
        ("missing", reset(&house, &json!({"password": NEW}))),
    ];
    let first = &replies[0].1;
    assert_eq!((first.status, first.text().as_str()), (400, "{\"detail\":\"Invalid or expired token\"}"));
    for (what, reply) in &replies {
        assert_eq!(constant_part(reply), constant_part(first), "{what}");
        assert_eq!(reply.names(), first.names(), "{what}");
    }
    with(json!(good)).expect(200);
    let (mut left, mut right) = (house.client(), house.client());
    let unknown = "A".repeat(43);
    assert_untellable("a reset with a used and an unknown token", || time(&mut left, &used), || time(&mut right, &unknown));
}

#[track_caller]
fn time(client: &mut Client, token: &str) -> Duration {
    let start = Instant::now();
    client.post_json(RESET, &json!({"token": token, "password": NEW})).expect(400);
    start.elapsed()
}

#[test]
fn reset_04_a_token_is_taken_from_the_body_only_and_to_the_character() {
    let house = House::builder().unlimited().start();
    house.add_member(ADA);
    let token = recovery_token(&house, ADA);
    let password = json!({"password": NEW});
    let with = |token: Value| reset(&house, &json!({"token": token, "password": NEW}));
    let swapped: String =
        token.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
    let replies = [
        ("query", house.client().post_json(&format!("{RESET}?token={token}"), &password)),
        ("header", house.client().send(&Request::post(RESET).header("X-Token", &token).json(&password))),
        (
            "bearer",
            house.client().send(&Request::post(RESET).header("Authorization", &format!("Bearer {token}")).json(&password)),
        ),
        ("cookie", house.client().send(&Request::post(RESET).cookies(&format!("token={token}")).json(&password))),
        ("array", with(json!([token]))),
        ("object", with(json!({"token": token}))),
        ("number", with(json!(1))),
        ("true", with(json!(true))),
        ("blank behind", with(json!(format!("{token} ")))),
        ("blank before", with(json!(format!(" {token}")))),
        ("nul", with(json!(format!("{token}\0")))),
        ("line", with(json!(format!("{token}\n")))),
        ("padded", with(json!(format!("{token}=")))),
        ("case", with(json!(swapped))),
        ("cut", with(json!(&token[..42]))),
        ("sql", with(json!("' OR '1'='1"))),
        ("wild", with(json!("%"))),
    ];
    for (what, reply) in &replies {
        assert_detail(reply, 400, "Invalid or expired token");
        assert_eq!(constant_part(reply), constant_part(&replies[0].1), "{what}");
    }
    with(json!(token)).expect(200);
}

#[test]
fn reset_06_a_reset_signs_nobody_in_and_ends_what_was_signed_in() {
    let house = House::builder().unlimited().start();
    let mut first = house.member(ADA);
    let mut second = house.sign_in(ADA);
    let token = recovery_token(&house, ADA);
    let weak = house.client().post_json(RESET, &json!({"token": token, "password": "short"}));
    assert_eq!(weak.status, 422, "{weak:?}");
    assert_eq!(weak.body, house.client().post_json(RESET, &json!({"token": "x", "password": "short"})).body);
    let mut client = house.client_from(INSIDE);
    let done = client.post_json(RESET, &json!({"token": token, "password": NEW}));
    assert_detail(&done, 200, "Password reset");
    assert!(done.all("set-cookie").is_empty(), "{done:?}");
    assert_eq!(client.get("/api/auth/me").status, 401);
    assert_eq!((first.get("/api/auth/me").status, second.get("/api/auth/me").status), (401, 401));
    assert!(!signs_in(&house, ADA, house.password()) && signs_in(&house, ADA, NEW));
    let before = house.mailbox().to(ADA).len();
    settle(&house);
    let mails = house.mailbox().to(ADA);
    let notice = mails.iter().find(|mail| mail.field("subject").is_some_and(|subject| subject.contains("was reset")));
    let notice = notice.unwrap_or_else(|| panic!("a notice among {before}"));
    assert!(!notice.body().contains(&token) && !notice.body().contains(NEW));
}

/// Fifty resets with the token of one mail, each to a password of its own.
#[track_caller]
pub(crate) fn redeem(nodes: &[SocketAddr], house: &House, carrier: Carrier, address: &str) {
    let authority = house.authority();
    house.add_member(address);
    let token = recovery_token(house, address);
    let bodies: Vec<_> = (0..50).map(|n| json!({"token": token, "password": format!("{NEW} {n}")}).to_string()).collect();
    let replies = storm(nodes, &authority, RESET).post(carrier, &bodies);
    assert_eq!(tally(&replies), BTreeMap::from([(200, 1), (400, 49)]), "{carrier:?}");
    for reply in replies.iter().filter(|reply| reply.status == 400) {
        assert_detail(reply, 400, "Invalid or expired token");
    }
    assert!(!signs_in(house, address, house.password()), "{carrier:?}");
}

#[test]
fn reset_02_one_of_fifty_parallel_posts_wins() {
    let house = House::builder().unlimited().start();
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        redeem(&[house.https()], &house, carrier, &format!("ada{number}@app.test"));
    }
}

#[test]
fn reset_12_whoever_looks_at_the_link_ahead_uses_nothing_up() {
    let house = House::builder().unlimited().start();
    house.add_member(ADA);
    let token = recovery_token(&house, ADA);
    let targets = [
        "/account/reset".to_owned(),
        format!("/account/reset?token={token}"),
        format!("{RESET}?token={token}"),
        RESET.to_owned(),
    ];
    for target in &targets {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let reply = house.client().send(&Request::new(method, target));
            assert!(!reply.text().contains(&token) && reply.status < 500, "{method} {target}: {reply:?}");
        }
    }
    assert!(signs_in(&house, ADA, house.password()));
    reset(&house, &json!({"token": token, "password": NEW})).expect(200);
}

#[test]
fn reset_09_a_reset_is_no_way_round_a_disabled_account() {
    let house = House::builder().unlimited().start();
    house.add_member(ADA);
    let token = recovery_token(&house, ADA);
    assert_eq!(house.command(&["user", "disable", ADA]).status.code(), Some(0));
    let refused = reset(&house, &json!({"token": token, "password": NEW}));
    assert_detail(&refused, 400, "Invalid or expired token");
    let before = links(&house, ADA).len();
    assert_detail(&forgot(&house, ADA), 200, ASKED);
    settle(&house);
    assert_eq!(links(&house, ADA).len(), before, "none is mailed to it");
    assert!(!signs_in(&house, ADA, NEW) && !signs_in(&house, ADA, house.password()));
    let shown = house.command(&["user", "show", ADA, "--json"]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert!(shown["disabled_at"].is_string(), "it is disabled as before: {shown}");
    assert_eq!(house.command(&["user", "enable", ADA]).status.code(), Some(0));
    let again = reset(&house, &json!({"token": token, "password": NEW}));
    assert_detail(&again, 400, "Invalid or expired token");
    assert!(!signs_in(&house, ADA, NEW) && signs_in(&house, ADA, house.password()), "nothing was kept for later");
}

/// A reset proves the mailbox, and nothing else: the factors stay, what waited for one is void, and a disabled account stays disabled.
#[test]
fn reset_09_a_reset_is_no_way_round_a_second_factor() {
    let house = House::builder().start();
    let mut member = house.member(ADA);
    let (mut app, codes) = house.enrol_totp(&mut member);
    assert_eq!(codes.len(), 10);
    let mut waiting = house.first_step(ADA);
    let reply = reset(&house, &json!({"token": recovery_token(&house, ADA), "password": NEW})).expect(200);
    assert!(reply.all("set-cookie").iter().all(|cookie| !cookie.starts_with(doorward_testkit::SESSION_COOKIE)), "{reply:?}");
    assert_detail(&second_step(&mut waiting, &codes[0]), 401, "Invalid credentials");
    member.get("/api/auth/me").expect(401);
    let mut client = house.client();
    let asked = client.post_json("/api/auth/login", &json!({"email": ADA, "password": NEW})).expect(200);
    assert_eq!(asked.json(), json!({"second_factor": ["totp", "recovery_code"]}));
    client.get("/api/auth/me").expect(401);
    assert_detail(&second_step(&mut client, &app.wrong_code()), 401, "Invalid credentials");
    second_step(&mut client, &app.next_code()).expect(200);
    let factors = client.get("/api/auth/factors").expect(200).json();
    assert_eq!((factors["factors"].as_array().map(Vec::len), &factors["recovery_codes"]), (Some(1), &json!(10)), "{factors}");
    assert_eq!(house.command(&["user", "disable", ADA]).status.code(), Some(0));
    assert_detail(&forgot(&house, ADA), 200, ASKED);
    assert!(!signs_in(&house, ADA, NEW));
}
