//! What the trail says of those who come to a gate, and what it must not (GATE-22).

use std::collections::BTreeSet;
use std::time::Duration;

use doorward_testkit::canary::{Canary, files_below};
use doorward_testkit::h2::H2Frames;
use doorward_testkit::{ADMIN_PASSWORD, ADMIN_USER, House, INSIDE, OUTSIDE, Request, basic_auth, until};
use serde_json::Value;

use crate::site::{Site, UIS};

/// Typed into the wrong field, as happens.
const NAME_THAT_IS_A_PASSWORD: &str = "violet-anchor-under-the-stairs";
const WRONG: &str = "orange-lantern-by-the-canal";

fn rows(house: &House, event: &str) -> Vec<Value> {
    let output = house.command(&["audit", "search", "--event", event, "--limit", "1000", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The entry of one request.
#[track_caller]
fn entry_of(house: &House, event: &str, request_id: &str) -> Value {
    until(Duration::from_secs(10), &format!("{event} of {request_id}"), || {
        rows(house, event).into_iter().find(|row| row["request_id"] == request_id)
    })
}

#[test]
fn gate_22_whoever_is_let_in_or_turned_away_is_told_and_no_credential_is() {
    let site = Site::with(|builder| builder.log("trace").section("[audit]\nfile = \"audit.jsonl\""));
    let house = &site.house;
    let right = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    let attempts = [
        (INSIDE, Some(right.clone()), 200, "gate.allowed", "credentials"),
        (INSIDE, None, 401, "gate.denied", "no_credentials"),
        (INSIDE, Some(basic_auth(ADMIN_USER, WRONG)), 401, "gate.denied", "bad_credentials"),
        (INSIDE, Some(basic_auth(NAME_THAT_IS_A_PASSWORD, WRONG)), 401, "gate.denied", "bad_credentials"),
        (INSIDE, Some(format!("Basic {WRONG}")), 400, "gate.denied", "bad_credentials"),
        (INSIDE, Some(format!("Bearer {WRONG}")), 401, "gate.denied", "no_credentials"),
        (OUTSIDE, Some(right), 403, "gate.denied", "ip"),
        (OUTSIDE, None, 403, "gate.denied", "ip"),
    ];
    let mut kinds = BTreeSet::new();
    for (label, _) in &UIS {
        for (from, authorization, status, event, reason) in &attempts {
            let request = Request::get("/admin/").header("User-Agent", "keyring/1");
            let request = match authorization {
                Some(value) => request.header("Authorization", value),
                None => request,
            };
            let reply = house.client_of(label, *from).send(&request);
            assert_eq!(reply.status, *status, "{label} {authorization:?}: {reply:?}");
            // Equal refusals are folded: the first of a kind has an entry of its own, which is looked for.
            if kinds.insert((*label, *from, *reason)) {
                let row = entry_of(house, event, reply.header("x-request-id").unwrap());
                assert_told(&row, label, *from, event, reason);
            }
        }
    }
    assert!(house.command(&["audit", "verify"]).status.success());
    assert_secretless(house);
}

#[track_caller]
fn assert_told(row: &Value, label: &str, from: std::net::IpAddr, event: &str, reason: &str) {
    let from = from.to_string();
    let is_allowed = event == "gate.allowed";
    for (field, expected) in [
        ("event", event),
        ("reason", reason),
        ("outcome", if is_allowed { "success" } else { "denied" }),
        ("host", &format!("{label}.app.test")),
        ("client_ip", &from),
        ("peer_ip", &from),
        ("method", "GET"),
        ("user_agent", "keyring/1"),
    ] {
        assert_eq!(row[field], expected, "{field}: {row}");
    }
    assert_eq!(row["meta"]["ui"], label, "{row}");
    // Who it was is only said where it was proved.
    assert_eq!(row["meta"]["user"].as_str(), is_allowed.then_some(ADMIN_USER), "{row}");
    assert_eq!(row["subject_hash"].is_string(), is_allowed, "{row}");
}

/// Nothing that a caller said of itself is anywhere: not in the store, the shipped trail, the log.
#[track_caller]
fn assert_secretless(house: &House) {
    let header = |user: &str, password: &str| basic_auth(user, password).trim_start_matches("Basic ").to_owned();
    let canaries = [
        Canary::new("the password", ADMIN_PASSWORD),
        Canary::new("the wrong password", WRONG),
        Canary::new("the name that is a password", NAME_THAT_IS_A_PASSWORD),
        Canary::new("the header", header(ADMIN_USER, ADMIN_PASSWORD)),
        Canary::new("the wrong header", header(ADMIN_USER, WRONG)),
    ];
    let mut sinks: Vec<(String, Vec<u8>)> = files_below(&house.data_dir())
        .into_iter()
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap()))
        .collect();
    sinks.push(("audit.jsonl".to_owned(), std::fs::read(house.folder().join("audit.jsonl")).unwrap()));
    sinks.push(("stderr".to_owned(), house.stderr().into_bytes()));
    sinks.push(("stdout".to_owned(), house.stdout().into_bytes()));
    assert!(sinks.iter().any(|(_, bytes)| bytes.windows(12).any(|part| part == b"gate.allowed")), "the sinks hold the entries");
    for (name, bytes) in &sinks {
        for canary in &canaries {
            let hits = canary.search(name, bytes);
            assert!(hits.is_empty(), "{hits:?}");
        }
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        assert!(!text.contains("\"authorization\"") && !text.contains("authorization: basic"), "{name}");
    }
}

#[test]
fn gate_22_over_http_2_the_same_is_told() {
    let site = Site::start();
    let authority = site.house.authority_of("pga");
    let right = basic_auth(ADMIN_USER, ADMIN_PASSWORD);
    for (more, status, event, reason) in [
        (None, 401, "gate.denied", "no_credentials"),
        (Some(("authorization", right.as_str())), 200, "gate.allowed", "credentials"),
    ] {
        let mut frames = H2Frames::connect(site.house.https(), INSIDE, "pga.app.test").unwrap();
        let pseudo = [(":method", "GET"), (":scheme", "https"), (":authority", authority.as_str()), (":path", "/admin/")];
        let fields: Vec<_> = pseudo.into_iter().chain([("user-agent", "keyring/1")]).chain(more).collect();
        let reply = frames.ask(&fields).answer();
        assert_eq!(reply.status, status, "{reply:?}");
        let row = entry_of(&site.house, event, reply.header("x-request-id").unwrap());
        assert_told(&row, "pga", INSIDE, event, reason);
    }
}

#[test]
fn gate_22_a_throttled_caller_is_told_as_well() {
    let site = Site::with(|builder| builder.limit("gate_failure", "2/min"));
    let wrong = Request::get("/").header("Authorization", &basic_auth(ADMIN_USER, WRONG)).header("User-Agent", "keyring/1");
    let mut insider = site.insider("flw");
    let statuses: Vec<u16> = (0..3).map(|_| insider.send(&wrong).status).collect();
    assert_eq!(statuses, [401, 401, 429]);
    let id = insider.seen().last().unwrap().header("x-request-id").unwrap().to_owned();
    let row = entry_of(&site.house, "gate.denied", &id);
    assert_told(&row, "flw", INSIDE, "gate.denied", "throttled");
}
