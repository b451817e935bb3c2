//! Floods of HTTP/2: streams and resets are requests, and what no honest client sends ends the connection.

use std::time::Duration;

use crate::support::frame::{FrameClient, Outcome, raw};
use crate::support::{House, SITE};

const HOUR: Duration = Duration::from_secs(3600);
const HEAD: [(&[u8], &[u8]); 4] =
    [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", SITE.as_bytes()), (b":path", b"/api/x")];
const NO_CONTENT: [(&[u8], &[u8]); 4] =
    [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", SITE.as_bytes()), (b":path", b"/api/y")];
const POST: [(&[u8], &[u8]); 4] =
    [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", SITE.as_bytes()), (b":path", b"/api/x")];
/// The code with which a flood is refused (RFC 9113 §7).
const ENHANCE_YOUR_CALM: u32 = 0xb;

#[tokio::test]
async fn edge_rl_04_streams_of_one_connection_are_counted_one_by_one() {
    let house = House::builder().limit("edge", 30, HOUR).start().await;
    let mut client = FrameClient::connect(&house).await;
    let streams: Vec<u8> = (0..100).flat_map(|_| client.request(&HEAD, false)).collect();
    let mut statuses = client.statuses(streams, 100).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[200; 30].as_slice(), &[429; 70]].concat());
    assert_eq!(house.web.requests().len(), 30);
}

#[tokio::test]
async fn edge_rl_04_a_stream_that_is_reset_counts_like_any_other() {
    let house = House::builder().limit("edge", 10, HOUR).start().await;
    let mut client = FrameClient::connect(&house).await;
    for _ in 0..10 {
        client.ask_and_reset(&HEAD).await;
    }
    assert_eq!(client.ask(&HEAD, None).await, Outcome::Status(429));
}

#[tokio::test]
async fn edge_rl_04_streams_that_are_reset_at_once_end_the_connection() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let streams: Vec<u8> = (0..1000).flat_map(|_| client.request(&HEAD, true)).collect();
    assert_eq!(client.flood(streams).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    let mut other = FrameClient::connect(&house).await;
    assert_eq!(other.ask(&HEAD, None).await, Outcome::Status(200), "others are served");
    assert!(house.web.requests().len() < 100, "next to none of them reached the upstream");
}

#[tokio::test]
async fn http_09_a_head_in_endless_parts_ends_the_connection() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let head = client.endless_head(10_000);
    assert_eq!(client.flood(head).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn a_head_that_grows_by_references_is_refused_and_reaches_nobody() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    // 8 KiB on the wire, 24 MiB when written out.
    let bomb = client.bomb(&HEAD, 8_000);
    assert!(matches!(client.statuses(bomb, 1).await.as_slice(), [] | [431]));
    assert!(house.web.requests().is_empty());
}

/// A kind of frame, and one of its kind that is lawful by itself.
const CONTROL: &[(&str, u8, u8, u32, &[u8])] = &[
    ("SETTINGS", 4, 0, 0, &[]),
    ("SETTINGS that acknowledge nothing", 4, 1, 0, &[]),
    ("SETTINGS that change", 4, 0, 0, &[0, 4, 0, 0, 255, 255]),
    ("PING", 6, 0, 0, &[7; 8]),
    ("PING that answers nothing", 6, 1, 0, &[7; 8]),
    ("PRIORITY", 2, 0, 1, &[0, 0, 0, 0, 9]),
    ("WINDOW_UPDATE", 8, 0, 0, &[0, 0, 0, 1]),
    ("an unknown kind", 0x20, 0, 0, b"x"),
    ("PRIORITY_UPDATE", 16, 0, 0, &[0, 0, 0, 1, b'u', b'=', b'1']),
];

#[tokio::test]
async fn http_09_frames_that_only_cost_are_counted_and_too_many_end_the_connection() {
    let house = House::start().await;
    for (what, kind, flags, stream, payload) in CONTROL {
        let mut client = FrameClient::connect(&house).await;
        let frames = raw(*kind, *flags, *stream, payload).repeat(5_000);
        assert_eq!(client.flood(frames).await, Outcome::GoAway(ENHANCE_YOUR_CALM), "{what}");
    }
    for (what, flags, payload) in [("empty DATA", 0, [].as_slice()), ("padding alone", 8, &[3, 0, 0, 0])] {
        let mut client = FrameClient::connect(&house).await;
        let (mut frames, stream) = client.open(&POST);
        frames.extend(raw(0, flags, stream, payload).repeat(2_000));
        assert_eq!(client.flood(frames).await, Outcome::GoAway(ENHANCE_YOUR_CALM), "{what}");
    }
    let mut other = FrameClient::connect(&house).await;
    assert_eq!(other.ask(&HEAD, None).await, Outcome::Status(200), "others are served");
}

#[tokio::test]
async fn http_09_what_an_honest_client_sends_of_them_passes() {
    let house = House::start().await;
    let body = vec![b'a'; 16 * 1024 * 1024];
    let answer = [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat();
    house.web.answer(move |target| if target == "/api/x" { answer.clone() } else { b"HTTP/1.1 204 No\r\n\r\n".to_vec() });
    let mut client = FrameClient::connect(&house).await;
    // A browser that connects: settings, a tree of priorities, windows, pings.
    let sound = CONTROL.iter().filter(|(what, ..)| !what.ends_with("nothing"));
    let hello: Vec<u8> =
        sound.flat_map(|(_, kind, flags, stream, payload)| raw(*kind, *flags, *stream, payload).repeat(10)).collect();
    let head = client.head_in_parts(&NO_CONTENT, 4);
    assert_eq!(client.statuses([hello, head].concat(), 1).await, [204]);
    // Two windows given back for each of the 1024 frames and more of a fast download, twice what is allowed by itself.
    assert_eq!(client.download(&HEAD).await, 16 * 1024 * 1024);
    assert_eq!(client.ask(&NO_CONTENT, None).await, Outcome::Status(204));
}

#[tokio::test]
async fn http_09_more_than_four_parts_of_a_head_behind_its_first_end_the_connection() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let head = client.head_in_parts(&HEAD, 5);
    assert_eq!(client.flood(head).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    assert!(house.web.requests().is_empty());
}

/// Streams that the door itself has to reset: a window that grows beyond its bound is an error of the stream (RFC 9113 §6.9.1).
fn made_you_reset(client: &mut FrameClient, count: usize) -> Vec<u8> {
    let one = |client: &mut FrameClient| {
        let (head, stream) = client.open(&POST);
        [head, raw(8, 0, stream, &[0x7f, 0xff, 0xff, 0xff])].concat()
    };
    (0..count).flat_map(|_| one(client)).collect()
}

#[tokio::test]
async fn http_09_streams_that_we_are_made_to_reset_end_the_connection() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    // Fewer than the frames of this kind that are allowed by themselves.
    let streams = made_you_reset(&mut client, 400);
    assert_eq!(client.flood(streams).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    assert!(house.web.requests().len() < 200);
}

#[tokio::test]
async fn http_09_heads_that_grow_by_references_end_the_connection() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let bombs: Vec<u8> = (0..200).flat_map(|_| client.bomb(&HEAD, 8_000)).collect();
    assert_eq!(client.flood(bombs).await, Outcome::GoAway(ENHANCE_YOUR_CALM));
    assert!(house.web.requests().is_empty());
}

/// Memory of this process, in octets; the door runs in it.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").trim().parse::<usize>().expect("a number") * 1024
}

#[tokio::test]
async fn http_09_no_flood_makes_memory_grow() {
    let house = House::start().await;
    let flood = async || {
        let house = &house;
        for (_, kind, flags, stream, payload) in CONTROL {
            let frames = raw(*kind, *flags, *stream, payload).repeat(5_000);
            FrameClient::connect(house).await.flood(frames).await;
        }
        let mut client = FrameClient::connect(house).await;
        let resets: Vec<u8> = (0..1000).flat_map(|_| client.request(&HEAD, true)).collect();
        client.flood(resets).await;
        let mut client = FrameClient::connect(house).await;
        let streams = made_you_reset(&mut client, 400);
        client.flood(streams).await;
        let mut client = FrameClient::connect(house).await;
        let head = client.endless_head(10_000);
        client.flood(head).await;
        let mut client = FrameClient::connect(house).await;
        let bombs: Vec<u8> = (0..200).flat_map(|_| client.bomb(&HEAD, 8_000)).collect();
        client.flood(bombs).await;
    };
    // What is there once and stays, such as buffers of the allocator.
    flood().await;
    let before = resident();
    for _ in 0..5 {
        flood().await;
    }
    let grown = resident().saturating_sub(before);
    // One bomb alone is 24 MiB when it is kept.
    assert!(grown < 16 * 1024 * 1024, "{} KiB more", grown / 1024);
}
