//! Whether an address has an account stays hidden: in the words, in the fields, in the time.

use std::time::{Duration, Instant};

use doorward_testkit::timing::{Comparison, Protocol};
use doorward_testkit::{Client, House, Reply, assert_detail, until};
use serde_json::{Value, json};

use crate::site::constant_part;

const KNOWN: &str = "known@app.test";
const PENDING: &str = "pending@app.test";
const UNKNOWN: &str = "nobody@app.test";
const DISABLED: &str = "gone@app.test";

/// A house with one account and one sign-up that nobody verified.
fn house() -> House {
    let house = House::builder().unlimited().start();
    house.add_member(KNOWN);
    house.sign_up(PENDING, house.password());
    let _ = house.mailbox().wait_for(PENDING);
    house
}

/// Asserts that the answers are alike to the octet, the fields in the same order.
#[track_caller]
fn assert_alike(answers: &[(&str, Reply)]) {
    let (first_name, first) = &answers[0];
    for (name, answer) in answers {
        assert_eq!(constant_part(answer), constant_part(first), "{name} differs from {first_name}");
        let lengths = |reply: &Reply| reply.raw_head.len() + reply.body.len();
        assert_eq!(lengths(answer), lengths(first), "{name} differs in length from {first_name}");
    }
}

#[test]
fn enum_01_every_refused_sign_in_looks_the_same() {
    let house = house();
    house.add_member(DISABLED);
    assert_eq!(house.command(&["user", "disable", DISABLED]).status.code(), Some(0));
    let attempt =
        |email: &str, password: &str| house.client().post_json("/api/auth/login", &json!({"email": email, "password": password}));
    let answers = [
        ("unknown address", attempt(UNKNOWN, house.password())),
        ("wrong password", attempt(KNOWN, "wrong wrong wrong wrong")),
        ("disabled, right password", attempt(DISABLED, house.password())),
        ("unverified, right password", attempt(PENDING, house.password())),
        ("unverified, wrong password", attempt(PENDING, "wrong wrong wrong wrong")),
        ("short password", attempt(KNOWN, "x")),
        ("no address at all", attempt("not an address", house.password())),
    ];
    assert_alike(&answers);
    let (_, first) = &answers[0];
    assert_detail(first, 401, "Invalid credentials");
    assert_eq!(first.text(), "{\"detail\":\"Invalid credentials\"}");
    assert!(first.all("set-cookie").is_empty(), "{first:?}");
    assert!(first.all("connection").is_empty(), "the connection is kept alike: {first:?}");
}

#[test]
fn an_operator_ends_the_sessions_of_an_account_by_disabling_it() {
    let house = house();
    house.add_member(DISABLED);
    let mut member = house.sign_in(DISABLED);
    assert_eq!(member.get("/api/auth/me").status, 200);
    assert_eq!(house.command(&["user", "disable", DISABLED]).status.code(), Some(0));
    until(Duration::from_secs(5), "the end of the session", || (member.get("/api/auth/me").status == 401).then_some(()));
    assert_eq!(house.command(&["user", "disable", UNKNOWN]).status.code(), Some(1), "nobody has this address");
    assert_eq!(house.command(&["user", "disable", "no address"]).status.code(), Some(2));
}

#[test]
fn enum_02_a_sign_up_looks_the_same_whether_the_address_is_known() {
    let house = house();
    let attempt =
        |email: &str| house.client().post_json("/api/auth/register", &json!({"email": email, "password": house.password()}));
    // The addresses have one length, so that nothing but knowledge could differ.
    let answers = [
        ("new", attempt("fresh@app.test")),
        ("known", attempt(KNOWN)),
        ("pending", attempt(PENDING)),
        ("new again", attempt("other@app.test")),
    ];
    assert_alike(&answers);
    let (_, first) = &answers[0];
    assert_eq!(first.status, 202, "{first:?}");
    assert_eq!(first.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["detail"]);
    assert!(first.all("set-cookie").is_empty() && !first.text().contains("app.test"), "{first:?}");
}

#[test]
fn enum_04_input_is_judged_before_and_without_looking_anybody_up() {
    let house = house();
    let attempt = |body: Value| house.client().post_json("/api/auth/register", &body);
    for password in ["short", "", "aaaaaaaaaaaaaaaaaaaaaa", &"x".repeat(200)] {
        let answers = [
            ("new", attempt(json!({"email": "fresh@app.test", "password": password}))),
            ("known", attempt(json!({"email": KNOWN, "password": password}))),
            ("pending", attempt(json!({"email": PENDING, "password": password}))),
        ];
        assert_alike(&answers);
        let is_rule = matches!(password.len(), 0 | 5 | 200);
        assert!(!is_rule || answers[0].1.status == 422, "{password:?}: {:?}", answers[0].1);
    }
    let malformed = attempt(json!({"email": "no address", "password": house.password()}));
    assert_eq!(malformed.status, 422, "{malformed:?}");
}

struct Stopwatch {
    client: Client,
}

impl Stopwatch {
    fn new(house: &House) -> Self {
        let mut client = house.client();
        client.get("/api/health");
        Self { client }
    }

    #[track_caller]
    fn time(&mut self, path: &str, body: &Value, status: u16) -> Duration {
        let start = Instant::now();
        let reply = self.client.post_json(path, body);
        let elapsed = start.elapsed();
        assert_eq!(reply.status, status, "{reply:?}");
        elapsed
    }
}

#[track_caller]
fn assert_untellable(what: &str, verdict: Result<Comparison, Vec<Comparison>>) {
    if let Err(seen) = verdict {
        panic!("{what} can be told apart by the clock: {seen:?}");
    }
}

#[test]
fn enum_07_a_sign_in_takes_the_same_time_for_known_and_unknown_addresses() {
    let house = house();
    let (mut known, mut unknown) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let mut n = 0;
    let verdict = Protocol::default().judge(
        || known.time("/api/auth/login", &json!({"email": KNOWN, "password": "wrong wrong wrong wrong"}), 401),
        || {
            n += 1;
            unknown.time(
                "/api/auth/login",
                &json!({"email": format!("n{n:04}@app.test"), "password": "wrong wrong wrong wrong"}),
                401,
            )
        },
    );
    assert_untellable("sign-in", verdict);
}

#[test]
fn enum_07_a_sign_in_takes_the_same_time_for_unverified_addresses() {
    let house = house();
    let (mut known, mut pending) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let body = |email: &str| json!({"email": email, "password": "wrong wrong wrong wrong"});
    let verdict = Protocol::default()
        .judge(|| known.time("/api/auth/login", &body(KNOWN), 401), || pending.time("/api/auth/login", &body(PENDING), 401));
    assert_untellable("sign-in of a pending address", verdict);
}

#[test]
fn enum_07_a_sign_up_takes_the_same_time_for_known_and_unknown_addresses() {
    let house = house();
    let (mut known, mut unknown) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let mut n = 0;
    let verdict = Protocol::default().judge(
        || known.time("/api/auth/register", &json!({"email": KNOWN, "password": house.password()}), 202),
        || {
            n += 1;
            unknown.time("/api/auth/register", &json!({"email": format!("n{n:04}@app.test"), "password": house.password()}), 202)
        },
    );
    assert_untellable("sign-up", verdict);
}

#[test]
fn enum_07_asking_for_the_mail_again_takes_the_same_time_for_everybody() {
    let house = house();
    let mut watches = [Stopwatch::new(&house), Stopwatch::new(&house), Stopwatch::new(&house), Stopwatch::new(&house)];
    let [pending, unknown, known, stranger] = &mut watches;
    let body = |email: &str| json!({"email": email});
    let path = "/api/auth/verify-email/resend";
    let verdict =
        Protocol::default().judge(|| pending.time(path, &body(PENDING), 200), || unknown.time(path, &body(UNKNOWN), 200));
    assert_untellable("resend to a pending address", verdict);
    let verdict = Protocol::default().judge(|| known.time(path, &body(KNOWN), 200), || stranger.time(path, &body(UNKNOWN), 200));
    assert_untellable("resend to a known address", verdict);
}

/// The proof that the measurement can fail: over the same sockets, a refusal that hashes nothing beside one that does.
#[test]
fn timing_tells_a_refusal_without_a_hash_from_one_with() {
    let house = house();
    let (mut hashing, mut idle) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let protocol = Protocol { pairs: 60, ..Protocol::default() };
    let verdict = protocol.judge(
        || hashing.time("/api/auth/login", &json!({"email": UNKNOWN, "password": "wrong wrong wrong wrong"}), 401),
        || idle.time("/api/auth/verify-email", &json!({"token": "A".repeat(43)}), 400),
    );
    let seen = verdict.expect_err("a hash of tens of milliseconds");
    assert!(seen.iter().all(|comparison| comparison.auc > 0.9), "{seen:?}");
}
