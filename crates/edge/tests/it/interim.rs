//! Answers before the answer: 1xx of upstreams, upgrades that come about and upgrades that do not.

use std::time::Duration;

use doorward_policy::Audience;

use crate::headers::check;
use crate::script::{Arrival, Turn, Upstream, ok};
use crate::support::{House, SITE, get};
use crate::upgrade::{AGREED, before, handshake};

/// Everything that an upstream could want to say too early, with a length that nobody must believe.
const EARLY: &str = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n\
    HTTP/1.1 102 Processing\r\nSet-Cookie: early=1\r\n\r\n\
    HTTP/1.1 103 Early Hints\r\nLink: <https://evil.test/x.js>; rel=preload; as=script\r\n\
    Content-Security-Policy: default-src *\r\nContent-Length: 5\r\n\r\n";

#[tokio::test]
async fn hdr_12_a_101_carries_what_the_upgrade_needs_and_nothing_of_ours() {
    let upstream = Upstream::start(|_| Turn::Echo(AGREED.into())).await;
    let house = before(&upstream).start().await;
    let mut client = house.client().await;
    let reply = client.ask(handshake("/live")).await;
    assert_eq!(reply.status, 101);
    let mut names: Vec<&str> = reply.headers.iter().map(|(name, _)| name.as_str()).filter(|name| *name != "date").collect();
    names.sort_unstable();
    assert_eq!(names, ["connection", "sec-websocket-accept", "sec-websocket-protocol", "set-cookie", "upgrade"]);
    assert_eq!(reply.header("upgrade"), Some("websocket"));
    assert_eq!(reply.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    // The next octet is the other protocol's.
    client.send(b"\x89\x00").await;
    assert_eq!(client.take(2).await.as_deref(), Some(&b"\x89\x00"[..]));
}

fn refusal(arrival: &Arrival) -> Turn {
    let target = arrival.request_line().split(' ').nth(1).unwrap_or_default();
    match target {
        "/live/403" => Turn::Say(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_vec()),
        "/live/426" => Turn::Say(
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n".to_vec(),
        ),
        "/live/other-key" => Turn::Say(AGREED.replace("s3pP", "AAAA").into()),
        "/live/other-protocol" => Turn::Say(AGREED.replace("Upgrade: websocket", "Upgrade: h2c").into()),
        "/live/silent-101" => Turn::Say(b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec()),
        "/unasked" => Turn::Say(AGREED.into()),
        _ => ok("plain"),
    }
}

#[tokio::test]
async fn hdr_12_the_final_answer_to_a_failed_upgrade_carries_the_whole_set() {
    let upstream = Upstream::start(refusal).await;
    let house = before(&upstream).start().await;
    let foreign = handshake("/live").replace(&format!("origin: https://{SITE}"), "origin: https://evil.test");
    let silent = handshake("/live").replace(&format!("origin: https://{SITE}\r\n"), "");
    let cases = [
        (403, handshake("/live/403"), Audience::PublicPage),
        (426, handshake("/live/426"), Audience::PublicPage),
        (502, handshake("/live/other-key"), Audience::PublicPage),
        (502, handshake("/live/other-protocol"), Audience::PublicPage),
        (502, handshake("/live/silent-101"), Audience::PublicPage),
        (403, foreign, Audience::PublicPage),
        (403, silent, Audience::PublicPage),
        // Where no upgrade is to be had, or none was asked for properly, the request is a plain one.
        (200, handshake("/x"), Audience::PublicPage),
        (200, handshake("/api/x"), Audience::Api),
        (200, handshake("/live").replace("version: 13", "version: 8"), Audience::PublicPage),
        (200, handshake("/live").replace("dGhlIHNhbXBsZSBub25jZQ==", "c2hvcnQ="), Audience::PublicPage),
        (404, handshake("/api/auth/nope"), Audience::Api),
        (401, handshake("/members"), Audience::PublicPage),
        (421, handshake("/live").replace(SITE, "evil.example"), Audience::Api),
        (502, get(SITE, "/unasked"), Audience::PublicPage),
    ];
    for (status, request, audience) in cases {
        let reply = house.ask(&request).await;
        assert_eq!(reply.status, status, "{request}");
        check(&house, &reply, audience, &request);
        assert_eq!(reply.header("upgrade"), None, "{request}");
        assert!(reply.header("sec-websocket-accept").is_none() && reply.header("x-doorward-user").is_none(), "{request}");
    }
}

#[tokio::test]
async fn hdr_12_what_an_upstream_says_too_early_stays_inside() {
    let upstream = Upstream::start(|arrival: &Arrival| {
        let last = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast";
        Turn::Say(if arrival.request_line().contains("/live") { [EARLY, AGREED].concat() } else { [EARLY, last].concat() }.into())
    })
    .await;
    let house = before(&upstream).start().await;
    for (target, audience) in [("/x", Audience::PublicPage), ("/api/x", Audience::Api)] {
        let mut client = house.client().await;
        client.send(format!("GET {target} HTTP/1.1\r\nhost: {SITE}\r\nconnection: close\r\n\r\n")).await;
        let text = String::from_utf8(client.rest().await).expect("text");
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\r\n\r\nlast"), "{text}");
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{text}");
        let lower = text.to_ascii_lowercase();
        assert!(!["evil", "x-early", "early=", "default-src *"].iter().any(|word| lower.contains(word)), "{text}");
        // The connection is in step: the length of an interim answer counted for nothing.
        let reply = house.ask(get(SITE, target)).await;
        assert_eq!(reply.body, "last");
        check(&house, &reply, audience, target);
    }
    let mut client = house.client().await;
    client.send(handshake("/live")).await;
    let line = client.line().await.expect("an answer");
    assert!(line.starts_with("HTTP/1.1 101 "), "{line}");
}

#[tokio::test]
async fn hdr_12_our_own_100_is_bare_and_the_answer_behind_it_is_whole() {
    let house = House::start().await;
    let mut client = house.client().await;
    let head = format!("POST /api/auth/echo HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n");
    client.send(head).await;
    assert_eq!(client.line().await.as_deref(), Some("HTTP/1.1 100 Continue\r\n"));
    assert_eq!(client.line().await.as_deref(), Some("\r\n"), "not a single field");
    client.send(b"{}").await;
    let reply = client.reply(false).await.expect("an answer");
    assert_eq!(reply.status, 200);
    check(&house, &reply, Audience::Api, "behind 100");
}

#[tokio::test]
async fn an_upstream_that_only_ever_says_1xx_has_not_answered() {
    let again = b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n".repeat(64);
    let upstream = Upstream::start(move |_| Turn::Flood(Vec::new(), again.clone())).await;
    let house = before(&upstream).policy(|policy| policy.times.first_byte = Duration::from_millis(150)).start().await;
    let reply = house.ask(get(SITE, "/x")).await;
    assert!(matches!(reply.status, 502 | 504), "{reply:?}");
    check(&house, &reply, Audience::PublicPage, "1xx for ever");
}
