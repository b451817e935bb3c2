//! Passwords through the real binary: which are taken, what a storm of them costs, and what a weak setting is worth.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use doorward_testkit::storm::{Carrier, Storm};
use doorward_testkit::{House, Reply, Start, assert_detail};
use serde_json::{Value, json};

const ADA: &str = "ada.lovelace@app.test";

#[test]
fn pwd_03_a_guessable_password_is_refused_with_its_reason_and_a_passphrase_is_taken() {
    let house = House::builder().unlimited().start();
    for (password, reason) in [
        ("P@ssw0rd2026!!!!", "one of those that are tried first"),
        ("doorward2026!!!!", "your address or the name of this site"),
        ("Ada.Lovelace@app.test", "your address or the name of this site"),
        ("4d4-l0v3l4c3-2026", "your address or the name of this site"),
        ("zqx9zqx9zqx9zqx9zqx9", "something short that is repeated"),
        ("poiuytrewqlkjhgfdsa", "neighbouring keys"),
        ("Liverpool_Chelsea_99", "words, names or numbers that are tried first"),
    ] {
        let reply = register(&house, ADA, password);
        assert_eq!(reply.status, 422, "{password}: {reply:?}");
        let said = reply.json();
        let errors = said["errors"].as_array().unwrap_or_else(|| panic!("{said}"));
        assert_eq!(errors.len(), 1, "{said}");
        assert!(reply.text().contains(reason), "{password}: {said}");
        assert!(!reply.text().contains(password), "{said}");
    }
    for taken in ["copper lantern meadow violin", "TangledWalnutBicycleComet", "zeven dwaze kikkers zwemmen"] {
        assert_eq!(register(&house, ADA, taken).status, 202, "{taken}");
    }
}

fn register(house: &House, email: &str, password: &str) -> Reply {
    house.client().post_json("/api/auth/register", &json!({"email": email, "password": password}))
}

#[test]
fn the_list_of_the_operator_is_in_force_after_the_start_and_a_bad_line_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("ours.txt");
    let key = format!("blocklist_file = \"{}\"", list.display());
    fs::write(&list, "northwind\nquarterdeck\n").unwrap();
    let house = House::builder().unlimited().accounts(&key).start();
    assert_eq!(register(&house, ADA, "Quarterdeck-N0rthwind!").status, 422);
    assert_eq!(register(&house, ADA, "copper lantern meadow violin").status, 202);
    fs::write(&list, b"northwind\n\nquarter\xffdeck\n").unwrap();
    let Start::Refused { code, stderr, .. } = House::builder().accounts(&key).try_start() else { panic!("it started") };
    assert_eq!(code, Some(2));
    let expected = format!("accounts.blocklist_file: {}:3: not UTF-8", list.display());
    assert!(stderr.contains(&expected) && !stderr.contains("deck"), "{stderr}");
    let checked = house.command(&["check"]);
    let said = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.code() == Some(1) && said.contains(&expected), "{said}");
    fs::remove_file(&list).unwrap();
    assert!(matches!(House::builder().accounts(&key).try_start(), Start::Refused { code: Some(2), .. }));
}

#[test]
fn pwd_04_no_setting_and_no_variable_makes_a_hash_weaker_than_the_floor() {
    for env in ["development", "staging", "production"] {
        for (key, value) in
            [("ARGON2_MEMORY_KIB", "19455"), ("ARGON2_MEMORY_KIB", "8"), ("ARGON2_PASSES", "1"), ("ARGON2_PASSES", "0")]
        {
            let outcome = House::builder().env(env).var(&format!("DOORWARD_ACCOUNTS__{key}"), value).try_start();
            assert!(matches!(outcome, Start::Refused { code: Some(2), .. }), "{env} {key}={value}: {outcome:?}");
        }
    }
    for line in ["argon2_memory_kib = 4096", "argon2_passes = 1"] {
        assert!(matches!(House::builder().accounts(line).try_start(), Start::Refused { code: Some(2), .. }), "{line}");
    }
}

#[test]
fn what_calibrate_prints_starts_a_house() {
    let house = House::builder().start();
    let printed = house.command(&["calibrate", "--target", "1", "--memory", "19"]);
    assert_eq!(printed.status.code(), Some(0), "{printed:?}");
    let text = String::from_utf8(printed.stdout).unwrap();
    let settings: Vec<&str> = text.lines().filter(|line| line.starts_with("argon2_")).collect();
    assert_eq!(settings, ["argon2_memory_kib = 19456", "argon2_passes = 2"], "{text}");
    assert!(matches!(House::builder().accounts(&settings.join("\n")).try_start(), Start::Ready));
}

/// Where somebody who is not signed in may send a password.
const OPEN_DOORS: [&str; 3] = ["/api/auth/login", "/api/auth/register", "/api/auth/reset-password"];

#[test]
fn pwd_05_a_password_of_a_mebibyte_is_refused_before_it_is_hashed_or_even_sent() {
    let house = House::builder().unlimited().start();
    let body = |password: String| json!({"email": ADA, "token": "x", "password": password}).to_string();
    for path in OPEN_DOORS {
        // Announced and never sent: whoever answers has not read it, let alone hashed.
        let mut raw = house.raw();
        raw.send(format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n",
            house.authority()
        ));
        assert_detail(&raw.reply(), 413, "Request body too large");
        for length in [8 * 1024, 1024 * 1024] {
            let reply = house.client().post_json(path, &serde_json::from_str::<Value>(&body("x".repeat(length))).unwrap());
            assert_detail(&reply, 413, "Request body too large");
        }
    }
    let mut member = house.member(ADA);
    for length in [8 * 1024, 1024 * 1024] {
        let change = json!({"current_password": "x".repeat(length), "new_password": "y"});
        let request = doorward_testkit::Request::post("/api/auth/password").json(&change).csrf();
        assert_detail(&member.send(&request), 413, "Request body too large");
    }
}

/// Sign-ins at one instant.
const STORM: usize = 500;
/// More than two hashing threads and five hundred waiting requests need, and a hundredth of what five hundred hashes at once would.
const GROWTH_KIB: u64 = 96 * 1024;
/// The slowest of a hundred answers that need no hash, with an unoptimised program on two shared cores.
const BUDGET: Duration = Duration::from_secs(1);

#[test]
fn pwd_05_five_hundred_sign_ins_at_once_need_bounded_memory_and_leave_others_their_answers() {
    let house = House::builder().unlimited().accounts("hash_threads = 2").start();
    let mut member = house.member(ADA);
    // Both arenas are there once both threads have hashed.
    let _ = storm(&house, 8);
    let before = memory_kib(&house, "VmRSS:");
    let is_over = AtomicBool::new(false);
    let (replies, mut others) = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut times = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                assert_eq!(member.get("/api/auth/me").status, 200);
                times.push(begun.elapsed());
            }
            times
        });
        let replies = storm(&house, STORM);
        is_over.store(true, Ordering::Relaxed);
        (replies, other.join().unwrap())
    });
    let after = memory_kib(&house, "VmHWM:");
    assert!(after.saturating_sub(before) < GROWTH_KIB, "{before} KiB before, {after} KiB at most");
    let mut counted = BTreeMap::new();
    for reply in &replies {
        *counted.entry(reply.status).or_insert(0) += 1;
        assert!(reply.status == 401 || reply.header("retry-after").is_some(), "{reply:?}");
    }
    assert!(counted.keys().all(|status| [401, 503].contains(status)) && counted.values().sum::<usize>() == STORM, "{counted:?}");
    assert!(counted[&401] >= 16, "the queue is worked off, not thrown away: {counted:?}");
    others.sort_unstable();
    let slow = others[others.len() - 1 - others.len() / 100];
    assert!(others.len() >= 10 && slow < BUDGET, "p99 of {} is {slow:?}", others.len());
    assert_eq!(house.client().post_json("/api/auth/login", &json!({"email": ADA, "password": house.password()})).status, 200);
}

/// Sign-ins of nobody, over HTTP/2 so that no handshake is measured.
fn storm(house: &House, count: usize) -> Vec<Reply> {
    let bodies: Vec<String> = (0..count)
        .map(|n| json!({"email": format!("nobody{n}@app.test"), "password": "a long but wrong password"}).to_string())
        .collect();
    let (nodes, authority) = ([house.https()], house.authority());
    Storm { nodes: &nodes, authority: &authority, path: "/api/auth/login" }.post(Carrier::Streams, &bodies)
}

/// A figure of `/proc/<pid>/status`, in KiB.
fn memory_kib(house: &House, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", house.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
