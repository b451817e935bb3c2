//! Bodies: their framing, their length, and answers that come before their end.

use crate::support::{House, SITE, get};

fn chunked(target: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("POST {target} HTTP/1.1\r\nhost: {SITE}\r\ntransfer-encoding: chunked\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn http_04_chunks_are_read_strictly() {
    let house = House::start().await;
    let long_extension = format!("3;{}\r\nabc\r\n0\r\n\r\n", "a".repeat(300));
    let bodies: &[&[u8]] = &[
        b"3;\nabc\r\n0\r\n\r\n",
        b"3;a\nb\r\nabc\r\n0\r\n\r\n",
        b"3;a\rb\r\nabc\r\n0\r\n\r\n",
        b"3\nabc\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
        b"-1\r\nabc\r\n0\r\n\r\n",
        b"+3\r\nabc\r\n0\r\n\r\n",
        b" 3\r\nabc\r\n0\r\n\r\n",
        b"3 \r\nabc\r\n0\r\n\r\n",
        b"3 ;a\r\nabc\r\n0\r\n\r\n",
        b"\r\nabc\r\n0\r\n\r\n",
        b"g\r\nabc\r\n0\r\n\r\n",
        b"00000000000000003\r\nabc\r\n0\r\n\r\n",
        b"10000000000000000\r\nabc\r\n0\r\n\r\n",
        b"3;\x00\r\nabc\r\n0\r\n\r\n",
        b"0\r\nbad trailer\r\n\r\n",
        b"0\r\nt: v\n\r\n",
        long_extension.as_bytes(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(body);
        for target in ["/api/auth/echo", "/upload"] {
            let mut client = house.client().await;
            client.send([chunked(target, body), get(SITE, "/smuggled").into_bytes()].concat()).await;
            let reply = client.reply(false).await.unwrap_or_else(|| panic!("no answer to {shown:?}"));
            assert_eq!((reply.status, reply.detail().as_str()), (400, "Bad request"), "{target} {shown:?}");
            assert!(client.is_closed().await, "{shown:?}");
        }
    }
    assert!(!house.web.targets().contains(&"/smuggled".to_owned()));
}

#[tokio::test]
async fn http_04_extensions_and_trailers_go_no_further() {
    let house = House::start().await;
    let mut client = house.client().await;
    let body = b"3;name=\"secret\"\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-doorward-user: root\r\ncontent-length: 7\r\n\r\n";
    assert_eq!(client.ask(chunked("/upload", body)).await.status, 200);
    assert_eq!(client.ask(get(SITE, "/next")).await.status, 200, "the framing was followed to its end");
    let seen = house.web.requests()[0].to_ascii_lowercase();
    assert!(!seen.contains("secret") && !seen.contains("root") && !seen.contains("content-length: 7"), "{seen}");
}

#[tokio::test]
async fn http_05_a_waiting_client_is_told_to_go_on_or_gets_its_answer_and_the_end() {
    let house = House::start().await;
    let head = |target: &str, expect: &str| {
        format!("POST {target} HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 5\r\nexpect: {expect}\r\n\r\n")
    };
    // The body is wanted: 100 first.
    let mut client = house.client().await;
    client.send(head("/api/auth/echo", "100-continue")).await;
    assert_eq!(client.line().await.as_deref(), Some("HTTP/1.1 100 Continue\r\n"));
    assert_eq!(client.line().await.as_deref(), Some("\r\n"));
    let reply = client.ask("hello").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, r#"{"octets":5}"#));
    assert_eq!(client.ask(get(SITE, "/next")).await.status, 200, "and the connection goes on");
    // It is not wanted: the answer and the end, whatever the client sends then.
    for target in ["/api/auth/ignore", "/members"] {
        let mut client = house.client().await;
        client.send(head(target, "100-continue")).await;
        let first = client.line().await.expect("an answer");
        assert!(first.starts_with("HTTP/1.1 40"), "{first}");
        client.send(get(SITE, "/smuggled")).await;
        let rest = String::from_utf8_lossy(&client.rest().await).into_owned();
        assert!(rest.contains("connection: close\r\n") && !rest.contains("HTTP/1.1"), "{rest}");
    }
    // Anything else is not understood.
    let reply = house.ask(head("/api/auth/echo", "200-ok")).await;
    assert_eq!((reply.status, reply.header("connection")), (417, Some("close")));
    assert_eq!(house.web.targets(), ["/next"]);
}

#[tokio::test]
async fn http_05_an_answer_before_the_end_of_the_body_ends_the_connection() {
    let house = House::start().await;
    let mut client = house.client().await;
    client.send(format!("POST /api/auth/ignore HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 500\r\n\r\nfirst")).await;
    let reply = client.reply(false).await.expect("an answer");
    assert_eq!((reply.status, reply.header("connection")), (403, Some("close")));
    client.send(get(SITE, "/smuggled")).await;
    assert!(client.is_closed().await);
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn http_06_a_body_is_never_taken_for_the_next_request_whatever_the_method() {
    let house = House::start().await;
    let inner = get(SITE, "/smuggled");
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "POST"] {
        for target in ["/outer", "/api/auth/status/200", "/api/nope"] {
            let mut client = house.client().await;
            let head = format!("{method} {target} HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: {}\r\n\r\n", inner.len());
            client.send(format!("{head}{inner}{}", get(SITE, "/next"))).await;
            let first = client.reply(method == "HEAD").await.expect("an answer");
            // Either the body was read and the next request answered, or the connection ended; never a third answer.
            if first.header("connection") != Some("close") {
                assert_eq!(client.reply(false).await.expect("the next answer").status, 200);
                client.end().await;
            }
            assert!(client.is_closed().await, "{method} {target}");
        }
    }
    assert!(!house.web.targets().contains(&"/smuggled".to_owned()), "{:?}", house.web.targets());
}

#[tokio::test]
async fn http_07_upstreams_get_fresh_framing_with_exactly_one_length() {
    let house = House::start().await;
    let mut client = house.client().await;
    client.ask(chunked("/a", b"003;x\r\nabc\r\n1\r\nd\r\n000\r\n\r\n")).await;
    client.ask(format!("POST /b HTTP/1.1\r\nHost: {SITE}\r\ncontent-LENGTH:\t0004 \r\n\r\nabcd")).await;
    client.ask(get(SITE, "/c")).await;
    for (request, body) in house.web.requests().iter().zip(["abcd", "abcd", ""]) {
        let (head, rest) = request.split_once("\r\n\r\n").expect("a head");
        let head = head.to_ascii_lowercase();
        let lengths = head.matches("\r\ncontent-length: ").count();
        let codings = head.matches("\r\ntransfer-encoding: chunked").count();
        assert_eq!(lengths + codings, usize::from(!body.is_empty()), "{head}");
        let plain = if codings == 1 { unchunk(rest) } else { rest.to_owned() };
        assert_eq!(plain, body);
        assert!(!head.contains("0004") && !rest.contains(";x") && !rest.contains("003"), "{head}{rest}");
    }
}

fn unchunk(mut rest: &str) -> String {
    let mut out = String::new();
    loop {
        let (size, after) = rest.split_once("\r\n").expect("a size");
        let size = usize::from_str_radix(size, 16).expect("hexadecimal");
        if size == 0 {
            assert_eq!(after, "\r\n");
            return out;
        }
        out.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").expect("the end of a chunk");
    }
}

#[tokio::test]
async fn bodies_beyond_the_cap_are_refused_by_their_length_or_when_they_reach_it() {
    let house = House::builder().policy(|policy| policy.sizes.upstream_body = 32 * 1024).start().await;
    for (target, cap) in [("/api/auth/echo", 64 * 1024), ("/upload", 32 * 1024)] {
        let declared = format!("POST {target} HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: {}\r\n\r\n", cap + 1);
        let reply = house.ask(declared).await;
        assert_eq!((reply.status, reply.header("connection")), (413, Some("close")), "{target}");
        let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", cap + 1, "a".repeat(cap + 1));
        let reply = house.ask(chunked(target, body.as_bytes())).await;
        assert_eq!((reply.status, reply.detail().as_str()), (413, "Request body too large"), "{target}");
        let body = format!("{cap:x}\r\n{}\r\n0\r\n\r\n", "a".repeat(cap));
        assert_eq!(house.ask(chunked(target, body.as_bytes())).await.status, 200, "{target}");
    }
}

#[tokio::test]
async fn a_body_that_trickles_is_answered_408() {
    let house = House::builder().policy(|policy| policy.times.body_idle = std::time::Duration::from_millis(100)).start().await;
    let mut client = house.client().await;
    client.send(format!("POST /api/auth/echo HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 500\r\n\r\nslow")).await;
    let reply = client.reply(false).await.expect("an answer");
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
}
