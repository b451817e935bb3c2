//! Every operation of the API description with bodies, fields and sessions that nobody thought of: right and wrong types, too much, too
//! little, no JSON, no UTF-8. Never a fault of ours, never a hang, always `{"detail": …}`, and never a status that is not described.
//!
//! `DOORWARD_FUZZ_CASES` makes it longer, `DOORWARD_FUZZ_SEED` repeats a run; a failure names its seed.

use std::time::Duration;

use doorward_app::openapi;
use doorward_kit::{Entropy as _, SystemEntropy};
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::client::{Answer, CSRF, Client, PASSWORD, SESSION};
use crate::house::House;
use crate::openapi::operations;

/// Longest time that one request may take, whatever it holds.
const DEADLINE: Duration = Duration::from_secs(10);
/// Cases when nothing else is asked for.
const CASES: u64 = 600;

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % n as u64).expect("small")
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

fn text(dice: &mut Dice) -> String {
    const PIECES: [&str; 26] = [
        "",
        " ",
        "ada@example.com",
        "ADA@EXAMPLE.COM",
        PASSWORD,
        "short",
        "a\u{0}b",
        "\u{1b}[2J",
        "\u{202e}gnp.exe",
        "e\u{301}",
        "\u{fffd}\u{10ffff}",
        "\r\nBcc: eve@example.com",
        "' OR 1=1 --",
        "\"; DROP TABLE users; --",
        "{{7*7}}${7*7}<%= 7*7 %>",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%00%0d%0a",
        "https://example.com/a.png",
        "http://169.254.169.254/",
        "javascript:alert(1)",
        "00000000-0000-4000-8000-000000000000",
        "9007199254740993",
        "null",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=255$c2FsdA$aGFzaA",
        "ﷺ",
    ];
    let piece = *dice.pick(&PIECES);
    match dice.below(12) {
        0 => piece.repeat(dice.below(400)),
        1 => format!("{piece}{}", dice.pick(&PIECES)),
        2 => (0..dice.below(64)).map(|_| char::from_u32(dice.roll() as u32 % 0x11_0000).unwrap_or('x')).collect(),
        3 => "A".repeat(43),
        _ => piece.into(),
    }
}

fn anything(dice: &mut Dice, depth: usize) -> Value {
    match dice.below(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(dice.one_in(2)),
        2 => json!(dice.roll()),
        3 => json!(-1),
        4 => json!(1.5e300),
        5 | 6 => json!(text(dice)),
        7 => (0..dice.below(4)).map(|_| anything(dice, depth - 1)).collect(),
        _ => Value::Object((0..dice.below(4)).map(|_| (text(dice), anything(dice, depth - 1))).collect()),
    }
}

/// An object after its schema, with faults here and there.
fn object(dice: &mut Dice, schema: &Value) -> Value {
    let mut out = Map::new();
    for name in schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name) {
        match dice.below(8) {
            0 => {}
            1 | 2 => {
                out.insert(name.clone(), anything(dice, 3));
            }
            _ => {
                out.insert(name.clone(), json!(text(dice)));
            }
        }
    }
    if dice.one_in(5) {
        out.insert(text(dice), anything(dice, 3));
    }
    if dice.one_in(40) {
        out.extend((0..70).map(|i| (format!("k{i}"), Value::Null)));
    }
    Value::Object(out)
}

fn octets(dice: &mut Dice, operation: &Value) -> Vec<u8> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let whole = if dice.one_in(8) { anything(dice, 6) } else { object(dice, schema) }.to_string().into_bytes();
    match dice.below(16) {
        0 => Vec::new(),
        1 => whole[..dice.below(whole.len() + 1)].to_vec(),
        2 => {
            let mut broken = whole;
            let at = dice.below(broken.len().max(1));
            if let Some(octet) = broken.get_mut(at) {
                *octet = dice.roll() as u8;
            }
            broken
        }
        3 => (0..dice.below(200)).map(|_| dice.roll() as u8).collect(),
        4 => "[".repeat(dice.below(9000)).into_bytes(),
        5 => [&whole[..], b"\xff"].concat(),
        6 => [b"\xef\xbb\xbf", &whole[..]].concat(),
        7 if dice.one_in(8) => "x".repeat(70_000).into_bytes(),
        _ => whole,
    }
}

/// One request after the description of an operation.
async fn knock(client: &mut Client<'_>, dice: &mut Dice, method: &str, path: &str, operation: &Value) -> Answer {
    let id = if dice.one_in(2) { "00000000-0000-4000-8000-000000000000".into() } else { text(dice) };
    let id = percent_encoding::utf8_percent_encode(&id, percent_encoding::NON_ALPHANUMERIC).to_string();
    let path = path.replace("{id}", if id.is_empty() { "x" } else { &id });
    let token = client.cookie(CSRF).to_owned();
    let mut ask = client.ask(method.parse::<Method>().expect("a method"), &path);
    ask = match dice.below(8) {
        0 => ask.field("sec-fetch-site", ["cross-site", "", "same-site", "none"][dice.below(4)]),
        1 => ask.field("origin", ["null", "https://app.example.com", "https://evil.test"][dice.below(3)]),
        _ => ask.own(),
    };
    ask = match dice.below(8) {
        0 => ask.field("x-csrf-token", &"x".repeat(dice.below(2000))),
        1 => ask,
        2 => ask.octets("x-csrf-token", b"\xff\xfe"),
        _ => ask.field("x-csrf-token", &token),
    };
    for name in
        ["user-agent", "accept", "accept-language", "x-forwarded-for", "if-match", "cookie", "x-debug", "content-encoding"]
    {
        if dice.one_in(10) {
            let mut value: Vec<u8> = text(dice).into_bytes();
            value.retain(|octet| *octet >= b' ' && *octet != 127);
            value.truncate(4000);
            ask = ask.octets(name, &value);
        }
    }
    if method == "GET" {
        return ask.send().await;
    }
    let media = if dice.one_in(12) { "text/plain" } else { "application/json" };
    let body = octets(dice, operation);
    if dice.one_in(4) { ask.stream(media, body).send().await } else { ask.body(media, body).send().await }
}

fn check(answer: &Answer, operation: &Value) {
    let status = answer.status.as_str();
    assert!(operation["responses"][status].is_object(), "{status} is not described: {}", answer.text());
    // The store and the hashing threads are well here, so not even the 503 that is described has a reason.
    assert!(!answer.status.is_server_error(), "{status}: {}", answer.text());
    if answer.status.is_success() {
        return;
    }
    let body = answer.json();
    let members = body.as_object().expect("an object");
    assert!(members["detail"].is_string(), "{body}");
    assert!(members.keys().all(|name| name == "detail" || name == "errors"), "{body}");
    assert!(answer.set_cookies().is_empty(), "ERR-08: {:?}", answer.set_cookies());
}

/// A client that is somebody, half of the time.
async fn somebody<'h>(house: &'h House, dice: &mut Dice, member: &mut Client<'h>, made: &mut u32) -> Client<'h> {
    let mut client = Client::new(house);
    match dice.below(6) {
        0 => {}
        1 => {
            client.jar.insert(SESSION.into(), text(dice).chars().filter(char::is_ascii_alphanumeric).collect());
        }
        2 => {
            client.get("/api/auth/csrf").await;
        }
        _ => {
            if member.get("/api/auth/me").await.status != StatusCode::OK {
                *made += 1;
                *member = house.member(&format!("member{made}@example.com")).await;
            }
            client.jar.clone_from(&member.jar);
        }
    }
    client
}

#[tokio::test]
async fn every_operation_of_the_description_withstands_whatever_is_sent() {
    #[expect(clippy::disallowed_methods, reason = "how long a run is belongs to whoever starts it")]
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = number("DOORWARD_FUZZ_CASES").unwrap_or(CASES);
    let seed = number("DOORWARD_FUZZ_SEED").unwrap_or_else(|| {
        let mut bytes = [0; 8];
        SystemEntropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    });
    let house = House::new().await;
    let document = openapi::document();
    let all = operations(&document);
    let mut member = house.member("ada@example.com").await;
    let mut made = 0;
    let mut answered = std::collections::BTreeSet::new();
    for case in 0..cases {
        let mut dice = Dice(seed.wrapping_add(case.wrapping_mul(0x2545_f491_4f6c_dd1d)));
        let (method, path, operation) = &all[usize::try_from(case).expect("small") % all.len()];
        let mut client = somebody(&house, &mut dice, &mut member, &mut made).await;
        // Read by whoever looks at a failure: the test's output is shown then.
        println!("seed {seed} case {case}: {method} {path}");
        let answer = tokio::time::timeout(DEADLINE, knock(&mut client, &mut dice, method, path, operation)).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer within {DEADLINE:?}"));
        if !answer.text().is_empty() || !answer.status.is_success() {
            check(&answer, operation);
        }
        answered.insert((method, path, answer.status.is_success()));
    }
    assert!(answered.len() >= all.len(), "every operation was asked");
}
