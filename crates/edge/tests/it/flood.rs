//! Floods of HTTP/2: streams and resets are requests, and what no honest client sends ends the connection.

use std::time::Duration;

use crate::support::frame::{FrameClient, Outcome};
use crate::support::{House, SITE};

const HOUR: Duration = Duration::from_secs(3600);
const HEAD: [(&[u8], &[u8]); 4] =
    [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", SITE.as_bytes()), (b":path", b"/api/x")];
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
async fn a_head_in_endless_parts_ends_the_connection() {
    let house = House::start().await;
    let mut client = FrameClient::connect(&house).await;
    let head = client.endless_head(10_000);
    assert!(matches!(client.flood(head).await, Outcome::GoAway(_) | Outcome::Closed));
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
