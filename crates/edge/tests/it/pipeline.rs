//! Pipelines against a second parser: it and the door see the same requests, and every answer belongs to its request (HTTP-20).

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::upstream::chunked_end;
use crate::support::{Client, House, Reply, SITE};

/// Times of a door that waits for octets that a damaged pipeline never brings.
const PATIENCE: Duration = Duration::from_millis(700);

/// One kind of request, and what the upstream or the application makes of it.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Get,
    Head,
    Length,
    Chunked,
    Expect,
    Upgrade,
    /// The upstream closes without a word.
    Dead,
    /// The upstream's answer breaks every rule.
    Broken,
    /// The upstream answers and closes.
    Last,
    /// The upstream sends a second answer behind the first.
    Twice,
    /// Nobody has what is asked for.
    Missing,
    /// The application answers before it has read the body.
    Early,
    Method,
    Close,
    TwoLengths,
    BareLineFeed,
}

const KINDS: &[Kind] = &[
    Kind::Get,
    Kind::Head,
    Kind::Length,
    Kind::Chunked,
    Kind::Expect,
    Kind::Upgrade,
    Kind::Dead,
    Kind::Broken,
    Kind::Last,
    Kind::Twice,
    Kind::Missing,
    Kind::Early,
    Kind::Method,
    Kind::Close,
    Kind::TwoLengths,
    Kind::BareLineFeed,
];

/// A body that is a request to whoever loses count.
fn bait(run: &str) -> String {
    format!("GET /bait?{run}- HTTP/1.1\r\nhost: {SITE}\r\n\r\n")
}

impl Kind {
    /// The request with the run's mark and its own number in its target.
    fn write(self, run: &str, number: usize) -> String {
        let bait = bait(run);
        let head = |method: &str, path: &str, fields: &str| {
            format!("{method} /{path}?{run}-{number} HTTP/1.1\r\nhost: {SITE}\r\nx-number: {number}\r\n{fields}\r\n")
        };
        let length = format!("content-length: {}\r\n", bait.len());
        match self {
            Self::Get => head("GET", "get", ""),
            Self::Head => head("HEAD", "head", ""),
            Self::Length => head("POST", "length", &length) + &bait,
            Self::Chunked => {
                head("POST", "chunked", "transfer-encoding: chunked\r\n") + &format!("{:x}\r\n{bait}\r\n0\r\n\r\n", bait.len())
            }
            Self::Expect => head("POST", "expect", &format!("expect: 100-continue\r\n{length}")) + &bait,
            Self::Upgrade => head("GET", "upgrade", "connection: upgrade\r\nupgrade: websocket\r\n"),
            Self::Dead => head("GET", "dead", ""),
            Self::Broken => head("GET", "broken", ""),
            Self::Last => head("GET", "last", ""),
            Self::Twice => head("GET", "twice", ""),
            Self::Missing => head("GET", "api/auth/nothing", ""),
            Self::Early => head("POST", "api/auth/ignore", &length) + &bait,
            Self::Method => head("BREW", "method", ""),
            Self::Close => head("GET", "close", "connection: close\r\n"),
            Self::TwoLengths => head("POST", "two", &format!("{length}content-length: 0\r\n")) + &bait,
            Self::BareLineFeed => head("GET", "bare", "x: y\n"),
        }
    }

    /// Statuses of its one answer.
    fn statuses(self) -> &'static [u16] {
        match self {
            Self::Dead | Self::Broken => &[502],
            Self::Missing => &[404],
            Self::Early => &[403],
            Self::Method => &[405, 501],
            Self::TwoLengths | Self::BareLineFeed => &[400],
            _ => &[200],
        }
    }
}

fn upstream(target: &str) -> Vec<u8> {
    let answer = format!("HTTP/1.1 200 OK\r\nx-target: {target}\r\ncontent-length: {}\r\n\r\n", target.len());
    match target.split_once('?').map_or(target, |(path, _)| path) {
        "/dead" => Vec::new(),
        "/broken" => b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_vec(),
        "/head" => answer.into_bytes(),
        "/twice" => format!("{answer}{target}HTTP/1.1 200 OK\r\nx-target: /forged\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        "/last" => answer
            .replace("content-length", "connection: close\r\ncontent-length")
            .into_bytes()
            .into_iter()
            .chain(target.bytes())
            .collect(),
        _ => format!("{answer}{target}").into_bytes(),
    }
}

/// What a second, lenient parser takes a pipeline for: method and target of each request.
fn second_parser(mut octets: &[u8]) -> Vec<(String, String)> {
    let mut seen = Vec::new();
    loop {
        let mut fields = [httparse::EMPTY_HEADER; 100];
        let mut request = httparse::Request::new(&mut fields);
        let Ok(httparse::Status::Complete(end)) = request.parse(octets) else { return seen };
        seen.push((request.method.unwrap_or_default().to_owned(), request.path.unwrap_or_default().to_owned()));
        let value =
            |name: &str| request.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value);
        let (coding, length) = (value("transfer-encoding"), value("content-length"));
        octets = &octets[end..];
        let body = if coding.is_some() {
            chunked_end(octets)
        } else {
            length.map_or(Some(0), |text| std::str::from_utf8(text).ok()?.trim().parse().ok())
        };
        let Some(rest) = body.and_then(|length| octets.get(length..)) else { return seen };
        octets = rest;
    }
}

/// Sends a pipeline in pieces and reads every answer. `heads` says which answers have no body.
async fn play(house: &House, octets: &[u8], cuts: &[usize], heads: &[bool]) -> (Vec<Reply>, Vec<u8>) {
    let mut client: Client = house.client().await;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (octets.len() + 1)).collect();
    cuts.sort_unstable();
    let mut from = 0;
    for cut in cuts.into_iter().chain([octets.len()]) {
        client.send(&octets[from..cut]).await;
        from = cut;
    }
    let mut replies = Vec::new();
    loop {
        let to_head = heads.get(replies.len()).copied().unwrap_or(false);
        let Some(reply) = client.reply(to_head).await else { return (replies, Vec::new()) };
        let is_last = reply.header("connection") == Some("close");
        replies.push(reply);
        if is_last {
            return (replies, client.rest().await);
        }
    }
}

/// Targets of a run that reached the upstream. What has no effect may be sent a second time when a kept connection turns out to
/// be dead, and the first time can be noticed late; anything else counts as often as it came.
fn reached(house: &House, run: &str) -> Vec<String> {
    let mut known = HashSet::new();
    let mut targets = Vec::new();
    for request in house.web.requests() {
        let mut words = request.split(' ').map(str::to_owned);
        let (method, target) = (words.next().expect("a method"), words.next().unwrap_or_default());
        // A body that broke off in an earlier run can be noticed during this one.
        let is_of_run = target.contains(&format!("?{run}-"));
        if is_of_run && (known.insert(target.clone()) || method == "POST") {
            targets.push(target);
        }
    }
    targets
}

async fn house() -> House {
    let patient = House::builder().policy(|policy| {
        (policy.times.head, policy.times.body_idle, policy.times.keep_alive) = (PATIENCE, PATIENCE, PATIENCE);
    });
    let house = patient.start().await;
    house.web.answer(upstream);
    house
}

/// A run's number, in so many letters and in none that a [`Damage`] writes: however damaged, it is no other run's.
fn mark(run: usize) -> String {
    format!("{run:06}").bytes().map(|digit| char::from(digit - b'0' + b'k')).collect()
}

/// Runs a test on one house for many inputs; each run has a mark of its own.
fn check<S: Strategy>(cases: u32, strategy: &S, test: impl Fn(&tokio::runtime::Runtime, &House, &str, S::Value)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let house = runtime.block_on(house());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let runs = AtomicUsize::new(0);
    let ran = runner.run(strategy, |input| {
        test(&runtime, &house, &mark(runs.fetch_add(1, Ordering::Relaxed)), input);
        Ok(())
    });
    ran.unwrap_or_else(|failure| panic!("{failure}"));
}

fn pipeline() -> impl Strategy<Value = (Vec<Kind>, Vec<usize>)> {
    (prop::collection::vec(prop::sample::select(KINDS), 1..12), prop::collection::vec(any::<usize>(), 0..6))
}

fn write(run: &str, kinds: &[Kind]) -> Vec<u8> {
    // The last one ends the connection, so that nothing has to be waited for.
    kinds.iter().chain([&Kind::Close]).enumerate().flat_map(|(number, kind)| kind.write(run, number).into_bytes()).collect()
}

#[test]
fn http_20_every_request_of_a_pipeline_has_one_answer_in_its_turn() {
    check(150, &pipeline(), |runtime, house, run, (kinds, cuts)| {
        let octets = write(run, &kinds);
        let kinds: Vec<Kind> = kinds.into_iter().chain([Kind::Close]).collect();
        let heads: Vec<bool> = kinds.iter().map(|kind| matches!(kind, Kind::Head)).collect();
        let (replies, rest) = runtime.block_on(play(house, &octets, &cuts, &heads));
        assert_eq!(String::from_utf8_lossy(&rest), "", "{kinds:?}");
        assert!(!replies.is_empty() && replies.len() <= kinds.len(), "{kinds:?}");
        let seen = second_parser(&octets);
        for (number, (reply, kind)) in replies.iter().zip(&kinds).enumerate() {
            assert!(kind.statuses().contains(&reply.status), "{number} of {kinds:?}: {reply:?}");
            if let Some(target) = reply.header("x-target") {
                assert_eq!(Some(target), seen.get(number).map(|(_, target)| target.as_str()), "{number} of {kinds:?}");
            }
        }
        // All were answered, or the connection ended with an answer that said so.
        let last = replies.last().expect("an answer");
        assert_eq!(last.header("connection"), Some("close"), "{kinds:?}");
        let ends = |kind: &Kind| matches!(kind, Kind::Close | Kind::TwoLengths | Kind::BareLineFeed);
        let may_end =
            |kind: &Kind| ends(kind) || matches!(kind, Kind::Early | Kind::Expect | Kind::Method | Kind::Length | Kind::Chunked);
        assert!(may_end(&kinds[replies.len() - 1]), "{} of {kinds:?}", replies.len());
        assert!(!kinds[..replies.len() - 1].iter().any(ends), "{kinds:?}");
        // The door and the second parser counted the same requests up to there, and so did the upstream.
        let goes_on = |kind: &Kind| kind.statuses() == [200] || matches!(kind, Kind::Dead | Kind::Broken);
        let wanted: Vec<String> = seen
            .iter()
            .zip(&kinds)
            .take(replies.len())
            .filter(|(_, kind)| goes_on(kind))
            .map(|((_, target), _)| target.clone())
            .collect();
        assert_eq!(reached(house, run), wanted, "{kinds:?}");
    });
}

/// How a pipeline is damaged.
#[derive(Debug, Clone)]
enum Damage {
    Replace(u8),
    Insert(u8),
    Remove,
}

fn damage() -> impl Strategy<Value = Damage> {
    let octet = || prop::sample::select(b"\r\n\0 \t:,0159af;\x0b\x80GP/?-Xx".as_slice());
    prop_oneof![octet().prop_map(Damage::Replace), octet().prop_map(Damage::Insert), Just(Damage::Remove)]
}

#[test]
fn http_20_a_damaged_pipeline_is_never_read_as_more_or_other_requests_than_a_second_parser_reads() {
    let strategy = (pipeline(), prop::collection::vec((any::<usize>(), damage()), 1..3));
    check(150, &strategy, |runtime, house, run, ((kinds, cuts), damages)| {
        let mut octets = write(run, &kinds);
        for (at, damage) in damages {
            let at = at % octets.len();
            match damage {
                Damage::Replace(octet) => octets[at] = octet,
                Damage::Insert(octet) => octets.insert(at, octet),
                Damage::Remove => drop(octets.remove(at)),
            }
        }
        let shown = String::from_utf8_lossy(&octets).into_owned();
        let seen = second_parser(&octets);
        let heads: Vec<bool> = seen.iter().map(|(method, _)| method == "HEAD").collect();
        let (replies, rest) = runtime.block_on(play(house, &octets, &cuts, &heads));
        // What is left is the body of a refusal of a head that could have been one of HEAD.
        assert!(!String::from_utf8_lossy(&rest).contains("HTTP/1.1"), "{shown:?}");
        assert!(replies.len() <= seen.len() + 1, "{} answers to {} requests: {shown:?}", replies.len(), seen.len());
        for (number, reply) in replies.iter().enumerate() {
            if let Some(target) = reply.header("x-target") {
                assert_eq!(Some(target), seen.get(number).map(|(_, target)| target.as_str()), "{number} of {shown:?}");
            }
        }
        // Whatever reached the upstream is one of the requests that the second parser sees, each at most once and in their order.
        let mut left = seen.iter().map(|(_, target)| target);
        for target in reached(house, run) {
            assert!(left.any(|other| *other == target), "{target} of {shown:?}");
        }
    });
}

/// All that lies behind the first size is data of one chunk that never ends, even what looks like the end of a body and two more requests.
#[tokio::test]
async fn http_20_requests_within_a_chunk_that_never_ends_reach_the_upstream_as_its_data() {
    let head =
        "POST /chunked?71-0 HTTP/1.1\r\nhost: app.example.test\r\nx-number: 0\r\ntransfer-encoding: chunked\r\n\r\n32f\r\n";
    let data = "GET /bait?71- HTTP/1.1\r\nhost: app.example.test\r\n\r\n\r\n0\r\n\r\n\
        GET /get?71-1 HTTP/1.1\r\nhost: app.example.test\r\nx-number: 1\r\n\r\n\
        GET /close?71-2 HTTP/1.1\r\nhofst: app.example.test\r\nx-number: 2\r\nconnection: close\r\n\r\n";
    let house = house().await;
    let (replies, rest) = play(&house, [head, data].concat().as_bytes(), &[], &[]).await;
    assert_eq!(replies.iter().map(|reply| reply.status).collect::<Vec<_>>(), [408]);
    assert_eq!(String::from_utf8_lossy(&rest), "");
    while house.web.requests().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // One request, cut off: that is every octet of the one connection.
    let requests = house.web.requests();
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    let (head, mut chunks) = request.split_once("\r\n\r\n").expect("a head");
    assert!(
        head.starts_with("POST /chunked?71-0 HTTP/1.1\r\n") && head.ends_with("\r\ntransfer-encoding: chunked"),
        "{request:?}"
    );
    let mut sent = String::new();
    while let Some((size, rest)) = chunks.split_once("\r\n") {
        let (chunk, rest) = rest.split_at(usize::from_str_radix(size, 16).expect("a size"));
        sent.push_str(chunk);
        chunks = rest.strip_prefix("\r\n").expect("the end of a chunk");
    }
    assert_eq!((sent.as_str(), chunks), (data, ""), "no chunk of size zero ends it: {request:?}");
}
