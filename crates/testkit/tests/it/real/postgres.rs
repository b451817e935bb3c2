//! The real binary with its accounts in a real PostgreSQL.

use std::time::Duration;

use doorward_testkit::real::{Postgres, Redis};
use doorward_testkit::storm::CARRIERS;
use doorward_testkit::{House, until};
use serde_json::json;

use crate::race::{crowd, spend};

#[test]
fn an_account_and_its_session_outlive_a_restart_on_postgresql() {
    let postgres = Postgres::start();
    let mut house = House::builder().postgres(&postgres).start();
    // Signs up, verifies by the mailed token, signs in.
    let client = house.member("ada@app.test");
    house.restart_with(|text| text);
    let me = client.twin().get("/api/auth/me");
    assert_eq!(me.status, 200);
    assert!(me.text().contains("ada@app.test"), "{}", me.text());
    assert!(!house.data_dir().join("doorward.db").exists(), "nothing is kept beside it");
    let wrong = json!({"email": "ada@app.test", "password": "a wrong but long password"});
    assert_eq!(house.client().post_json("/api/auth/login", &wrong).status, 401);
}

#[test]
fn one_of_fifty_parallel_uses_of_a_token_on_two_nodes_over_postgresql_wins() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let house = House::builder().postgres(&postgres).redis(&redis).start();
    let node = house.another_node();
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        spend(&[house.https(), node.https()], &house, carrier, &format!("ada{number}@app.test"));
    }
}

#[test]
fn fifty_parallel_sign_ups_on_two_nodes_over_postgresql_make_one_account() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let house = House::builder().postgres(&postgres).redis(&redis).start();
    let node = house.another_node();
    for (number, carrier) in CARRIERS.into_iter().enumerate() {
        crowd(&[house.https(), node.https()], &house, carrier, &format!("eve{number}@app.test"));
    }
}

#[test]
fn a_session_ends_on_both_nodes_over_postgresql() {
    let (postgres, redis) = (Postgres::start(), Redis::start());
    let house = House::builder().postgres(&postgres).redis(&redis).start();
    let node = house.another_node();
    let here = house.member("ada@app.test");
    let mut there = node.client();
    for name in [doorward_testkit::SESSION_COOKIE, doorward_testkit::CSRF_COOKIE] {
        there.set_cookie(name, here.cookie(name).unwrap());
    }
    assert_eq!(there.get("/api/auth/me").status, 200, "the other node knows it");
    let mut leaving = here.twin();
    assert_eq!(leaving.send(&doorward_testkit::Request::post("/api/auth/logout").csrf()).status, 204);
    // A node may answer from memory for a second; the rest of the time is for a machine that is busy with other tests.
    until(Duration::from_secs(5), "the other node to notice", || (there.get("/api/auth/me").status == 401).then_some(()));
}
