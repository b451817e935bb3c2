//! The audit trail of the real binary, read as an operator reads it.

use doorward_testkit::canary::{Canary, files_below};
use doorward_testkit::{ADMIN_USER, House, Request, basic_auth};
use serde_json::{Value, json};

use crate::site::Site;

/// What `audit` prints as lines of JSON, whatever the order.
fn entries(house: &House, args: &[&str]) -> Vec<Value> {
    let output = house.command(&[&["audit"], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// The one entry of an event that is there by now or soon.
fn the_entry(house: &House, event: &str) -> Value {
    let found = doorward_testkit::until(std::time::Duration::from_secs(10), event, || {
        Some(entries(house, &["search", "--event", event, "--json"])).filter(|found| !found.is_empty())
    });
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].clone()
}

fn sign_in(house: &House, email: &str, change: impl FnOnce(Request) -> Request) -> doorward_testkit::Reply {
    let body = json!({"email": email, "password": "a wrong but long password"}).to_string();
    house.client().send(&change(Request::post("/api/auth/login").body("application/json", body)))
}

#[test]
fn aud_02_an_entry_says_when_what_who_where_and_with_what_outcome() {
    let house = House::builder().start();
    house.add_member("ada@app.test");
    let _ = house.sign_in("ada@app.test");
    sign_in(&house, "ada@app.test", |request| request.header("User-Agent", "Browser/7"));
    let failed = the_entry(&house, "auth.login_failed");
    let signed_in = the_entry(&house, "auth.login");
    let ts = failed["ts"].as_str().unwrap();
    let digits = |range: std::ops::Range<usize>| ts[range].bytes().all(|octet| octet.is_ascii_digit());
    assert!(ts.len() == 24 && ts.ends_with('Z') && &ts[19..20] == "." && digits(0..4) && digits(20..23), "{ts}");
    for (field, value) in [
        ("event", "auth.login_failed"),
        ("outcome", "failure"),
        ("client_ip", "127.0.0.1"),
        ("peer_ip", "127.0.0.1"),
        ("client_prefix", "127.0.0.1/32"),
        ("user_agent", "Browser/7"),
        ("method", "POST"),
        ("route", "/api/auth/login"),
        ("host", house.host()),
        ("reason", "bad_password"),
    ] {
        assert_eq!(failed[field], value, "{field}");
    }
    for (entry, field, length) in [
        (&failed, "subject_hash", 32),
        (&failed, "request_id", 36),
        (&failed, "hash", 64),
        (&failed, "prev_hash", 64),
        (&signed_in, "actor_user_id", 36),
        (&signed_in, "session_ref", 36),
    ] {
        assert_eq!(entry[field].as_str().map(str::len), Some(length), "{field} of {entry}");
    }
    assert!(failed["seq"].as_u64().unwrap() > 1 && !failed["node"].as_str().unwrap().is_empty());
    assert!(failed["version"].as_str().unwrap().starts_with(|digit: char| digit.is_ascii_digit()));
}

/// User agents of the rows AUD-03 and LOG-10, as octets.
const HOSTILE: [&[u8]; 7] = [
    b"a {\"event\":\"auth.login\"}",
    b"\"}\\\",\"event\":\"auth.login",
    "a\u{202e}gnp\u{2066}".as_bytes(),
    "a\u{2028}b\u{2029}{\"event\":\"auth.login\"}".as_bytes(),
    b"a\xff\xfeb",
    b"\xc3(\xed\xa0\x80",
    b"tab\there",
];

#[test]
fn aud_03_hostile_text_is_one_parsable_line_and_escaped() {
    let house = House::builder().start();
    for agent in HOSTILE {
        let head = format!(
            "POST /api/auth/login HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 72\r\nUser-Agent: ",
            house.authority()
        );
        let body = format!("{:<72}", json!({"email": "ada@app.test", "password": "a wrong but long one"}).to_string());
        let mut raw = house.raw();
        raw.send(
            [head.as_bytes(), agent, b"\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\r\n", body.as_bytes()].concat(),
        );
        assert_eq!(raw.read_reply().unwrap().status, 401, "{}", agent.escape_ascii());
    }
    // Whatever would end a line or start a terminal's command is refused before it is anybody's user agent.
    for agent in [&b"a\r{\"event\":\"auth.login\"}"[..], b"a\n{\"event\":\"auth.login\"}", b"\x1b[2J", b"a\x00b", b"a\x7f"] {
        let mut raw = house.raw();
        raw.send_what_it_takes(
            [format!("GET / HTTP/1.1\r\nHost: {}\r\nUser-Agent: ", house.authority()).as_bytes(), agent, b"\r\n\r\n"].concat(),
        );
        assert_eq!(raw.read_reply().unwrap().status, 400, "{}", agent.escape_ascii());
    }
    let output = house.command(&["audit", "tail", "-n", "1000", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')),
        "{text}"
    );
    let failed: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(failed.iter().filter(|entry| entry["event"] == "auth.login_failed").count(), HOSTILE.len());
    assert_eq!(failed.iter().filter(|entry| entry["event"] == "auth.login").count(), 0);
    for (terminal, args) in [("tail", ["audit", "tail", "-n", "1000"]), ("cef", ["audit", "export", "--format", "cef"])] {
        let text = String::from_utf8(house.command(&args).stdout).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{terminal}: {text}");
    }
}

#[test]
fn log_10_hostile_text_is_one_parsable_line_of_the_access_log() {
    let site = Site::with(|builder| builder.log("trace"));
    for agent in HOSTILE {
        for head in [
            [b"GET / HTTP/1.1\r\nHost: ", site.house.authority().as_bytes(), b"\r\nUser-Agent: ", agent].concat(),
            [b"GET /", agent, b" HTTP/1.1\r\nHost: ", site.house.authority().as_bytes()].concat(),
            [b"GET / HTTP/1.1\r\nHost: ", agent].concat(),
            [agent, b" / HTTP/1.1\r\nHost: ", site.house.authority().as_bytes()].concat(),
        ] {
            let mut raw = site.house.raw();
            raw.send_what_it_takes([head.as_slice(), b"\r\nConnection: close\r\n\r\n"].concat());
            let _ = raw.read_reply();
        }
    }
    site.house.client().get("/%1b%5b2J%e2%80%ae%0d%0a%7b%22event%22:1%7d");
    let log = site.house.stderr();
    for line in log.lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(
        !log.chars().any(|c| c.is_control() && c != '\n' || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')),
        "{log}"
    );
    assert!(log.lines().filter(|line| line.contains("\"access\"")).count() > HOSTILE.len(), "{log}");
}

#[test]
fn aud_07_the_command_names_the_place_and_fails() {
    let mut house = House::builder().start();
    for number in 0..5 {
        sign_in(&house, "ada@app.test", |request| request.header("User-Agent", &format!("Browser-{number}")));
    }
    let anchors = house.folder().join("anchors");
    let file = anchors.display().to_string();
    assert!(house.command(&["audit", "anchor", "--file", &file]).status.success());
    let good = house.command(&["audit", "verify", "--anchor", &file, "--json"]);
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    house.stop();
    let database = house.data_dir().join("doorward.db");
    // Whoever closes the database last folds its log into it, if the process lives long enough.
    let (whole, place) = doorward_testkit::until(std::time::Duration::from_secs(60), "the row in the file", || {
        let place = position_of(&house, "Browser-3");
        let whole = std::fs::read(&database).unwrap();
        doorward_testkit::canary::contains(&whole, b"Browser-3").then_some((whole, place))
    });
    // One octet of one row, behind SQLite's back.
    let at = whole.windows(9).position(|octets| octets == b"Browser-3").unwrap();
    let mut changed = whole.clone();
    changed[at + 8] = b'4';
    let _ = std::fs::remove_file(house.data_dir().join("doorward.db-wal"));
    std::fs::write(&database, changed).unwrap();
    let bad = house.command(&["audit", "verify"]);
    let text = String::from_utf8(bad.stdout).unwrap();
    assert_eq!(bad.status.code(), Some(1), "{text}");
    assert!(text.contains(&format!("position {place}: altered")), "{text}");
    let bad = house.command(&["audit", "verify", "--json"]);
    let report: Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!((bad.status.code(), &report["ok"], &report["chains"][0]["seq"]), (Some(1), &json!(false), &json!(place)));
}

fn position_of(house: &House, agent: &str) -> u64 {
    let found = entries(house, &["search", "--event", "auth.login_failed", "--json"]);
    found.iter().find(|entry| entry["user_agent"] == agent).unwrap()["seq"].as_u64().unwrap()
}

#[test]
fn aud_11_a_forged_forwarding_field_changes_no_address() {
    let house = House::builder().start();
    sign_in(&house, "ada@app.test", |request| {
        request
            .header("X-Forwarded-For", "198.51.100.66")
            .header("X-Real-IP", "198.51.100.66")
            .header("Forwarded", "for=198.51.100.66")
            .header("X-Doorward-Client", "198.51.100.66")
    });
    let entry = the_entry(&house, "auth.login_failed");
    assert_eq!((&entry["client_ip"], &entry["peer_ip"]), (&json!("127.0.0.1"), &json!("127.0.0.1")));
    assert!(!entry.to_string().contains("198.51.100.66"));
}

#[test]
fn aud_12_a_password_in_the_mail_field_is_a_keyed_hash_everywhere() {
    const TYPED: &str = "canary correct horse battery";
    let mut house = House::builder().log("trace").start();
    for email in [TYPED, "canary-correct-horse@battery.test"] {
        sign_in(&house, email, |request| request);
    }
    let found = entries(&house, &["search", "--event", "auth.login_failed", "--json"]);
    assert_eq!(found.len(), 2);
    let hashes: Vec<_> = found.iter().map(|entry| entry["subject_hash"].as_str().unwrap()).collect();
    assert!(
        hashes[0] != hashes[1]
            && hashes.iter().all(|hash| hash.len() == 32 && hash.bytes().all(|octet| octet.is_ascii_hexdigit()))
    );
    house.stop();
    for canary in [Canary::new("typed", TYPED), Canary::new("unknown", "canary-correct-horse@battery.test")] {
        for path in files_below(house.folder()) {
            assert_eq!(canary.search(&path.display().to_string(), &std::fs::read(&path).unwrap()), []);
        }
        assert_eq!(canary.search("stderr", house.stderr().as_bytes()), []);
    }
}

#[test]
fn log_13_one_id_joins_access_log_upstream_and_trail() {
    let site = Site::start();
    let reply =
        sign_in(&site.house, "ada@app.test", |request| request.header("X-Request-Id", "11111111-2222-4333-8444-555555555555"));
    let id = reply.header("x-request-id").unwrap().to_owned();
    assert_ne!(id, "11111111-2222-4333-8444-555555555555", "a client chooses no id");
    assert_eq!(the_entry(&site.house, "auth.login_failed")["request_id"], id.as_str());
    assert_eq!(site.house.stderr().lines().filter(|line| line.contains(&id) && line.contains("\"access\"")).count(), 1);
    let reply = site.house.client().send(&Request::get("/api/x").header("X-Request-Id", "forged"));
    let id = reply.header("x-request-id").unwrap();
    let upstream = site.api.requests();
    assert_eq!(upstream.last().unwrap().header("x-request-id"), Some(id));
    assert!(site.house.stderr().lines().any(|line| line.contains(id) && line.contains("\"access\"")));
}

#[test]
fn log_12_the_process_leaves_no_core() {
    let house = House::builder().start();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", house.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    // What may not be dumped belongs to root in /proc, whoever started it.
    use std::os::unix::fs::MetadataExt as _;
    assert_eq!(std::fs::metadata(format!("/proc/{}/limits", house.pid())).unwrap().uid(), 0);
}

#[test]
fn refusals_of_every_kind_are_entries() {
    let site = Site::with(|builder| builder.limit("auth_login", "3/h"));
    let mut client = site.house.member("ada@app.test");
    client.send(&Request::post("/api/auth/logout")).expect(403);
    let cookie = client.session();
    let twice = format!("{0}={cookie}; {0}={cookie}x", doorward_testkit::SESSION_COOKIE);
    site.house.client().send(&Request::get("/api/auth/me").cookies(&twice));
    for _ in 0..5 {
        sign_in(&site.house, "ada@app.test", |request| request);
    }
    let gate = |from, password: &str| {
        let request = Request::get("/").header("Authorization", &basic_auth(ADMIN_USER, password));
        site.house.client_of("adm", from).send(&request);
    };
    gate(doorward_testkit::OUTSIDE, "x");
    gate(doorward_testkit::INSIDE, "not the password");
    let mut raw = site.house.raw();
    raw.send_what_it_takes(format!("GET / HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\n\r\n", site.house.authority()));
    let _ = raw.read_reply();
    for (event, reasons) in [
        ("csrf.rejected", &["token_missing"][..]),
        ("session.cookie_duplicate", &[""]),
        ("ratelimit.exceeded", &["auth_login"]),
        ("gate.denied", &["bad_credentials", "ip"]),
        ("proxy.rejected", &[""]),
    ] {
        for reason in reasons {
            doorward_testkit::until(std::time::Duration::from_secs(10), event, || {
                let found = entries(&site.house, &["search", "--event", event, "--outcome", "denied", "--json"]);
                found.iter().any(|entry| reason.is_empty() || entry["reason"] == *reason).then_some(())
            });
        }
    }
}

/// The database with its log, as it lies on the disk.
type Saved = Vec<(std::path::PathBuf, Vec<u8>)>;

fn database(house: &House) -> Saved {
    let is_part = |path: &std::path::PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("doorward.db");
    let parts = files_below(&house.data_dir()).into_iter().filter(is_part);
    parts.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// Puts a copy in the place of the database; an empty one removes it.
fn put_back(house: &House, copy: &Saved) {
    for (path, _) in database(house) {
        std::fs::remove_file(path).unwrap();
    }
    for (path, octets) in copy {
        std::fs::write(path, octets).unwrap();
    }
}

/// A house that ships its trail, and its database as it was after a few entries.
fn shipped() -> (House, Saved) {
    let mut house = House::builder().section("[audit]\nfile = \"audit.jsonl\"\nanchor_file = \"anchors.jsonl\"").start();
    sign_in(&house, "ada@app.test", |request| request);
    house.stop();
    let old = database(&house);
    (house, old)
}

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn aud_07_a_database_that_was_put_back_is_told_by_the_shipped_file_and_shipped_again() {
    let (mut house, old) = shipped();
    let file = house.folder().join("audit.jsonl");
    house.restart_with(|text| text);
    sign_in(&house, "bea@app.test", |request| request);
    house.stop();
    let shipped = lines(&file).last().unwrap()["seq"].as_u64().unwrap();
    // Whoever has the machine's database, an older copy of it, and not the file.
    put_back(&house, &old);
    std::fs::remove_file(house.folder().join("anchors.jsonl")).unwrap();
    let bad = house.command(&["audit", "verify", "--json"]);
    let report: Value = serde_json::from_slice(&bad.stdout).unwrap();
    assert_eq!((bad.status.code(), &report["chains"][0]["seq"]), (Some(1), &json!(shipped)), "{report}");
    put_back(&house, &old);
    house.restart_with(|text| text);
    let told = the_entry(&house, "audit.gap");
    assert_eq!((&told["reason"], &told["meta"]["to_seq"]), (&json!("shipped_rows_gone"), &json!(shipped.to_string())));
    let aside = house.folder().join(format!("audit.jsonl.contradicted.{shipped}.0"));
    assert_eq!(lines(&aside).last().unwrap()["seq"], json!(shipped), "what was shipped is kept");
    let complete = |found: Vec<Value>| {
        let positions: Vec<u64> = found.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
        let told = found.iter().any(|line| line["event"] == "audit.gap");
        (told && positions == (1..=positions.len() as u64).collect::<Vec<_>>()).then_some(())
    };
    doorward_testkit::until(std::time::Duration::from_secs(10), "the chain in a new file", || complete(lines(&file)));
    house.stop();
    assert!(house.command(&["audit", "verify"]).status.success(), "from here on it holds");
}

#[test]
fn aud_07_a_proof_without_a_witness_says_so_and_a_chain_that_is_gone_is_no_proof() {
    let (mut house, _) = shipped();
    let talk = |house: &House| String::from_utf8(house.command(&["audit", "verify"]).stderr).unwrap();
    assert!(!talk(&house).contains("unnoticed"), "{}", talk(&house));
    // The whole trail is gone, and the anchors are not.
    put_back(&house, &Saved::new());
    std::fs::remove_file(house.folder().join("audit.jsonl")).unwrap();
    let bad = house.command(&["audit", "verify"]);
    assert_eq!(bad.status.code(), Some(1), "{}", String::from_utf8_lossy(&bad.stdout));
    // Nor the anchors: nothing is left that could tell, and that is what is told.
    put_back(&house, &Saved::new());
    std::fs::remove_file(house.folder().join("anchors.jsonl")).unwrap();
    let output = house.command(&["audit", "verify"]);
    let (out, talk) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(out.contains("0 entries hold, 0 anchors") && talk.contains("would go unnoticed"), "{out}{talk}");
    house.restart_with(|text| text);
}
