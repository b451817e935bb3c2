//! Clients that hold connections without using them: they lose theirs, and others are served meanwhile (HTTP-10, HTTP-11).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::client::tls_config;
use crate::support::{Client, House, SITE, get};

/// How long a test waits before it fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// Slow clients of each kind: those of heads come over plain text, where a connection costs next to nothing, and a few over TLS, those of
/// bodies over TLS; the same code reads both.
const CROWD: usize = 2000;

/// What a slow client sends: at once, and then again and again.
struct Slow {
    what: &'static str,
    first: &'static str,
    again: &'static str,
    /// Of the answer; `None` for an end without a word.
    status: Option<u16>,
}

const SLOW_HEADS: &[Slow] = &[
    Slow { what: "says nothing", first: "", again: "", status: None },
    Slow { what: "drips fields", first: "GET / HTTP/1.1\r\nhost: app.example.test\r\n", again: "x-a: b\r\n", status: Some(408) },
    Slow { what: "drips a request line", first: "GET /", again: "a", status: Some(408) },
    Slow { what: "stops in a head", first: "GET / HTTP/1.1\r\nhost: app", again: "", status: Some(408) },
];
const SLOW_BODIES: &[Slow] = &[
    Slow {
        what: "drips a body",
        first: "POST /x HTTP/1.1\r\nhost: app.example.test\r\ncontent-length: 9000\r\n\r\n",
        again: "b",
        status: Some(408),
    },
    Slow {
        what: "stops in a body",
        first: "POST /x HTTP/1.1\r\nhost: app.example.test\r\ncontent-length: 9000\r\n\r\nbody",
        again: "",
        status: Some(408),
    },
    Slow {
        what: "drips chunks",
        first: "POST /x HTTP/1.1\r\nhost: app.example.test\r\ntransfer-encoding: chunked\r\n\r\n",
        again: "1\r\nb\r\n",
        status: Some(408),
    },
];

/// Holds a connection as told until the other side ends it; fails when that says something else than it should.
async fn hold(mut client: Client, slow: &Slow) {
    client.send(slow.first).await;
    let said =
        if slow.again.is_empty() { client.rest().await } else { client.drip(slow.again, Duration::from_millis(500)).await };
    let said = String::from_utf8_lossy(&said).into_owned();
    let status = said.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    assert_eq!(status, slow.status, "{}: {said:?}", slow.what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_10_two_thousand_slow_heads_and_as_many_slow_bodies_end_while_others_are_served() {
    let impatient = House::builder().policy(|policy| {
        policy.sizes.connections = 5000;
        // The head has what it has in production; the others would make the test wait longer for the same.
        let times = &mut policy.times;
        assert_eq!([times.head, times.body_idle, times.keep_alive].map(|time| time.as_secs()), [10, 30, 60]);
        (times.body_idle, times.keep_alive) = (Duration::from_secs(10), Duration::from_secs(10));
    });
    let house = impatient.start().await;
    let mut crowd = JoinSet::new();
    // One configuration for all: whoever comes again resumes a session, which costs less.
    let config = Arc::new(tls_config(&house.certificate, &["http/1.1"], rustls::ALL_VERSIONS));
    for (number, slow) in SLOW_BODIES.iter().cycle().take(CROWD).enumerate() {
        if number % 20 == 0 {
            crowd.spawn(hold(house.client().await, &SLOW_HEADS[number / 20 % SLOW_HEADS.len()]));
        }
        let client = Client::tls(house.https, "127.0.0.1", SITE, config.clone()).await.expect("a connection");
        crowd.spawn(hold(client, slow));
    }
    for slow in SLOW_HEADS.iter().cycle().take(CROWD) {
        crowd.spawn(hold(Client::plain(house.http).await, slow));
    }
    // Whoever comes now, or is there already, is served.
    let mut guest = house.client().await;
    for _ in 0..20 {
        assert_eq!(guest.ask(get(SITE, "/")).await.status, 200);
        assert_eq!(house.ask(get(SITE, "/")).await.status, 200);
    }
    assert!(!crowd.is_empty(), "they are still there");
    let ended = tokio::time::timeout(PATIENCE, async {
        while let Some(ended) = crowd.join_next().await {
            ended.expect("ended as it should");
        }
    });
    ended.await.expect("every slow connection is ended");
    assert_eq!(house.ask(get(SITE, "/")).await.status, 200);
}

#[tokio::test]
async fn http_10_a_client_that_has_ended_its_side_is_not_waited_for() {
    let house = House::start().await;
    for (first, status) in [("", None), ("GET / HTTP/1.1\r\nhos", Some("400"))] {
        let mut stream = TcpStream::connect(house.http).await.expect("connected");
        stream.write_all(first.as_bytes()).await.expect("sent");
        stream.shutdown().await.expect("ended");
        let mut said = String::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut said));
        read.await.expect("the other side ends, too").expect("read");
        assert_eq!(said.split(' ').nth(1), status, "{first:?}");
    }
}

#[tokio::test]
async fn http_10_a_connection_carries_a_thousand_requests_and_says_which_is_its_last() {
    let house = House::start().await;
    let mut client = house.client().await;
    for number in 1..=1000 {
        let reply = client.ask(get(SITE, "/")).await;
        assert_eq!((reply.status, reply.header("connection").is_some()), (200, number == 1000), "{number}");
    }
    assert!(client.is_closed().await);
    assert_eq!(house.web.requests().len(), 1000);
}

#[tokio::test]
async fn http_10_heads_have_bounds_and_just_below_them_pass() {
    let house = House::start().await;
    let line = |length: usize| {
        let rest = "GET / HTTP/1.1\r\n".len();
        format!("GET /{} HTTP/1.1\r\nhost: {SITE}\r\n\r\n", "a".repeat(length - rest))
    };
    let fields = |count: usize| format!("GET / HTTP/1.1\r\nhost: {SITE}\r\n{}\r\n", "a: b\r\n".repeat(count - 1));
    let head = |length: usize| {
        let start = format!("GET / HTTP/1.1\r\nhost: {SITE}\r\nx: ");
        let rest = start.len() + 4;
        format!("{start}{}\r\n\r\n", "a".repeat(length - rest))
    };
    for (request, status) in [
        (line(8 * 1024), 200),
        (line(8 * 1024 + 1), 414),
        (fields(100), 200),
        (fields(101), 431),
        (head(16 * 1024), 200),
        (head(16 * 1024 + 1), 431),
    ] {
        let reply = house.ask(&request).await;
        assert_eq!(reply.status, status, "{} octets", request.len());
    }
}

/// A connection from another loopback address.
async fn from(address: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::new(address.parse().expect("an address"), 0)).expect("bound");
    socket.connect(to).await.expect("connected")
}

/// Whether a connection is served: an answer comes, not an end. The answer sends to TLS and has no body.
async fn is_served(stream: &mut TcpStream) -> bool {
    if stream.write_all(get(SITE, "/").as_bytes()).await.is_err() {
        return false;
    }
    let mut said = Vec::new();
    while !said.ends_with(b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, stream.read_buf(&mut said)).await.expect("an answer or an end");
        if read.unwrap_or(0) == 0 {
            return false;
        }
    }
    said.starts_with(b"HTTP/1.1 308 ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_11_connections_of_a_prefix_above_its_share_are_refused_and_the_others_served() {
    let house = House::builder().policy(|policy| policy.sizes.connections = 40).start().await;
    let mut open = Vec::new();
    for _ in 0..40 {
        let mut stream = from("127.0.0.1", house.http).await;
        assert!(is_served(&mut stream).await);
        open.push(stream);
    }
    // 50 000 more, from four that come as fast as they can.
    let mut flood = JoinSet::new();
    for _ in 0..4 {
        let to = house.http;
        flood.spawn(async move {
            for _ in 0..12_500 {
                assert_eq!(from("127.0.0.1", to).await.read(&mut [0]).await.unwrap_or(0), 0, "above the share");
            }
        });
    }
    // Connections that were there are served meanwhile.
    while flood.try_join_next().map(|ended| ended.expect("all were refused")).is_none() {
        for stream in open.iter_mut().step_by(10) {
            assert!(is_served(stream).await);
        }
        // Not so often that a connection comes to its thousandth request.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while let Some(ended) = flood.join_next().await {
        ended.expect("all were refused");
    }
    assert!(!is_served(&mut from("127.0.0.1", house.http).await).await, "above the share");
    assert!(is_served(&mut from("127.0.0.2", house.http).await).await, "another prefix has a share of its own");
    // Connections that were there go on, and one that ends gives its place back.
    open.truncate(1);
    let served = tokio::time::timeout(PATIENCE, async { while !is_served(&mut from("127.0.0.1", house.http).await).await {} });
    served.await.expect("places are free again");
    let kept = open.first_mut().expect("the one that stayed");
    assert!(is_served(kept).await, "it was never touched");
}

#[tokio::test]
async fn http_11_connections_above_the_total_wait_until_there_is_a_place_and_the_open_ones_are_served() {
    // One place more: the listener for TLS holds one for whoever comes there next.
    let house = House::builder().policy(|policy| policy.sizes.connections_total = 301).start().await;
    let mut open = Vec::new();
    for _ in 0..300 {
        let mut stream = from("127.0.0.1", house.http).await;
        assert!(is_served(&mut stream).await);
        open.push(stream);
    }
    let mut waiting = Vec::new();
    for _ in 0..300 {
        let mut stream = from("127.0.0.2", house.http).await;
        stream.write_all(get(SITE, "/").as_bytes()).await.expect("the kernel takes it");
        waiting.push(stream);
    }
    // Each of those that are open is served, while none of those that wait is.
    for stream in &mut open {
        assert!(is_served(stream).await);
    }
    let mut octet = [0; 1];
    for stream in &waiting {
        assert_eq!(stream.try_read(&mut octet).map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    }
    // As places become free, each of them gets its answer.
    drop(open);
    for stream in &mut waiting {
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut octet)).await.expect("an answer");
        assert_eq!((read.is_ok(), octet), (true, *b"H"));
    }
}
