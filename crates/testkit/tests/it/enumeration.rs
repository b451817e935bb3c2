//! Whether an address has an account stays hidden: in the words, in the fields, in the time.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use doorward_testkit::h2::{DATA, END_STREAM, H2Frames, HEADERS};
use doorward_testkit::timing::{Protocol, assert_untellable};
use doorward_testkit::{Client, House, INSIDE, OUTSIDE, Reply, Request, SOMEWHERE, Totp, assert_detail, second_step, until};
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

/// Accounts of every make: with an app, without a password, with neither, disabled with an app.
fn mixed_house() -> (House, Totp) {
    let house = house();
    let (app, _) = house.enrol_totp(&mut house.member("coded@app.test"));
    house.add_member_without_password("empty@app.test");
    house.enrol_totp(&mut house.member(DISABLED));
    assert_eq!(house.command(&["user", "disable", DISABLED]).status.code(), Some(0));
    (house, app)
}

#[test]
fn enum_01_second_factors_and_missing_passwords_do_not_show_in_a_refusal() {
    let (house, _) = mixed_house();
    let attempt =
        |email: &str, password: &str| house.client().post_json("/api/auth/login", &json!({"email": email, "password": password}));
    let answers = [
        ("unknown address", attempt(UNKNOWN, house.password())),
        ("wrong password", attempt(KNOWN, "wrong wrong wrong wrong")),
        ("wrong password, with an app", attempt("coded@app.test", "wrong wrong wrong wrong")),
        ("no password", attempt("empty@app.test", house.password())),
        ("no password, an empty one", attempt("empty@app.test", "")),
        ("disabled, with an app, right password", attempt(DISABLED, house.password())),
        ("disabled, with an app, wrong password", attempt(DISABLED, "wrong wrong wrong wrong")),
    ];
    assert_alike(&answers);
    assert_detail(&answers[0].1, 401, "Invalid credentials");
    let ask = |path: &str, email: &str| house.client().post_json(path, &json!({"email": email}));
    for path in ["/api/auth/forgot-password", "/api/auth/verify-email/resend"] {
        let answers = ["coded@app.test", "empty@app.test", UNKNOWN].map(|email| (email, ask(path, email)));
        assert_alike(&answers);
    }
}

#[test]
fn enum_01_whatever_is_wrong_with_a_second_step_it_is_refused_in_the_same_words() {
    let (house, mut app) = mixed_house();
    let step = |client: &mut Client, code: &str| second_step(client, code);
    let waiting = || house.first_step("coded@app.test");
    let mut signed_in = waiting();
    let shown = app.next_code();
    step(&mut signed_in, &shown).expect(200);
    let stale = {
        let mut client = waiting();
        let twin = client.twin();
        step(&mut client, &app.next_code()).expect(200);
        twin
    };
    let answers = [
        ("nobody waits", step(&mut house.client(), &shown)),
        ("a wrong code", step(&mut waiting(), &app.wrong_code())),
        ("a code that was shown", step(&mut waiting(), &shown)),
        ("no recovery code", step(&mut waiting(), "AAAAAA-AAAAAA-AAAAAA-AAAAAA")),
        ("nothing", step(&mut waiting(), "")),
        ("much", step(&mut waiting(), &"7".repeat(500))),
        (
            "a passkey it has not",
            waiting().post_json("/api/auth/login/second-factor", &json!({"challenge": "A", "credential": {}})),
        ),
        ("a step that was taken", step(&mut stale.twin(), &app.wrong_code())),
    ];
    for (what, answer) in &answers {
        assert_detail(answer, 401, "Invalid credentials");
        assert_eq!(answer.text(), answers[0].1.text(), "{what}");
        assert!(answer.set_cookies(doorward_testkit::SESSION_COOKIE).is_empty(), "{what}: {answer:?}");
    }
}

/// What a passkey is asked with says nothing of anybody: no address is read, no account is looked up.
#[test]
fn enum_01_a_passkey_is_asked_for_alike_whether_anybody_has_one() {
    let house = house();
    let ask = |body: Value| house.client().post_json("/api/auth/passkey/options", &body);
    let shape = |reply: &Reply| {
        let mut options = reply.json();
        let wish = options["options"].as_object_mut().unwrap();
        let wish = if wish.contains_key("publicKey") { wish["publicKey"].as_object_mut().unwrap() } else { wish };
        assert!(wish.get("allowCredentials").is_none_or(|list| list.as_array().is_some_and(Vec::is_empty)), "{reply:?}");
        wish.remove("challenge").expect("a challenge");
        options.as_object_mut().unwrap().remove("challenge").expect("a name");
        (reply.status, reply.names(), reply.body.len(), options.to_string())
    };
    let before = shape(&ask(json!({})));
    assert_eq!(before.0, 200);
    house.enrol_totp(&mut house.member("coded@app.test"));
    for body in [json!({}), json!({"email": KNOWN}), json!({"email": UNKNOWN}), json!({"email": "coded@app.test"})] {
        assert_eq!(shape(&ask(body.clone())), before, "{body}");
    }
    let answer = json!({"challenge": "A".repeat(43), "credential": {}});
    assert_detail(&house.client().post_json("/api/auth/passkey/login", &answer), 401, "Invalid credentials");
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

/// One kept connection without cookies.
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
        self.time_of(&Request::post(path).json(body), status)
    }

    #[track_caller]
    fn time_of(&mut self, request: &Request, status: u16) -> Duration {
        let start = Instant::now();
        let reply = self.client.send(request);
        let elapsed = start.elapsed();
        assert_eq!(reply.status, status, "{reply:?}");
        elapsed
    }
}

/// Addresses by number, all of one length.
fn numbered(kind: &str, number: u32) -> String {
    format!("{kind}{number:04}@app.test")
}

/// How often an address may be tried before it is slowed (D-11).
const BEFORE_DELAY: u32 = 9;

fn wrong(email: &str) -> Value {
    json!({"email": email, "password": "wrong wrong wrong wrong"})
}

#[test]
fn enum_07_a_sign_in_takes_the_same_time_for_known_and_unknown_addresses() {
    let house = house();
    let (mut known, mut unknown) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let (mut tries, mut strangers) = (0, 0);
    assert_untellable(
        "sign-in",
        || {
            tries += 1;
            if tries % BEFORE_DELAY == 0 {
                // The owner signs in, elsewhere and unmeasured: the count of failures begins anew.
                let _ = house.sign_in(KNOWN);
            }
            known.time("/api/auth/login", &wrong(KNOWN), 401)
        },
        || {
            strangers += 1;
            unknown.time("/api/auth/login", &wrong(&numbered("n", strangers)), 401)
        },
    );
}

#[test]
fn enum_07_a_sign_in_takes_the_same_time_for_unverified_addresses() {
    let house = house();
    let (mut known, mut pending) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let (mut tries, mut waiting) = (0, 0);
    assert_untellable(
        "sign-in of a pending address",
        || {
            tries += 1;
            if tries % BEFORE_DELAY == 0 {
                let _ = house.sign_in(KNOWN);
            }
            known.time("/api/auth/login", &wrong(KNOWN), 401)
        },
        || {
            let address = numbered("p", waiting / BEFORE_DELAY);
            if waiting % BEFORE_DELAY == 0 {
                house.sign_up(&address, house.password());
            }
            waiting += 1;
            pending.time("/api/auth/login", &wrong(&address), 401)
        },
    );
}

#[test]
fn enum_07_a_sign_in_takes_the_same_time_with_a_second_factor_and_without_a_password() {
    let house = house();
    house.enrol_totp(&mut house.member("coded@app.test"));
    let (mut coded, mut empty) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let (mut tries, mut losses) = (0, 0);
    assert_untellable(
        "sign-in with a second factor, or without a password",
        || {
            tries += 1;
            if tries % BEFORE_DELAY == 0 {
                // The right password, elsewhere and unmeasured: the count of its failures begins anew.
                let _ = house.first_step("coded@app.test");
            }
            coded.time("/api/auth/login", &wrong("coded@app.test"), 401)
        },
        || {
            let address = numbered("e", losses / BEFORE_DELAY);
            if losses % BEFORE_DELAY == 0 {
                house.add_member_without_password(&address);
            }
            losses += 1;
            empty.time("/api/auth/login", &wrong(&address), 401)
        },
    );
}

#[test]
fn enum_07_a_sign_up_takes_the_same_time_for_known_and_unknown_addresses() {
    let house = house();
    let (mut known, mut unknown) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let mut n = 0;
    assert_untellable(
        "sign-up",
        || known.time("/api/auth/register", &json!({"email": KNOWN, "password": house.password()}), 202),
        || {
            n += 1;
            unknown.time("/api/auth/register", &json!({"email": numbered("n", n), "password": house.password()}), 202)
        },
    );
}

#[test]
fn enum_07_asking_for_the_mail_again_takes_the_same_time_for_everybody() {
    let house = house();
    let mut watches = [Stopwatch::new(&house), Stopwatch::new(&house), Stopwatch::new(&house), Stopwatch::new(&house)];
    let [pending, unknown, known, stranger] = &mut watches;
    let body = |email: &str| json!({"email": email});
    let path = "/api/auth/verify-email/resend";
    assert_untellable(
        "resend to a pending address",
        || pending.time(path, &body(PENDING), 200),
        || unknown.time(path, &body(UNKNOWN), 200),
    );
    assert_untellable(
        "resend to a known address",
        || known.time(path, &body(KNOWN), 200),
        || stranger.time(path, &body(UNKNOWN), 200),
    );
}

#[test]
fn enum_07_asking_for_a_reset_link_takes_the_same_time_for_everybody() {
    let house = house();
    let (mut known, mut unknown) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let path = "/api/auth/forgot-password";
    assert_untellable(
        "a reset link",
        || known.time(path, &json!({"email": KNOWN}), 200),
        || unknown.time(path, &json!({"email": UNKNOWN}), 200),
    );
}

/// Times the four kinds of addresses against each other. Quotas are out of reach; every request of an account leaves a mail.
fn assert_reset_links_untellable(house: &House, when: &str) {
    let mut watches = [(); 4].map(|()| Stopwatch::new(house));
    let [known, unknown, pending, stranger] = &mut watches;
    let path = "/api/auth/forgot-password";
    let body = |email: &str| json!({"email": email});
    let mut n = 0;
    assert_untellable(
        &format!("a reset link, known or not, {when}"),
        || known.time(path, &body(KNOWN), 200),
        || {
            n += 1;
            unknown.time(path, &body(&numbered("n", n)), 200)
        },
    );
    assert_untellable(
        &format!("a reset link, unverified or not, {when}"),
        || pending.time(path, &body(PENDING), 200),
        || stranger.time(path, &body(UNKNOWN), 200),
    );
}

/// The mail is a row; who carries it away, and whether anybody does, is nobody's wait.
#[test]
fn forgot_03_a_request_takes_the_same_time_for_everybody_while_mail_cannot_leave() {
    let house = house();
    // Where the mails went is no folder any more: every delivery fails, beside the requests.
    let folder = house.data_dir().join("mail");
    std::fs::rename(&folder, house.data_dir().join("mail.before")).unwrap();
    std::fs::write(&folder, "no folder").unwrap();
    assert_reset_links_untellable(&house, "while mail cannot leave");
    assert!(house.stderr().contains("a mail could not be delivered"), "the sink was dead indeed:\n{}", house.stderr());
}

#[test]
fn forgot_03_a_request_takes_the_same_time_for_everybody_while_the_relay_is_slow() {
    let mut house = house();
    // Takes every connection and never says a word.
    let relay = std::net::TcpListener::bind((INSIDE, 0)).unwrap();
    let url = format!("smtp-plain://{}", relay.local_addr().unwrap());
    let (send, taken) = std::sync::mpsc::channel();
    std::thread::spawn(move || relay.incoming().flatten().all(|connection| send.send(connection).is_ok()));
    house.restart_with(|text| text.replace("[mail]\nurl = \"file\"", &format!("[mail]\nurl = \"{url}\"")));
    house.client().post_json("/api/auth/forgot-password", &json!({"email": KNOWN})).expect(200);
    let _held = taken.recv_timeout(Duration::from_secs(10)).expect("the relay is asked");
    assert_reset_links_untellable(&house, "while the relay is slow");
}

#[test]
fn enum_07_a_change_of_address_takes_the_same_time_for_taken_and_free_ones() {
    let house = house();
    let mut member = house.member("ada@app.test");
    let (csrf, cookies) = (member.csrf(), member.cookie_line());
    member.get("/api/auth/me").expect(200);
    let (mut taken, mut free) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let ask = |email: &str| {
        let body = json!({"email": email, "current_password": house.password()});
        Request::post("/api/auth/email").cookies(&cookies).header("X-CSRF-Token", &csrf).json(&body)
    };
    let mut n = 0;
    assert_untellable(
        "a change of address",
        || taken.time_of(&ask(KNOWN), 202),
        || {
            n += 1;
            free.time_of(&ask(&numbered("n", n)), 202)
        },
    );
}

/// The proof that the measurement can fail over these sockets: a refusal that hashes nothing beside one that does. Faults of the house
/// itself are put in where its parts can be reached, in the tests of the application.
#[test]
fn timing_tells_a_refusal_without_a_hash_from_one_with() {
    let house = house();
    let (mut hashing, mut idle) = (Stopwatch::new(&house), Stopwatch::new(&house));
    let protocol = Protocol { pairs: 60, ..Protocol::default() };
    let mut n = 0;
    let verdict = protocol.judge(
        || {
            n += 1;
            hashing.time("/api/auth/login", &wrong(&numbered("n", n)), 401)
        },
        || idle.time("/api/auth/verify-email", &json!({"token": "A".repeat(43)}), 400),
    );
    let seen = verdict.expect_err("a hash of tens of milliseconds");
    assert!(seen.iter().all(|comparison| comparison.auc > 0.9), "{seen:?}");
}

/// What a caller is told, in order: status, body and fields, without what the clock makes of them.
fn told(house: &House, from: IpAddr, path: &str, email: &str, times: usize) -> Vec<(u16, Vec<u8>, Vec<String>)> {
    let mut client = house.client_from(from);
    let body = json!({"email": email, "password": "wrong wrong wrong wrong"});
    let replies = (0..times).map(|_| client.post_json(path, &body));
    replies.map(|reply| (reply.status, reply.body.clone(), reply.names())).collect()
}

#[test]
fn enum_08_limits_stop_known_and_unknown_addresses_after_the_same_number() {
    let paths = ["/api/auth/login", "/api/auth/register", "/api/auth/verify-email/resend", "/api/auth/forgot-password"];
    // By caller, by caller and address, by address, and by consecutive failures: each as the first to be met.
    let limits: [&[(&str, &str)]; 3] = [
        &[("auth_login", "5/min"), ("auth_register", "5/min"), ("verify_email_resend", "5/min"), ("forgot_password", "5/min")],
        &[("auth_login_account", "4/15min"), ("verify_email_resend_address", "3/15min"), ("forgot_password_address", "3/15min")],
        &[],
    ];
    for (number, limits) in limits.iter().enumerate() {
        let builder = limits.iter().fold(House::builder().unlimited(), |builder, (scope, quota)| builder.limit(scope, quota));
        let house = builder.start();
        house.add_member(KNOWN);
        for path in paths {
            let known = told(&house, OUTSIDE, path, KNOWN, 14);
            let unknown = told(&house, SOMEWHERE, path, UNKNOWN, 14);
            assert_eq!(known, unknown, "{path} under limits {number}");
            let stopped = known.iter().filter(|(status, ..)| *status == 429).count();
            let expected = match (number, path) {
                (0, _) => 9,
                (1, "/api/auth/login") => 10,
                // The tenth failure in a row costs a second.
                (2, "/api/auth/login") => 4,
                _ => 0,
            };
            assert_eq!(stopped, expected, "{path} under limits {number}: {known:?}");
        }
    }
}

#[test]
fn enum_08_a_burst_lets_as_many_through_for_known_as_for_unknown_addresses() {
    let house = House::builder().unlimited().limit("auth_login", "5/min").start();
    house.add_member(KNOWN);
    let burst = |from: IpAddr, email: &str| {
        let mut statuses: Vec<u16> = std::thread::scope(|scope| {
            let send = || scope.spawn(|| house.client_from(from).post_json("/api/auth/login", &wrong(email)).status);
            let threads: Vec<_> = (0..40).map(|_| send()).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        statuses.sort_unstable();
        statuses
    };
    let known = burst(OUTSIDE, KNOWN);
    assert_eq!(known, burst(SOMEWHERE, UNKNOWN));
    assert_eq!(known.iter().filter(|status| **status == 401).count(), 5);
}

#[test]
fn enum_11_nobody_is_found_by_id_address_or_hash() {
    let house = house();
    let mut ada = house.member("ada@app.test");
    let mut eve = house.member("eve@app.test");
    let id = |client: &mut Client| client.get("/api/auth/me").expect(200).json()["id"].as_str().unwrap().to_owned();
    let (ada_id, eve_id) = (id(&mut ada), id(&mut eve));
    for id in [&ada_id, &eve_id] {
        // A random UUID (RFC 9562 §5.4): no time, no count, no place.
        let digits: Vec<char> = id.chars().collect();
        assert!(digits.len() == 36 && digits[14] == '4' && matches!(digits[19], '8' | '9' | 'a' | 'b'), "{id}");
    }
    let same = ada_id.chars().zip(eve_id.chars()).filter(|(left, right)| left == right).count();
    assert!(same < 20, "{ada_id} {eve_id}");
    let unknown = "5f8f1f0e-3c64-4e0b-9d7d-3c2b1a090807";
    // MD5 of `ada@app.test`, as avatars are often named, and of nobody.
    let hashes = ["996b273215248ee1e524bba8603307ae", "00000000000000000000000000000000"];
    let pairs = [(ada_id.as_str(), unknown), ("ada@app.test", "nob@app.test"), (hashes[0], hashes[1])];
    let places = [
        "/api/auth/users/{}",
        "/api/auth/user/{}",
        "/api/auth/me/{}",
        "/api/auth/accounts/{}",
        "/api/auth/profile/{}",
        "/api/auth/avatar/{}",
        "/api/auth/avatars/{}.png",
        "/account/{}",
        "/account/users/{}",
        "/assets/doorward/{}",
        "/.well-known/doorward/{}",
    ];
    for place in places {
        for (known, nobody) in pairs {
            for client in [&mut eve, &mut house.client()] {
                let mut ask = |what: &str| client.get(&place.replace("{}", what));
                let (one, other) = (ask(known), ask(nobody));
                assert_eq!(one.status, 404, "{place} {known}: {one:?}");
                assert_eq!(constant_part(&one), constant_part(&other), "{place} {known}");
            }
        }
    }
    for query in ["id", "user", "user_id", "email"] {
        let reply = eve.get(&format!("/api/auth/me?{query}={ada_id}"));
        assert_eq!(reply.json()["id"].as_str(), Some(eve_id.as_str()), "{query}");
    }
}

/// Kind, flags and length of every frame of an answer, from a connection of its own. A head is compressed character by character, so the
/// random request id alone makes it some octets longer or shorter from one answer to the next: its length says nothing, its fields are
/// compared below.
fn frames(house: &House, path: &str, body: &Value) -> Vec<(u8, u8, usize)> {
    let mut client = H2Frames::connect(house.https(), INSIDE, house.host()).unwrap();
    let stream = post(&mut client, house, path, body);
    let mut seen = Vec::new();
    loop {
        let frame = client.read().unwrap();
        if frame.stream != stream {
            continue;
        }
        seen.push((frame.kind, frame.flags, if frame.kind == HEADERS { 0 } else { frame.payload.len() }));
        if frame.flags & END_STREAM != 0 && matches!(frame.kind, DATA | HEADERS) {
            return seen;
        }
    }
}

fn post(client: &mut H2Frames, house: &House, path: &str, body: &Value) -> u32 {
    let (stream, authority, body) = (client.open(), house.authority(), body.to_string());
    let length = body.len().to_string();
    let fields = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", authority.as_str()),
        (":path", path),
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
    ];
    client.headers(stream, &fields, 0);
    client.send(DATA, END_STREAM, stream, body.as_bytes());
    stream
}

/// Every field of an answer over HTTP/2 with the length of its value, in order.
fn field_lengths(house: &House, path: &str, body: &Value) -> Vec<(String, usize)> {
    let mut client = H2Frames::connect(house.https(), INSIDE, house.host()).unwrap();
    let stream = post(&mut client, house, path, body);
    let reply = client.outcome(stream).answer();
    assert!(reply.status < 500, "{path}: {reply:?}");
    reply.headers.iter().map(|(name, value)| (name.clone(), value.len())).collect()
}

#[test]
fn enum_12_answers_have_the_same_length_on_the_wire_for_known_and_unknown_addresses() {
    let house = House::builder().unlimited().limit("forgot_password_address", "1/15min").start();
    house.add_member("known@app.test");
    let bodies = |email: &str| {
        [
            ("/api/auth/login", json!({"email": email, "password": "wrong wrong wrong wrong"})),
            ("/api/auth/register", json!({"email": email, "password": house.password()})),
            ("/api/auth/verify-email/resend", json!({"email": email})),
            ("/api/auth/forgot-password", json!({"email": email})),
            // Over its quota, which only counts.
            ("/api/auth/forgot-password", json!({"email": email})),
        ]
    };
    for ((path, known), (_, unknown)) in bodies("known@app.test").iter().zip(&bodies("ghost@app.test")) {
        let of_known = frames(&house, path, known);
        assert_eq!(of_known, frames(&house, path, unknown), "{path} over HTTP/2");
        assert!(of_known.len() >= 2, "{of_known:?}");
        assert_eq!(field_lengths(&house, path, known), field_lengths(&house, path, unknown), "{path} over HTTP/2");
        let ask = |body: &Value, coding: &str| {
            let request = Request::post(path).header("Accept-Encoding", coding).json(body);
            house.client().send(&request)
        };
        for coding in ["identity", "gzip, br, zstd, deflate"] {
            let answers = [("known", ask(known, coding)), ("unknown", ask(unknown, coding))];
            assert_alike(&answers);
            assert!(answers[0].1.all("content-encoding").is_empty(), "nothing is compressed, so no length tells of its contents");
        }
    }
}
