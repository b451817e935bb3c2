//! Every operation of the description that the binary itself prints, over real sockets, HTTP/1.1 and HTTP/2 within TLS, with requests that
//! nobody thought of. Never a fault of ours, never a hang, always `{"detail": …}` for an error, always the header policy.
//!
//! As the fuzz through the router (`crates/app/tests/it/fuzz.rs`): `DOORWARD_FUZZ_CASES` makes it longer, `DOORWARD_FUZZ_SEED` repeats a run, and
//! a failure names its seed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use doorward_testkit::dice::{Dice, fresh_seed, note, number_of};
use doorward_testkit::h2::{DATA, END_HEADERS, END_STREAM, H2Frames, HEADERS, Outcome, WINDOW_UPDATE, literal};
use doorward_testkit::noise::{Draft, Sender, draft, operations};
use doorward_testkit::{Client, House, INSIDE, RawClient, ReadFault, Reply, detail};
use serde_json::Value;

/// Cases for each protocol when nothing else is asked for.
const CASES: u64 = 300;
/// Longest time that one request may take, whatever it holds.
const DEADLINE: Duration = Duration::from_secs(10);
/// Octets of a DATA frame.
const FRAME: usize = 4096;

/// What the door itself may answer before it knows which operation it is.
const OF_THE_DOOR: [u16; 8] = [400, 403, 404, 408, 413, 414, 417, 431];

/// What an answer of the house never says.
const INSIDES: [&str; 9] =
    ["panicked", ".rs:", "sqlite", "SQLITE", "SELECT ", "INSERT ", "stack backtrace", "RUST_BACKTRACE", "/target/"];

/// The members whose cookies are sent; they may end themselves, and there is a next one then.
struct Member<'a> {
    house: &'a House,
    name: &'static str,
    made: u32,
    client: Client,
}

impl<'a> Member<'a> {
    fn new(house: &'a House, name: &'static str) -> Self {
        Self { house, name, made: 0, client: house.member(&format!("{name}-0@app.test")) }
    }

    fn refresh(&mut self) {
        if self.client.get("/api/auth/me").status != 200 {
            self.made += 1;
            self.client = self.house.member(&format!("{}-{}@app.test", self.name, self.made));
        }
    }
}

/// Sends a draft and reads its answer; `None` where the connection may rightly have been ended without one.
trait Wire {
    fn exchange(&mut self, house: &House, dice: &mut Dice, draft: &Draft) -> Option<Reply>;
}

#[derive(Default)]
struct Http1(Option<RawClient>);

impl Wire for Http1 {
    fn exchange(&mut self, house: &House, dice: &mut Dice, draft: &Draft) -> Option<Reply> {
        let mut raw = self.0.take().unwrap_or_else(|| house.raw());
        raw.set_patience(DEADLINE);
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", draft.method, draft.target, house.authority()).into_bytes();
        for (name, value) in &draft.fields {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let is_cut = draft.body.is_some() && dice.one_in(20);
        match &draft.body {
            Some(body) if dice.one_in(4) => {
                bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                for chunk in body.chunks(1 + dice.below(2000)) {
                    bytes.extend([format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
                }
                bytes.extend_from_slice(if is_cut { b"5\r\nab" } else { b"0\r\n\r\n" });
            }
            Some(body) => {
                let told = body.len() + if is_cut { 1 + dice.below(50) } else { 0 };
                bytes.extend([format!("Content-Length: {told}\r\n\r\n").as_bytes(), &body[..]].concat());
            }
            None => bytes.extend_from_slice(if draft.method == "GET" { b"\r\n" } else { b"Content-Length: 0\r\n\r\n" }),
        }
        raw.send_what_it_takes(&bytes);
        if is_cut {
            raw.finish();
        }
        match raw.read_reply_to(&draft.method) {
            Ok(reply) => {
                let closes = reply.all("connection").iter().any(|value| value.eq_ignore_ascii_case("close"));
                self.0 = (!closes && !is_cut).then_some(raw);
                Some(reply)
            }
            // Whoever goes away in the middle of a body need not be answered.
            Err(ReadFault::Closed) if is_cut => None,
            Err(fault) => panic!("no answer: {fault:?}"),
        }
    }
}

#[derive(Default)]
struct Http2(Option<H2Frames>);

impl Wire for Http2 {
    fn exchange(&mut self, house: &House, dice: &mut Dice, draft: &Draft) -> Option<Reply> {
        let mut h2 =
            self.0.take().unwrap_or_else(|| H2Frames::connect(house.https(), INSIDE, house.host()).expect("the door opens"));
        h2.set_patience(DEADLINE);
        let stream = h2.open();
        let authority = house.authority();
        let pseudo = [(":method", &*draft.method), (":scheme", "https"), (":authority", &authority), (":path", &draft.target)];
        let mut block: Vec<u8> = pseudo.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect();
        block.extend(draft.fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value)));
        if let Some(body) = draft.body.as_ref().filter(|_| dice.one_in(2)) {
            block.extend(literal(b"content-length", body.len().to_string().as_bytes()));
        }
        let end = if draft.body.is_none() { END_STREAM } else { 0 };
        h2.send(HEADERS, END_HEADERS | end, stream, &block);
        if let Some(body) = &draft.body {
            for chunk in body.chunks(FRAME) {
                h2.send(DATA, 0, stream, chunk);
            }
            h2.send(DATA, END_STREAM, stream, &[]);
        }
        match h2.outcome(stream) {
            Outcome::Answer(reply) => {
                // What was read may be sent again (RFC 9113 §6.9), or the connection would end up full.
                if let Some(read) = u32::try_from(reply.body.len()).ok().filter(|read| *read > 0) {
                    h2.send(WINDOW_UPDATE, 0, 0, &read.to_be_bytes());
                }
                self.0 = Some(h2);
                Some(reply)
            }
            refused if refused.is_refusal() => None,
            other => panic!("no answer but {other:?}"),
        }
    }
}

#[track_caller]
fn check(reply: &Reply, (_, path, operation): &(String, String, Value)) {
    let status = reply.status;
    // The store and the hashing threads are well here, so not even the 503 that is described has a reason.
    assert!(status < 500, "{reply:?}");
    let is_described = operation["responses"][status.to_string()].is_object();
    assert!(is_described || OF_THE_DOOR.contains(&status), "{status} is not described: {reply:?}");
    let is_api = path.starts_with("/api/");
    keeps_policy(reply, is_api);
    if status < 400 {
        return;
    }
    // What the door refuses beside the API it may tell a browser as a page.
    assert!(!is_api || !detail(reply).is_empty(), "{reply:?}");
    let text = reply.text();
    assert!(INSIDES.iter().all(|inside| !text.contains(inside)), "{text}");
    let is_clearing = |cookie: &&str| cookie.to_ascii_lowercase().contains("max-age=0");
    assert!(reply.all("set-cookie").iter().all(is_clearing), "ERR-08: {reply:?}");
}

/// The header policy of the API, or of what is read beside it.
#[track_caller]
fn keeps_policy(reply: &Reply, is_api: bool) {
    for (name, value) in [
        ("strict-transport-security", "max-age=63072000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(reply.all(name), [value], "{name}: {reply:?}");
    }
    let (referrer, policy) = (reply.header("referrer-policy"), reply.header("content-security-policy").expect("a policy"));
    assert!(policy.starts_with("default-src 'none';") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let is_of_api = (referrer == Some("no-referrer"), policy.ends_with("sandbox"));
    // What the door refuses beside the API it refuses as a page.
    assert!(is_of_api == (true, true) || !is_api && is_of_api == (false, false), "{reply:?}");
    assert!(reply.header("permissions-policy").is_some() && reply.header("x-request-id").is_some(), "{reply:?}");
    assert!(reply.all("server").is_empty() && reply.all("x-powered-by").is_empty(), "{reply:?}");
    assert!(!reply.all("cache-control").is_empty(), "{reply:?}");
}

/// Sends what comes of the seed by one protocol; which operations were done, not only refused.
#[track_caller]
fn run(house: &House, name: &'static str, mut wire: impl Wire, seed: u64, cases: u64) -> BTreeSet<String> {
    let printed = house.command(&["openapi"]);
    let all = operations(&serde_json::from_slice(&printed.stdout).expect("JSON"));
    let mut member = Member::new(house, name);
    let mut granted = BTreeSet::new();
    for case in 0..cases {
        let mut dice = Dice::nth(seed, case);
        let operation = &all[usize::try_from(case).expect("small") % all.len()];
        member.refresh();
        let (origin, cookies, csrf) = (house.origin(), member.client.cookie_line(), member.client.csrf());
        let sender = Sender { origin: &origin, cookies: &cookies, csrf: &csrf, password: house.password() };
        let draft = draft(&mut dice, sender, operation);
        let about = format!("{name} seed {seed} case {case}: {} {}", draft.method, draft.target);
        note(&about);
        let begin = Instant::now();
        let reply = wire.exchange(house, &mut dice, &draft);
        assert!(begin.elapsed() < DEADLINE, "{about}: it took {:?}", begin.elapsed());
        if let Some(reply) = reply {
            check(&reply, operation);
            if reply.status < 400 {
                granted.insert(format!("{} {}", operation.0, operation.1));
            }
        }
    }
    granted
}

#[test]
fn every_operation_over_either_protocol_withstands_whatever_is_sent() {
    let seed = number_of("DOORWARD_FUZZ_SEED").unwrap_or_else(fresh_seed);
    let cases = number_of("DOORWARD_FUZZ_CASES").unwrap_or(CASES);
    let mut house = House::builder().unlimited().start();
    let granted = std::thread::scope(|scope| {
        let first = scope.spawn(|| run(&house, "h1", Http1::default(), seed, cases));
        let second = scope.spawn(|| run(&house, "h2", Http2::default(), seed.wrapping_add(1), cases));
        [first, second].map(|thread| thread.join().expect("no failure above"))
    });
    for granted in granted {
        // What the fuzz never gets behind the first check it does not test.
        assert!(granted.len() >= 8, "only these were ever done: {granted:?}");
    }
    house.assert_alive();
    let log = house.stderr();
    assert!(!log.contains("panic"), "{}", log.lines().filter(|line| line.contains("panic")).collect::<Vec<_>>().join("\n"));
}
