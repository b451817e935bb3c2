//! What a flood of refused requests leaves in log and trail: a few lines that count right.

use std::net::IpAddr;
use std::time::Duration;

use doorward_testkit::{House, INSIDE, OUTSIDE, RawClient, SOMEWHERE, until};
use serde_json::{Value, json};

/// What the trail says of limits, oldest first.
fn limited(house: &House) -> Vec<Value> {
    let output = house.command(&["audit", "search", "--event", "ratelimit.exceeded", "--limit", "100000", "--json"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    found.sort_by_key(|entry| entry["seq"].as_u64());
    found
}

/// Lines of the access log with a status.
fn answered(house: &House, status: u16) -> Vec<Value> {
    let log = house.stderr();
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["target"] == "access" && line["status"] == status || line["fields"]["status"] == status).collect()
}

/// Sends so many requests, as many at a time and over a connection as one carries that is refused; says how many were refused.
fn flood(house: &House, requests: usize, open: fn(&House) -> RawClient) -> usize {
    /// A connection ends with its hundredth refusal (EDGE-RL-10).
    const OVER_ONE: usize = 100;
    let request = format!("GET /api/x HTTP/1.1\r\nHost: {}\r\n\r\n", house.authority());
    let mut refused = 0;
    for sent in (0..requests).step_by(OVER_ONE) {
        let mut raw = open(house);
        raw.set_patience(Duration::from_secs(60));
        let count = OVER_ONE.min(requests - sent);
        raw.send(request.repeat(count));
        for _ in 0..count {
            let status = raw.read_reply().expect("an answer").status;
            assert!(matches!(status, 403 | 404 | 429), "{status}");
            refused += usize::from(status == 429);
        }
    }
    refused
}

#[test]
fn edge_rl_12_a_flood_of_a_hundred_thousand_is_one_line_and_one_count() {
    const ALLOWED: usize = 100;
    let mut house = House::builder().limit("edge", "100/h").start();
    let refused: usize = std::thread::scope(|scope| {
        // Handshakes are counted as well, so most of it comes without.
        let ways = [House::raw, House::raw_plain, House::raw_plain, House::raw_plain];
        let house = &house;
        let threads: Vec<_> = ways.map(|open| scope.spawn(move || flood(house, 25_000, open))).into_iter().collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // The bucket gets one back every 36 seconds.
    assert!((100_000 - ALLOWED - 10..=100_000 - ALLOWED).contains(&refused), "{refused}");
    let first = until(Duration::from_secs(10), "the first refusal", || limited(&house).into_iter().next());
    assert_eq!(limited(&house).len(), 1, "nothing more before the window is over");
    for (pointer, value) in [
        ("/outcome", json!("denied")),
        ("/client_prefix", json!("127.0.0.1/32")),
        ("/meta/layer", json!("edge")),
        ("/meta/scope", json!("edge")),
        ("/count", Value::Null),
    ] {
        assert_eq!(first.pointer(pointer).unwrap_or(&Value::Null), &value, "{pointer} of {first}");
    }
    house.stop();
    let told = limited(&house);
    let [_, rest] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!((&rest["count"], &rest["meta"]["scope"]), (&json!(refused - 1), &json!("edge")), "{rest}");
    let lines = answered(&house, 429);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].to_string().contains(&format!("\"count\":{}", refused - 1)), "{}", lines[1]);
    let all = house.stderr().lines().count();
    assert!(all < ALLOWED + 50, "{all} lines");
}

#[test]
fn app_rl_18_the_first_refusal_of_a_key_in_a_window_is_told_and_no_other() {
    let house = House::builder().limit("auth_login", "20/10s").limit("auth_login_account", "3/h").start();
    let wrong = |email: &str| json!({"email": email, "password": "wrong wrong wrong wrong"});
    let ask = |from: IpAddr, email: &str, times: usize| {
        let mut client = house.client_from(from);
        let statuses = (0..times).map(|_| client.post_json("/api/auth/login", &wrong(email)).status);
        statuses.filter(|status| *status == 429).count()
    };
    // By address and caller: three may be tried of each.
    assert_eq!(ask(INSIDE, "ada@app.test", 8), 5);
    assert_eq!(ask(INSIDE, "bea@app.test", 8), 5);
    assert_eq!(ask(OUTSIDE, "ada@app.test", 8), 5);
    // By caller: from one place nobody may try any more.
    assert!(ask(SOMEWHERE, "ada@app.test", 3_000) > 2_900);
    let told = |scope: &str, from: IpAddr| {
        let of = |entry: &&Value| entry["meta"]["scope"] == scope && entry["client_prefix"] == format!("{from}/32");
        limited(&house).iter().filter(of).count()
    };
    until(Duration::from_secs(10), "both kinds", || (told("auth_login", SOMEWHERE) > 0).then_some(()));
    let windows = told("auth_login", SOMEWHERE);
    for (scope, from, expected) in [
        ("auth_login_account", OUTSIDE, 1),
        ("auth_login_account", INSIDE, 2),
        ("auth_login_account", SOMEWHERE, 1),
        ("auth_login", OUTSIDE, 0),
        ("auth_login", INSIDE, 0),
    ] {
        assert_eq!(told(scope, from), expected, "{scope} from {from}: {:#?}", limited(&house));
    }
    assert!((1..=10).contains(&windows), "one for each window of ten seconds: {windows}");
    for entry in limited(&house) {
        assert_eq!((&entry["outcome"], &entry["meta"]["layer"]), (&json!("denied"), &json!("app")), "{entry}");
        assert!(!entry.to_string().contains('@') && entry["count"].is_null(), "{entry}");
    }
    // Another window, another entry.
    let before = told("auth_login", SOMEWHERE);
    let let_in = || (ask(SOMEWHERE, "new@app.test", 1) == 0).then_some(());
    until(Duration::from_secs(30), "the end of the window", let_in);
    assert!(ask(SOMEWHERE, "other@app.test", 60) > 30);
    until(Duration::from_secs(10), "the next window's", || (told("auth_login", SOMEWHERE) > before).then_some(()));
}
