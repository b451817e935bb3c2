//! Proving an address.

use std::sync::Barrier;

use doorward_testkit::canary::{Canary, files_below};
use doorward_testkit::{House, Reply, Request, assert_detail, until};
use serde_json::{Value, json};

use crate::site::constant_part;

fn verify(house: &House, body: &Value) -> Reply {
    house.client().post_json("/api/auth/verify-email", body)
}

fn can_sign_in(house: &House, address: &str) -> bool {
    let body = json!({"email": address, "password": house.password()});
    house.client().post_json("/api/auth/login", &body).status == 200
}

#[test]
fn email_01_a_token_verifies_once_by_post_and_is_not_stored_as_it_is() {
    let house = House::builder().start();
    house.sign_up("ada@app.test", house.password());
    let mail = house.mailbox().wait_for("ada@app.test");
    let token = mail.token();
    use base64::Engine as _;
    let octets = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&token).unwrap();
    assert_eq!(octets.len(), 32, "256 bits");
    let link = mail.link();
    let (page, _) = link.split_once('#').unwrap();
    assert!(page.starts_with(&format!("{}/account/verify", house.origin())) && !page.contains('?'), "{link}");

    // Whoever fetches links ahead consumes nothing, with or without the token in view.
    for target in ["/account/verify", &format!("/account/verify?token={token}"), &format!("/api/auth/verify-email?token={token}")]
    {
        for method in ["GET", "HEAD", "OPTIONS"] {
            house.client().send(&Request::new(method, target));
        }
    }
    assert!(!can_sign_in(&house, "ada@app.test"), "not before the proof");
    let stored: Vec<_> = files_below(&house.data_dir()).into_iter().filter(|path| *path != mail.path).collect();
    // The outbox lets go of a sealed body once it is sent; that takes a moment.
    let secret = [Canary::new("token", token.clone()), Canary::new("its octets", octets)];
    until(std::time::Duration::from_secs(10), "the token to be nowhere but in its mail", || {
        let holds = |path: &std::path::PathBuf| {
            std::fs::read(path).is_ok_and(|bytes| secret.iter().any(|canary| !canary.search("file", &bytes).is_empty()))
        };
        (!stored.iter().any(holds)).then_some(())
    });

    let done = verify(&house, &json!({"token": token})).expect(200);
    assert_eq!(done.json(), json!({"detail": "Email verified"}));
    assert!(done.all("set-cookie").is_empty(), "a link signs nobody in: {done:?}");
    assert_detail(&verify(&house, &json!({"token": token})), 400, "Invalid or expired token");
    assert!(can_sign_in(&house, "ada@app.test"));
}

#[test]
fn email_05_every_failure_looks_the_same() {
    let house = House::builder().start();
    house.sign_up("ada@app.test", house.password());
    let token = house.mailbox().wait_for("ada@app.test").token();
    verify(&house, &json!({"token": token})).expect(200);
    let failures = [
        ("used", verify(&house, &json!({"token": token}))),
        ("unknown", verify(&house, &json!({"token": "A".repeat(43)}))),
        ("short", verify(&house, &json!({"token": "A"}))),
        ("empty", verify(&house, &json!({"token": ""}))),
        ("long", verify(&house, &json!({"token": "A".repeat(4_000)}))),
        ("changed", verify(&house, &json!({"token": format!("{}_", &token[..42])}))),
        ("padded", verify(&house, &json!({"token": format!("{token}=")}))),
        ("with blanks", verify(&house, &json!({"token": format!(" {token}")}))),
        ("not ASCII", verify(&house, &json!({"token": "\u{e4}".repeat(43)}))),
    ];
    for (what, reply) in &failures {
        assert_detail(reply, 400, "Invalid or expired token");
        assert_eq!(constant_part(reply), constant_part(&failures[0].1), "{what}");
    }
}

#[test]
fn email_05_fifty_at_once_consume_one_token_once() {
    let house = House::builder().start();
    house.sign_up("ada@app.test", house.password());
    let token = house.mailbox().wait_for("ada@app.test").token();
    let start = Barrier::new(50);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let attempt = || {
            let mut client = house.client();
            // Connected before the start, so that all requests leave at the same moment.
            client.get("/api/health").expect(200);
            start.wait();
            let reply = client.post_json("/api/auth/verify-email", &json!({"token": token}));
            if reply.status != 200 {
                assert_detail(&reply, 400, "Invalid or expired token");
            }
            reply.status
        };
        let threads: Vec<_> = (0..50).map(|_| scope.spawn(attempt)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(can_sign_in(&house, "ada@app.test"));
}
