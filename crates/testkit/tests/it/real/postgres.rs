//! The real binary with its accounts in a real PostgreSQL.

use std::time::Duration;

use doorward_testkit::real::{Postgres, Redis};
use doorward_testkit::storm::CARRIERS;
use doorward_testkit::{House, HouseBuilder, Start, TestCa, until};
use serde_json::json;

use crate::race::{crowd, spend};
use crate::tunnel;

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
    let live = tunnel::live();
    let house = House::builder().postgres(&postgres).redis(&redis).echo(&live).section(tunnel::LIVE).start();
    let node = house.another_node();
    let here = house.member("ada@app.test");
    let open = tunnel::socket_of("a WebSocket over PostgreSQL", &house, &here, "/live/");
    let mut there = node.client();
    for name in [doorward_testkit::SESSION_COOKIE, doorward_testkit::CSRF_COOKIE] {
        there.set_cookie(name, here.cookie(name).unwrap());
    }
    assert_eq!(there.get("/api/auth/me").status, 200, "the other node knows it");
    let mut leaving = here.twin();
    assert_eq!(leaving.send(&doorward_testkit::Request::post("/api/auth/logout").csrf()).status, 204);
    // A node may answer from memory for a second; the rest of the time is for a machine that is busy with other tests.
    until(Duration::from_secs(5), "the other node to notice", || (there.get("/api/auth/me").status == 401).then_some(()));
    // The edge of the node where it is open hears of it, too.
    open.assert_ends();
}

#[test]
fn a_database_that_hangs_costs_a_request_seconds_and_no_session() {
    let postgres = Postgres::alone(&[]);
    let house = House::builder().postgres(&postgres).unlimited().start();
    let client = house.member("ada@app.test");
    let wrong = json!({"email": "ada@app.test", "password": "a wrong but long password"});
    postgres.freeze();
    // A node may answer from memory for a second. Each of these ends by itself: whoever reads gives up after fifteen.
    until(Duration::from_secs(60), "the node to notice", || (client.twin().get("/api/auth/me").status == 503).then_some(()));
    let replies = std::thread::scope(|scope| {
        let looks = [0; 8].map(|_| scope.spawn(|| client.twin().get("/api/auth/me")));
        let proofs = [0; 8].map(|_| scope.spawn(|| house.client().post_json("/api/auth/login", &wrong)));
        let asks = [0; 4]
            .map(|_| scope.spawn(|| house.client().post_json("/api/auth/forgot-password", &json!({"email": "ada@app.test"}))));
        looks.into_iter().chain(proofs).chain(asks).map(|request| request.join().unwrap()).collect::<Vec<_>>()
    });
    for reply in &replies {
        // Never "nobody" and never "wrong": it cannot be told. What was sent last may have been done.
        assert_eq!((reply.status, reply.text().as_str()), (503, r#"{"detail":"Service unavailable"}"#));
    }
    postgres.thaw();
    until(Duration::from_secs(60), "the node to recover", || (client.twin().get("/api/auth/me").status == 200).then_some(()));
    assert_eq!(house.client().post_json("/api/auth/login", &wrong).status, 401);
    let _ = house.member("bob@app.test");
}

/// Every variable that the driver takes its defaults from, and none that it may have.
const FOREIGN: [(&str, &str); 14] = [
    ("PGHOST", "203.0.113.9"),
    ("PGHOSTADDR", "203.0.113.9"),
    ("PGPORT", "1"),
    ("PGUSER", "stranger"),
    ("PGPASSWORD", "stranger"),
    ("PGPASSFILE", "/nowhere/pgpass"),
    ("PGDATABASE", "elsewhere"),
    ("PGAPPNAME", "stranger"),
    ("PGSSLMODE", "require"),
    ("PGSSLROOTCERT", "/nowhere/ca.pem"),
    ("PGSSLCERT", "/nowhere/client.pem"),
    ("PGSSLKEY", "/nowhere/client.key"),
    ("PGSERVICE", "elsewhere"),
    ("DATABASE_URL", "postgres://stranger@203.0.113.9/elsewhere"),
];

#[test]
fn the_environment_does_not_say_how_the_database_is_reached() {
    let postgres = Postgres::start();
    let database = postgres.database();
    let house = House::builder().store(&postgres.section_of(&database));
    let house = FOREIGN.iter().fold(house, |house, (name, value)| house.var(name, value)).start();
    let _ = house.member("ada@app.test");
    let ours =
        format!("SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = '{database}' AND application_name = 'doorward'");
    assert_eq!(postgres.ask("postgres", &ours).unwrap(), "t");
    drop(house);
    // What the driver would send to the server unasked, and nothing can be said over it.
    let start = House::builder().store(&postgres.section_of(&database)).var("PGOPTIONS", "-c search_path=stranger").try_start();
    let Start::Refused { stderr, .. } = start else { panic!("{start:?}") };
    assert!(stderr.contains("PGOPTIONS") && !stderr.contains("search_path"), "{stderr}");
}

#[test]
fn the_environment_adds_no_authority_for_the_database() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (chain, key) = TestCa::new().write(folder.path(), &["localhost".to_owned()]);
    TestCa::new().write(elsewhere.path(), &["localhost".to_owned()]);
    let postgres = Postgres::start_with_tls(&chain, &key);
    let ca = |folder: &tempfile::TempDir| folder.path().join("ca.pem").display().to_string();
    let house = |authority: String| -> HouseBuilder {
        let section = postgres.section().replace("@127.0.0.1:", "@localhost:");
        House::builder().store(&format!("{section}ca_file = \"{authority}\"\n"))
    };
    let _ = house(ca(&folder)).var("PGSSLROOTCERT", &ca(&elsewhere)).start().member("ada@app.test");
    let start = house(ca(&elsewhere)).var("PGSSLROOTCERT", &ca(&folder)).try_start();
    let Start::Refused { stderr, .. } = start else { panic!("{start:?}") };
    assert!(stderr.contains("cannot be trusted"), "{stderr}");
    let start = house(ca(&folder)).var("PGSSLCERT", &chain.display().to_string()).try_start();
    let Start::Refused { stderr, .. } = start else { panic!("{start:?}") };
    assert!(stderr.contains("PGSSLCERT"), "{stderr}");
}
