//! What an operator does from the command line, beside the running house.

use std::process::Output;
use std::time::Duration;

use doorward_testkit::{Client, House, Request, Totp, until};
use serde_json::{Value, json};

fn run(house: &House, words: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = house.command(words);
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[track_caller]
fn done(house: &House, words: &[&str]) -> String {
    let (code, out, talk) = run(house, words);
    assert_eq!(code, Some(0), "{words:?}: {talk}");
    out
}

/// The command is another process: the house asks the store again within a second.
#[track_caller]
fn ends(browser: &mut Client) {
    until(Duration::from_secs(10), "the session has ended", || (browser.get("/api/auth/me").status == 401).then_some(()));
}

/// What the trail says of one event, newest first.
fn entries(house: &House, event: &str) -> Vec<Value> {
    let out = done(house, &["audit", "search", "--event", event, "--json"]);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn accounts_are_listed_shown_given_roles_and_deleted_without_their_address_in_the_trail() {
    let house = House::builder().accounts("roles = [\"auditor\", \"staff\"]").start();
    let mut ada = house.member("ada@app.test");
    house.add_member("bea@app.test");
    let listed: Vec<Value> =
        done(&house, &["user", "list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut addresses: Vec<_> = listed.iter().map(|user| user["email"].as_str().unwrap()).collect();
    addresses.sort_unstable();
    assert_eq!(addresses, ["ada@app.test", "bea@app.test"]);
    let (code, _, talk) = run(&house, &["user", "roles", "ada@app.test", "stuff"]);
    assert_eq!(code, Some(2), "a slip of the keyboard: {talk}");
    done(&house, &["user", "roles", "ada@app.test", "staff", "auditor", "staff"]);
    let shown: Value = serde_json::from_str(&done(&house, &["user", "show", "Ada@App.test", "--json"])).unwrap();
    assert_eq!(shown["roles"], json!(["auditor", "staff"]));
    done(&house, &["user", "delete", "ada@app.test"]);
    ends(&mut ada);
    let (code, _, talk) = run(&house, &["user", "show", "ada@app.test"]);
    assert_eq!((code, talk.contains("no account has this address")), (Some(1), true), "{talk}");
    let deleted = entries(&house, "admin.user_deleted");
    assert_eq!(deleted[0]["meta"]["target_user_id"], shown["id"]);
    assert!(!done(&house, &["audit", "export", "--format", "jsonl"]).contains("ada@app.test"));
}

#[test]
fn whoever_has_lost_every_factor_is_helped_by_an_operator_and_told() {
    let house = House::builder().start();
    let mut ada = house.member("ada@app.test");
    let mut post = |path: &str, body: &Value| ada.send(&Request::post(path).json(body).csrf()).expect(200).json();
    let offer = post("/api/auth/factors/totp", &json!({}));
    let code = Totp::of(offer["secret"].as_str().unwrap()).next_code();
    let enrolled = post("/api/auth/factors/totp/confirm", &json!({"enrolment": offer["enrolment"], "code": code}));
    assert_eq!(enrolled["recovery_codes"].as_array().map(Vec::len), Some(10));
    let body = json!({"email": "ada@app.test", "password": house.password()});
    let asked = house.client().post_json("/api/auth/login", &body).expect(200).json();
    assert_eq!(asked["second_factor"], json!(["totp", "recovery_code"]));
    done(&house, &["user", "remove-factors", "ada@app.test"]);
    ends(&mut ada);
    let signed_in = house.client().post_json("/api/auth/login", &body).expect(200).json();
    assert_eq!(signed_in["email"], json!("ada@app.test"), "the password is enough again");
    let removed = entries(&house, "factor.removed");
    assert_eq!((removed.len(), &removed[0]["meta"]["kind"]), (1, &json!("totp")));
    let (code, _, _) = run(&house, &["user", "remove-factors", "nobody@app.test"]);
    assert_eq!(code, Some(1));
}

#[test]
fn a_reset_link_from_an_operator_sets_a_password_once_and_a_disabled_account_gets_none() {
    let house = House::builder().start();
    house.add_member("ada@app.test");
    let link = done(&house, &["user", "reset-link", "ada@app.test"]);
    let (page, token) = link.trim().split_once("#token=").unwrap();
    assert_eq!(page, format!("{}/account/reset", house.origin()));
    let body = json!({"token": token, "password": "another fine long passphrase"});
    house.client().post_json("/api/auth/reset-password", &body).expect(200);
    house.client().post_json("/api/auth/reset-password", &body).expect(400);
    let body = json!({"email": "ada@app.test", "password": "another fine long passphrase"});
    house.client().post_json("/api/auth/login", &body).expect(200);
    done(&house, &["user", "disable", "ada@app.test"]);
    let (code, out, _) = run(&house, &["user", "reset-link", "ada@app.test"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    done(&house, &["user", "enable", "ada@app.test"]);
    house.client().post_json("/api/auth/login", &body).expect(200);
}

#[test]
fn sessions_are_listed_without_a_credential_and_end_one_by_one_or_all() {
    let house = House::builder().start();
    house.add_member("ada@app.test");
    let mut browsers = [house.sign_in("ada@app.test"), house.sign_in("ada@app.test"), house.sign_in("ada@app.test")];
    let listed: Vec<Value> = done(&house, &["session", "list", "ada@app.test", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(listed.len(), 3);
    done(&house, &["session", "revoke", listed[0]["id"].as_str().unwrap()]);
    ends(&mut browsers[0]);
    assert_eq!(browsers[1].get("/api/auth/me").status, 200);
    let (code, ..) = run(&house, &["session", "revoke", listed[0]["id"].as_str().unwrap()]);
    assert_eq!(code, Some(1));
    done(&house, &["session", "revoke-all", "ada@app.test"]);
    browsers.iter_mut().for_each(ends);
    assert_eq!(entries(&house, "admin.session_revoke").len(), 2);
}

#[test]
fn sign_up_by_invitation_takes_one_person_with_the_roles_of_the_link() {
    let house = House::builder().accounts("sign_up = \"invitation\"\nroles = [\"staff\"]").start();
    let wish = |invitation: Option<&str>, address: &str| {
        let body = match invitation {
            Some(token) => json!({"email": address, "password": house.password(), "invitation": token}),
            None => json!({"email": address, "password": house.password()}),
        };
        house.client().post_json("/api/auth/register", &body)
    };
    wish(None, "ada@app.test").expect(403);
    wish(Some("made-up"), "ada@app.test").expect(403);
    let link = done(&house, &["user", "invite", "ada@app.test", "--role", "staff"]);
    let token = link.trim().split_once("/account/sign-up#invitation=").unwrap().1.to_owned();
    assert!(house.mailbox().wait_for("ada@app.test").body().contains(&token));
    wish(Some(&token), "eve@app.test").expect(403);
    wish(Some(&token), "ada@app.test").expect(202);
    wish(Some(&token), "ada@app.test").expect(403);
}
