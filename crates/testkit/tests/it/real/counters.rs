//! The real binary with a real Redis, and what becomes of limits when that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use doorward_testkit::real::Redis;
use doorward_testkit::storm::CARRIERS;
use doorward_testkit::{House, Reply, Start, until};
use serde_json::json;

use crate::race::{guesses, storm, tally};

const DEGRADED: &str = "shared counters failed";
const RECOVERED: &str = "shared counters answer again";

fn attempt(house: &House) -> Reply {
    let body = json!({"email": "nobody@app.test", "password": "a wrong but long password"});
    house.client().post_json("/api/auth/login", &body)
}

/// Tries to sign in some times; how often the attempt was taken. Nothing else but a refusal by the limit may come.
#[track_caller]
fn taken(house: &House, attempts: usize) -> usize {
    let replies: Vec<_> = (0..attempts).map(|_| attempt(house)).collect();
    let tally = tally(&replies);
    assert!(tally.keys().all(|status| matches!(status, 401 | 429)), "{tally:?}");
    tally.get(&401).copied().unwrap_or_default()
}

fn says(house: &House, what: &str) -> usize {
    house.stderr().matches(what).count()
}

#[track_caller]
fn wait_for_recovery(house: &House) {
    until(Duration::from_secs(20), "shared counters to be used again", || {
        (says(house, RECOVERED) == says(house, DEGRADED)).then_some(())
    });
}

#[test]
fn app_rl_03_two_hundred_parallel_logins_pass_five_and_every_key_has_an_end() {
    for carrier in CARRIERS {
        let redis = Redis::start();
        let house = House::builder().redis(&redis).limit("auth_login", "5/h").start();
        wait_for_recovery(&house);
        let authority = house.authority();
        let replies = storm(&[house.https()], &authority, "/api/auth/login").post(carrier, &guesses());
        assert_eq!(tally(&replies), BTreeMap::from([(401, 5), (429, 195)]), "{carrier:?}");
        assert!(!redis.keys().is_empty());
        assert_eq!(redis.immortal_keys(), Vec::<String>::new());
    }
}

#[test]
fn app_rl_03_a_node_killed_amid_a_storm_leaves_no_key_without_an_end() {
    let redis = Redis::start();
    for _ in 0..3 {
        let house = House::builder().redis(&redis).limit("auth_login", "500/min").start();
        let logins: Vec<_> = (0..4)
            .map(|thread| {
                let mut client = house.client();
                std::thread::spawn(move || {
                    for number in 0.. {
                        let body = json!({"email": format!("t{thread}n{number}@app.test"), "password": "x"}).to_string();
                        let request = doorward_testkit::Request::post("/api/auth/login").body("application/json", body);
                        let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.send(&request)));
                        if sent.is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        until(Duration::from_secs(20), "the storm to be on", || (redis.keys().len() > 20).then_some(()));
        // Dropping a house kills its process where it stands.
        drop(house);
        for login in logins {
            login.join().unwrap();
        }
        assert_eq!(redis.immortal_keys(), Vec::<String>::new());
        redis.ask(&["flushall"]);
    }
}

type Fault = (&'static str, fn(&mut Redis), fn(&mut Redis));

const FAULTS: [Fault; 5] = [
    ("stopped", |redis| redis.stop(), |redis| redis.start_again()),
    ("standing still", |redis| redis.freeze(), |redis| redis.thaw()),
    // It ends by itself: while it lasts, nobody can sign in to end it.
    ("paused", |redis| redis.pause(Duration::from_secs(8)), |_| ()),
    ("read-only", |redis| redis.become_replica(), |redis| redis.become_primary()),
    ("full", |redis| redis.fill(), |redis| redis.relieve()),
];

#[test]
fn app_rl_15_limits_hold_while_redis_fails_and_after_it_is_back() {
    for (what, break_it, mend) in FAULTS {
        let mut redis = Redis::start();
        let house = House::builder().redis(&redis).limit("auth_login", "5/h").start();
        wait_for_recovery(&house);
        assert_eq!(taken(&house, 3), 3, "{what}");
        break_it(&mut redis);
        assert_eq!(taken(&house, 20), 2, "{what}: no fresh quota, and no open door");
        mend(&mut redis);
        wait_for_recovery(&house);
        assert_eq!(taken(&house, 10), 0, "{what}: and nothing is forgotten afterwards");
        assert!(says(&house, DEGRADED) >= 1 && says(&house, DEGRADED) <= 3, "{what}: told once a change\n{}", house.stderr());
    }
}

#[test]
fn app_rl_15_a_start_without_redis_counts_alone_until_it_comes() {
    let mut redis = Redis::start();
    redis.stop();
    let house = House::builder().redis(&redis).limit("auth_login", "5/h").start();
    assert_eq!(says(&house, DEGRADED), 1);
    assert_eq!(taken(&house, 9), 5);
    redis.start_again();
    wait_for_recovery(&house);
    assert_eq!(taken(&house, 5), 0);
    assert!(!house.stderr().contains(doorward_testkit::real::REDIS_PASSWORD));
}

#[test]
fn app_rl_16_a_site_does_not_start_on_counters_that_may_be_evicted() {
    let redis = Redis::start_with(&["--maxmemory", "32mb", "--maxmemory-policy", "allkeys-lru"]);
    let Start::Refused { code, stderr, .. } = House::builder().redis(&redis).try_start() else { panic!("it started") };
    assert_eq!(code, Some(3));
    assert!(stderr.contains("noeviction"), "{stderr}");
    let house = House::builder().env("development").redis(&redis).start();
    assert!(house.stderr().contains("noeviction"), "the log says so on a developer's machine");
}

#[test]
fn a_wrong_password_ends_the_start_and_is_not_repeated() {
    let redis = Redis::start();
    redis.ask(&["config", "set", "requirepass", "another one that the site does not know"]);
    let Start::Refused { code, stdout, stderr } = House::builder().redis(&redis).try_start() else { panic!("it started") };
    assert_eq!(code, Some(3));
    for text in [stdout, stderr] {
        assert!(!text.contains(doorward_testkit::real::REDIS_PASSWORD), "{text}");
    }
}

#[test]
fn app_rl_14_nothing_of_a_stranger_is_in_a_key() {
    let redis = Redis::start();
    let house = House::builder().redis(&redis).start();
    wait_for_recovery(&house);
    let long = "x".repeat(5_000);
    for email in ["a:b@app.test", "a*b@app.test", "a\nb@app.test", "*", "", &long, "doorward:0"] {
        let _ = house.client().post_json("/api/auth/login", &json!({"email": email, "password": "wrong"}));
    }
    let keys = redis.keys();
    assert!(keys.len() > 3, "{keys:?}");
    for key in keys.iter().filter(|key| *key != "doorward:probe") {
        let digest = key.strip_prefix("doorward:").unwrap();
        assert!(digest.len() == 32 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{key}");
    }
}
