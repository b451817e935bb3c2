//! What somebody may do to their own account, and what only their password lets them do.

use std::collections::BTreeMap;
use std::net::TcpListener;

use doorward_testkit::{Client, House, OUTSIDE, Reply, Request, assert_detail};
use serde_json::{Value, json};

use crate::site::constant_part;

const ADA: &str = "ada@app.test";
const NEW: &str = "eleven calm otters under a bridge";
const WRONG: &str = "wrong wrong wrong wrong";

fn house() -> House {
    House::builder().unlimited().start()
}

fn send(client: &mut Client, method: &str, path: &str, body: &Value) -> Reply {
    client.send(&Request::new(method, path).csrf().json(body))
}

fn patch(client: &mut Client, body: &Value) -> Reply {
    send(client, "PATCH", "/api/auth/me", body)
}

fn me(client: &mut Client) -> Value {
    client.get("/api/auth/me").expect(200).json()
}

fn signs_in(house: &House, email: &str, password: &str) -> bool {
    house.client().post_json("/api/auth/login", &json!({"email": email, "password": password})).status == 200
}

#[test]
fn prof_01_three_fields_may_be_changed_and_no_other() {
    let house = house();
    let mut ada = house.member(ADA);
    let before = me(&mut ada);
    let values = [
        ("is_admin", json!(true)),
        ("roles", json!(["operator"])),
        ("email", json!("eve@app.test")),
        ("id", json!("5f8f1f0e-3c64-4e0b-9d7d-3c2b1a090807")),
        ("is_email_verified", json!(false)),
        ("email_verified", json!(false)),
        ("password_hash", json!("$argon2id$x")),
        ("password", json!(NEW)),
        ("credential_version", json!(0)),
        ("disabled_at", json!(null)),
        ("__proto__", json!({"roles": ["operator"]})),
        ("Bio", json!("x")),
    ];
    for (field, value) in values {
        let alone = patch(&mut ada, &json!({field: value.clone()}));
        assert_detail(&alone, 400, "Invalid request");
        let beside = patch(&mut ada, &json!({"bio": "planted", field: value}));
        assert_detail(&beside, 400, "Invalid request");
    }
    assert_eq!(me(&mut ada), before, "nothing was stored, not even what may be");
    assert!(signs_in(&house, ADA, house.password()) && !signs_in(&house, ADA, NEW));
    let changed = patch(&mut ada, &json!({"bio": "words", "display_name": "Ada"})).expect(200).json();
    assert_eq!((&changed["bio"], &changed["display_name"], &changed["email"]), (&json!("words"), &json!("Ada"), &json!(ADA)));
    assert_eq!(me(&mut ada), changed);
}

#[test]
fn a_profile_is_changed_with_session_and_token_only_and_null_clears() {
    let house = house();
    let mut ada = house.member(ADA);
    let body = json!({"bio": "words", "avatar_url": "https://img.test/a.png"});
    assert_eq!(house.client().send(&Request::new("PATCH", "/api/auth/me").json(&body)).status, 401);
    assert_eq!(ada.send(&Request::new("PATCH", "/api/auth/me").json(&body)).status, 403);
    patch(&mut ada, &body).expect(200);
    let cleared = patch(&mut ada, &json!({"bio": null})).expect(200).json();
    assert_eq!((&cleared["bio"], &cleared["avatar_url"]), (&json!(null), &json!("https://img.test/a.png")));
    for value in ["javascript:alert(1)", "data:,x", "http://img.test/", "https://u:p@img.test/", "https://img.test/\u{202e}"] {
        let refused = patch(&mut ada, &json!({"avatar_url": value})).expect(422);
        assert!(!refused.text().contains(value), "{value}");
    }
    for value in [json!(1), json!([]), json!({}), json!(true)] {
        assert!([400, 422].contains(&patch(&mut ada, &json!({"bio": value})).status));
    }
    assert_eq!(me(&mut ada), cleared);
}

#[test]
fn prof_03_nobody_fetches_the_picture() {
    let house = house();
    let canary = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    canary.set_nonblocking(true).unwrap();
    let port = canary.local_addr().unwrap().port();
    let mut ada = house.member(ADA);
    let url = format!("https://127.0.0.1:{port}/a.png");
    let reply = patch(&mut ada, &json!({"avatar_url": url})).expect(200);
    assert_eq!(reply.json()["avatar_url"], json!(url));
    for path in ["/api/auth/me", "/account", "/account/profile"] {
        ada.get(path);
    }
    send(&mut ada, "POST", "/api/auth/me/export", &json!({})).expect(200);
    assert!(canary.accept().is_err(), "somebody connected");
}

#[test]
fn prof_04_the_caller_sees_itself_and_no_other() {
    let house = house();
    let (mut ada, mut eve) = (house.member(ADA), house.member("eve@app.test"));
    let (of_ada, of_eve) = (me(&mut ada), me(&mut eve));
    let fields: Vec<_> = of_ada.as_object().unwrap().keys().map(String::as_str).collect();
    let mut sorted = fields.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["avatar_url", "bio", "display_name", "email", "email_verified", "id", "roles"]);
    let id = of_ada["id"].as_str().unwrap();
    for path in ["/api/auth/me/{}", "/api/auth/users/{}", "/api/auth/me/export/{}"] {
        assert_eq!(eve.get(&path.replace("{}", id)).status, 404, "{path}");
    }
    assert_eq!(eve.get(&format!("/api/auth/me?id={id}")).json(), of_eve);
    let changed = send(&mut eve, "PATCH", &format!("/api/auth/me?id={id}"), &json!({"bio": "mine"}));
    assert!(changed.status != 200 || changed.json()["id"] == of_eve["id"]);
    let export = send(&mut eve, "POST", &format!("/api/auth/me/export?id={id}"), &json!({})).text();
    assert!(!export.contains(id) && !export.contains(ADA));
    assert_eq!(me(&mut ada), of_ada);
}

#[test]
fn pwd_06_a_password_is_changed_with_session_token_and_the_current_one() {
    let house = House::builder().unlimited().limit("auth_password", "5/h").start();
    let mut ada = house.member(ADA);
    let mut other = house.sign_in(ADA);
    let path = "/api/auth/password";
    let body = json!({"current_password": house.password(), "new_password": NEW});
    assert_eq!(house.client().post_json(path, &body).status, 401, "no session");
    assert_eq!(ada.post_json(path, &body).status, 403, "no token");
    let wrong = json!({"current_password": WRONG, "new_password": NEW});
    assert_detail(&send(&mut ada, "POST", path, &wrong), 401, "Invalid credentials");
    let old = ada.twin();
    let (session, csrf) = (ada.session(), ada.csrf());
    let done = send(&mut ada, "POST", path, &body);
    assert_detail(&done, 200, "Password changed");
    assert!(ada.session() != session && ada.csrf() != csrf, "a new credential");
    assert_eq!(ada.get("/api/auth/me").status, 200);
    for mut ended in [old, other.twin()] {
        assert_eq!(ended.get("/api/auth/me").status, 401);
    }
    assert_eq!(other.get("/api/auth/me").status, 401);
    assert!(signs_in(&house, ADA, NEW) && !signs_in(&house, ADA, house.password()));
    // Two attempts were counted; three more and even the right password from elsewhere is one too many.
    for _ in 0..3 {
        assert_eq!(send(&mut ada, "POST", path, &wrong).status, 401);
    }
    let mut elsewhere = ada.twin_from(OUTSIDE);
    let right = json!({"current_password": NEW, "new_password": house.password()});
    assert_eq!(send(&mut elsewhere, "POST", path, &right).status, 429);
}

fn move_to(client: &mut Client, email: &str, password: &str) -> Reply {
    send(client, "POST", "/api/auth/email", &json!({"email": email, "current_password": password}))
}

#[test]
fn email_06_an_address_is_changed_with_the_password_proved_at_the_new_and_undone_at_the_old_one() {
    let house = house();
    let mut ada = house.member(ADA);
    let body = json!({"email": "new@app.test", "current_password": house.password()});
    assert_eq!(house.client().post_json("/api/auth/email", &body).status, 401, "no session");
    assert_eq!(ada.post_json("/api/auth/email", &body).status, 403, "no token");
    assert_detail(&move_to(&mut ada, "new@app.test", WRONG), 401, "Invalid credentials");
    assert_eq!(move_to(&mut ada, "no address", house.password()).status, 422);
    let free = move_to(&mut ada, "new@app.test", house.password()).expect(202);
    assert_eq!(me(&mut ada)["email"], ADA, "until it is confirmed");
    let taken = move_to(&mut house.sign_in(ADA), ADA, house.password());
    assert_eq!(constant_part(&taken), constant_part(&free));
    let again = move_to(&mut ada, "new@app.test", house.password());
    assert_eq!(again.status, 202);
    let told = house.mailbox().to(ADA).len();
    let token = house.mailbox().wait_for_nth("new@app.test", 2).token();
    let confirmed = house.client().post_json("/api/auth/email/confirm", &json!({"token": token}));
    assert_detail(&confirmed, 200, "Email changed");
    assert!(confirmed.all("set-cookie").is_empty());
    assert_detail(
        &house.client().post_json("/api/auth/email/confirm", &json!({"token": token})),
        400,
        "Invalid or expired token",
    );
    assert!(signs_in(&house, "new@app.test", house.password()) && !signs_in(&house, ADA, house.password()));
    let notice = doorward_testkit::until(std::time::Duration::from_secs(15), "the notice to the old address", || {
        house.mailbox().to(ADA).into_iter().skip(told.saturating_sub(1)).find(|mail| mail.body().contains("/account/email/undo#"))
    });
    assert!(!notice.body().contains("new@app.test"));
    let undone = house.client().post_json("/api/auth/email/undo", &json!({"token": notice.token()}));
    assert_detail(&undone, 200, "Email change undone");
    assert_eq!(ada.get("/api/auth/me").status, 401, "every session ends");
    assert!(!signs_in(&house, "new@app.test", house.password()) && !signs_in(&house, ADA, house.password()));
    let link = doorward_testkit::until(std::time::Duration::from_secs(15), "the link for a new password", || {
        house.mailbox().to(ADA).into_iter().find(|mail| mail.body().contains("/account/reset#"))
    });
    house.client().post_json("/api/auth/reset-password", &json!({"token": link.token(), "password": NEW})).expect(200);
    assert!(signs_in(&house, ADA, NEW));
}

#[test]
fn enum_10_a_change_to_a_taken_address_looks_like_one_to_a_free_one() {
    let house = house();
    house.add_member("taken@app.test");
    house.sign_up("await@app.test", house.password());
    let mut ada = house.member(ADA);
    let before = house.mailbox().to("taken@app.test").len();
    let mut replies = BTreeMap::new();
    for email in ["fresh@app.test", "taken@app.test", "await@app.test", "other@app.test", "TAKEN@APP.TEST"] {
        replies.insert(email, move_to(&mut ada, email, house.password()).expect(202));
    }
    let first = &replies["fresh@app.test"];
    for (email, reply) in &replies {
        assert_eq!(constant_part(reply), constant_part(first), "{email}");
        assert_eq!(reply.names(), first.names(), "{email}");
        assert!(!reply.text().contains("app.test"));
    }
    // A wrong password is told before anything about the address.
    let wrong = [move_to(&mut ada, "taken@app.test", WRONG), move_to(&mut ada, "fresh@app.test", WRONG)];
    assert_eq!(constant_part(&wrong[0]), constant_part(&wrong[1]));
    let _ = house.mailbox().wait_for("other@app.test");
    let mails = house.mailbox().to("taken@app.test");
    assert!(
        mails.len() > before && !mails[before].body().contains("/account/email/confirm#"),
        "its owner is told, without a link"
    );
}

#[test]
fn an_account_is_deleted_with_the_password_and_nothing_opens_it_any_more() {
    let house = house();
    let mut ada = house.member(ADA);
    let mut other = house.sign_in(ADA);
    house.client().post_json("/api/auth/forgot-password", &json!({"email": ADA})).expect(200);
    let link = house.mailbox().wait_for_nth(ADA, 2).token();
    let body = json!({"current_password": house.password()});
    assert_eq!(house.client().send(&Request::new("DELETE", "/api/auth/me").json(&body)).status, 401);
    assert_eq!(ada.send(&Request::new("DELETE", "/api/auth/me").json(&body)).status, 403);
    assert_detail(&send(&mut ada, "DELETE", "/api/auth/me", &json!({"current_password": WRONG})), 401, "Invalid credentials");
    assert_eq!(ada.get("/api/auth/me").status, 200);
    let mut twin = ada.twin();
    assert_eq!(send(&mut ada, "DELETE", "/api/auth/me", &body).status, 204);
    assert!(ada.cookie(doorward_testkit::SESSION_COOKIE).is_none(), "the cookie is taken back");
    assert_eq!((twin.get("/api/auth/me").status, other.get("/api/auth/me").status), (401, 401));
    assert!(!signs_in(&house, ADA, house.password()));
    let reset = house.client().post_json("/api/auth/reset-password", &json!({"token": link, "password": NEW}));
    assert_detail(&reset, 400, "Invalid or expired token");
    let _ = house.member(ADA);
}

#[test]
fn an_export_holds_what_is_stored_and_no_secret() {
    let house = house();
    let mut ada = house.member(ADA);
    patch(&mut ada, &json!({"bio": "a few words", "display_name": "Ada"})).expect(200);
    move_to(&mut ada, "taken@app.test", WRONG).expect(401);
    assert_eq!(house.client().send(&Request::post("/api/auth/me/export").json(&json!({}))).status, 401);
    assert_eq!(ada.post_json("/api/auth/me/export", &json!({})).status, 403);
    let reply = send(&mut ada, "POST", "/api/auth/me/export", &json!({})).expect(200);
    assert!(reply.header("content-disposition").is_some_and(|value| value.starts_with("attachment")));
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    let text = reply.text();
    for held in [ADA, "a few words", "profile.updated", "auth.login"] {
        assert!(text.contains(held), "{held}: {text}");
    }
    let (session, csrf) = (ada.session(), ada.csrf());
    for secret in ["argon2", "password_hash", "digest", house.password(), "\"reason\"", &session, &csrf] {
        assert!(!text.contains(secret), "{secret}");
    }
}
