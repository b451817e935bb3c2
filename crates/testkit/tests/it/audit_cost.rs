//! What the trail costs those who ask about an address: the same for every address (AUD-16). Shipping and anchors are on.

use std::time::{Duration, Instant};

use doorward_testkit::timing::assert_untellable;
use doorward_testkit::{Client, House, Request};
use serde_json::{Value, json};

const KNOWN: &str = "known@app.test";
const PENDING: &str = "pending@app.test";
const UNKNOWN: &str = "nobody@app.test";
const DISABLED: &str = "gone@app.test";

fn house() -> House {
    let house = House::builder().unlimited().section("[audit]\nfile = \"audit.jsonl\"\nanchor_file = \"anchors.jsonl\"").start();
    house.add_member(KNOWN);
    house.sign_up(PENDING, house.password());
    let _ = house.mailbox().wait_for(PENDING);
    house
}

fn wrong(email: &str) -> Value {
    json!({"email": email, "password": "wrong wrong wrong wrong"})
}

#[track_caller]
fn timed(client: &mut Client, path: &str, body: &Value, status: u16) -> Duration {
    let request = Request::post(path).json(body);
    let start = Instant::now();
    let reply = client.send(&request);
    let elapsed = start.elapsed();
    reply.expect(status);
    elapsed
}

#[test]
fn aud_16_with_the_trail_shipped_a_sign_in_takes_the_same_time_for_everybody() {
    let house = house();
    let (mut known, mut unknown) = (house.client(), house.client());
    let (mut tries, mut strangers) = (0, 0);
    assert_untellable(
        "sign-in while the trail is shipped",
        || {
            tries += 1;
            if tries % 9 == 0 {
                // The owner signs in, unmeasured: the count of failures begins anew, before anybody is slowed.
                let _ = house.sign_in(KNOWN);
            }
            timed(&mut known, "/api/auth/login", &wrong(KNOWN), 401)
        },
        || {
            strangers += 1;
            timed(&mut unknown, "/api/auth/login", &wrong(&format!("n{strangers:04}@app.test")), 401)
        },
    );
}

#[test]
fn aud_16_with_the_trail_shipped_a_mail_is_asked_for_in_the_same_time_by_everybody() {
    let house = house();
    let mut clients = [house.client(), house.client(), house.client(), house.client()];
    let [one, two, three, four] = &mut clients;
    let (forgot, resend) = ("/api/auth/forgot-password", "/api/auth/verify-email/resend");
    let body = |email: &str| json!({"email": email});
    assert_untellable(
        "a reset link while the trail is shipped",
        || timed(one, forgot, &body(KNOWN), 200),
        || timed(two, forgot, &body(UNKNOWN), 200),
    );
    assert_untellable(
        "the mail again while the trail is shipped",
        || timed(three, resend, &body(PENDING), 200),
        || timed(four, resend, &body(UNKNOWN), 200),
    );
    assert!(std::fs::metadata(house.folder().join("audit.jsonl")).unwrap().len() > 100_000, "it was shipped meanwhile");
}

#[test]
fn aud_16_with_the_trail_shipped_a_sign_up_takes_the_same_time_for_everybody() {
    let house = house();
    let (mut known, mut unknown) = (house.client(), house.client());
    let wish = |email: &str| json!({"email": email, "password": house.password()});
    let mut number = 0;
    assert_untellable(
        "sign-up while the trail is shipped",
        || timed(&mut known, "/api/auth/register", &wish(KNOWN), 202),
        || {
            number += 1;
            timed(&mut unknown, "/api/auth/register", &wish(&format!("n{number:04}@app.test")), 202)
        },
    );
}

/// How many entries there are.
fn entries(house: &House) -> usize {
    let output = house.command(&["audit", "search", "--limit", "100000", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.iter().filter(|octet| **octet == b'\n').count()
}

#[test]
fn aud_16_every_branch_writes_one_entry() {
    let house = house();
    house.add_member(DISABLED);
    assert!(house.command(&["user", "disable", DISABLED]).status.success());
    let mut ada = house.member("ada@app.test");
    let everybody = [KNOWN, UNKNOWN, PENDING, DISABLED, "no address"];
    let mut asked: Vec<(&str, Value, u16)> = Vec::new();
    for email in everybody {
        asked.push(("/api/auth/login", wrong(email), 401));
        asked.push(("/api/auth/login", json!({"email": email, "password": "x"}), 401));
        asked.push(("/api/auth/forgot-password", json!({"email": email}), 200));
        asked.push(("/api/auth/verify-email/resend", json!({"email": email}), 200));
    }
    for email in [KNOWN, "fresh@app.test", PENDING, DISABLED] {
        asked.push(("/api/auth/register", json!({"email": email, "password": house.password()}), 202));
    }
    let mut before = entries(&house);
    let mut grows_by_one = |what: &str| {
        let after = entries(&house);
        assert_eq!(after, before + 1, "{what}");
        before = after;
    };
    for (path, body, status) in asked {
        house.client().post_json(path, &body).expect(status);
        grows_by_one(&format!("{path} {body}"));
    }
    for email in [KNOWN, "free@app.test", PENDING] {
        let body = json!({"email": email, "current_password": house.password()});
        ada.send(&Request::post("/api/auth/email").csrf().json(&body)).expect(202);
        grows_by_one(&format!("a change of address to {email}"));
    }
}
