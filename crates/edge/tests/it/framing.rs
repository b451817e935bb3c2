//! HTTP/1.1 as strangers write it.

use crate::support::{Client, House, SITE, get};

/// Sends octets on a fresh connection; the answer must be `status` as JSON with the whole header set, the connection must end,
/// and nothing may have reached the upstream.
async fn refused(house: &House, bytes: &[u8], status: u16) {
    let shown = String::from_utf8_lossy(bytes).into_owned();
    let mut client = house.client().await;
    client.send(bytes).await;
    let reply = client.reply(false).await.unwrap_or_else(|| panic!("no answer to {shown:?}"));
    assert_eq!(reply.status, status, "{shown:?}");
    assert!(!reply.detail().is_empty());
    assert_eq!(reply.header("connection"), Some("close"), "{shown:?}");
    assert!(reply.header("strict-transport-security").is_some());
    assert!(client.is_closed().await, "{shown:?} was answered twice");
    assert_eq!(house.web.requests(), Vec::<String>::new(), "{shown:?} reached the upstream");
}

fn with_field(field: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nhost: app.example.test\r\n".as_slice(), field, b"\r\n\r\n"].concat()
}

#[tokio::test]
async fn http_01_lines_that_two_parsers_could_read_differently_are_refused() {
    let house = House::start().await;
    let fields: &[&[u8]] = &[
        b"x: a\rb",
        b"x: a\0b",
        b"x: a\nb: c",
        b"x: a\x7fb",
        b"x: a\x0bb",
        b"x : a",
        b"x\t: a",
        b" x: a",
        b"x: a\r\n folded",
        b"x: a\r\n\tfolded",
        b": a",
        b"x",
        b"x\x00y: a",
        b"x(y): a",
        b"x\xc3\xa9: a",
        b"x@y: a",
        b"Transfer-Encoding : chunked",
    ];
    for field in fields {
        refused(&house, &with_field(field), 400).await;
    }
    let heads: &[&[u8]] = &[
        b"GET / HTTP/1.1\nhost: app.example.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: app.example.test\n\n",
        b"GET / HTTP/1.1\r\rhost: app.example.test\r\n\r\n",
        b"GET  / HTTP/1.1\r\nhost: app.example.test\r\n\r\n",
        b"GET /\tHTTP/1.1\r\nhost: app.example.test\r\n\r\n",
        b"GET / HTTP/1.1 \r\nhost: app.example.test\r\n\r\n",
        b" GET / HTTP/1.1\r\nhost: app.example.test\r\n\r\n",
        b"GET / HTTP/1.1\r\n host: app.example.test\r\n\r\n",
        b"G(T / HTTP/1.1\r\nhost: app.example.test\r\n\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\nhost: app.example.test\r\n\r\n",
    ];
    for head in heads {
        refused(&house, head, 400).await;
    }
}

#[tokio::test]
async fn http_02_a_body_has_one_plain_length_or_the_request_is_refused_with_all_that_follows() {
    let house = House::start().await;
    let fields = [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
        "content-length: 4\r\ncontent-length: 4",
        "content-length: 4\r\ncontent-length: 5",
        "content-length: 4, 4",
        "content-length: +4",
        "content-length: -4",
        "content-length: 0x4",
        "content-length: 4 4",
        "content-length: 4.0",
        "content-length: ",
        "content-length: four",
        "content-length: 18446744073709551620",
        "content-length: 99999999999999999999999999",
    ];
    for field in fields {
        let smuggled = get(SITE, "/smuggled");
        let request = format!("POST / HTTP/1.1\r\nhost: {SITE}\r\n{field}\r\n\r\n0\r\n\r\n{smuggled}");
        refused(&house, request.as_bytes(), 400).await;
    }
}

#[tokio::test]
async fn http_03_the_only_transfer_coding_is_exactly_chunked() {
    let house = House::start().await;
    let fields: &[&[u8]] = &[
        b"transfer-encoding: chunked, chunked",
        b"transfer-encoding: gzip, chunked",
        b"transfer-encoding: xchunked",
        b"transfer-encoding: chunked;a=b",
        b"transfer-encoding: \x0bchunked",
        b"transfer-encoding: \"chunked\"",
        b"transfer-encoding: identity",
        b"transfer-encoding:",
        b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ntransfer-encoding: identity",
        b"transfer-encoding: chunked\xa0",
    ];
    for field in fields {
        let request = [b"POST / HTTP/1.1\r\nhost: app.example.test\r\n".as_slice(), field, b"\r\n\r\n0\r\n\r\n"].concat();
        refused(&house, &request, 400).await;
    }
    let old = b"POST / HTTP/1.0\r\nhost: app.example.test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    refused(&house, old, 400).await;
    let reply = house.ask(format!("POST / HTTP/1.1\r\nhost: {SITE}\r\ntransfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n")).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn http_12_methods_off_the_list_are_refused_on_every_host_and_reach_no_upstream() {
    let house = House::start().await;
    for host in [SITE, crate::support::GATED] {
        for (method, status) in [("TRACE", 405), ("PUT", 405), ("FOO", 501), ("get", 501), ("PROPFIND", 501), ("PRI", 501)] {
            let reply = house.ask(format!("{method} /x HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
            assert_eq!(reply.status, status, "{method} {host}");
            reply.detail();
            let allow = reply.header("allow");
            assert_eq!(allow.is_some(), status == 405, "{method}");
        }
        let reply = house.ask(format!("CONNECT {host}:443 HTTP/1.1\r\nhost: {host}\r\n\r\n")).await;
        assert_eq!((reply.status, reply.detail().as_str()), (405, "Method not allowed"));
    }
    for method in ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS"] {
        let reply = house.ask(format!("{method} /x HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(reply.status, 200, "{method}");
    }
    assert_eq!(house.web.requests().len(), 6);
    assert!(house.gated.requests().is_empty());
}

#[tokio::test]
async fn http_13_targets_are_in_origin_form_and_hold_nothing_odd() {
    let house = House::start().await;
    let targets: &[&[u8]] = &[
        b"*",
        b"x",
        b"app.example.test:443",
        b"ftp://app.example.test/",
        b"http://app.example.test/",
        b"https://user@app.example.test/",
        b"https://user:pw@app.example.test/",
        b"https:///x",
        b"//",
        b"/#fragment",
        b"/a#b",
        b"/\xc3\xa9",
        b"/%",
        b"/%z",
        b"/%zz",
        b"/%2",
        b"/?a=%",
        b"/?a=%zz",
        b"/?a=\"b\"",
        b"/?a=<b>",
        b"/?\xff",
    ];
    for target in targets {
        let request = [b"GET ".as_slice(), target, b" HTTP/1.1\r\nhost: app.example.test\r\n\r\n"].concat();
        let reply = house.ask(&request).await;
        assert_eq!(reply.status, 400, "{}", String::from_utf8_lossy(target));
        reply.detail();
    }
    assert!(house.web.requests().is_empty());
    let reply = house.ask(format!("OPTIONS * HTTP/1.1\r\nhost: {SITE}\r\n\r\n")).await;
    assert_eq!(reply.status, 200, "about the whole host");
    let reply = house.ask(get(SITE, "/a?b=[1]{2}|3\\4^5`%20&c=/?")).await;
    assert_eq!(reply.status, 200, "what browsers leave unescaped in a query");
}

#[tokio::test]
async fn http_14_neither_http_0_9_nor_h2c_by_upgrade_or_by_prior_knowledge() {
    let house = House::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for head in [&b"GET /\r\n"[..], b"GET / HTTP/0.9\r\n\r\n", b"GET / HTTP/2.0\r\nhost: app.example.test\r\n\r\n", preface] {
        refused(&house, head, 400).await;
    }
    let mut plain = Client::plain(house.http).await;
    plain.send(preface).await;
    assert_eq!(plain.reply(false).await.expect("an answer").status, 400);
    assert!(plain.is_closed().await);
    let upgrade = format!(
        "GET /x HTTP/1.1\r\nhost: {SITE}\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n"
    );
    let reply = house.ask(upgrade).await;
    assert_eq!(reply.status, 200, "answered as if nothing had been asked for");
    let seen = house.web.requests().concat().to_ascii_lowercase();
    assert!(!seen.contains("h2c") && !seen.contains("http2-settings"), "{seen}");
}

#[tokio::test]
async fn http_1_0_is_served_and_closed() {
    let house = House::start().await;
    let mut client = house.client().await;
    let reply = client.ask(format!("GET /x HTTP/1.0\r\nhost: {SITE}\r\n\r\n")).await;
    assert_eq!(reply.status, 200);
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn heads_beyond_the_bounds_are_refused_with_their_own_status() {
    let house = House::start().await;
    refused(&house, format!("GET /{} HTTP/1.1\r\nhost: {SITE}\r\n\r\n", "a".repeat(8200)).as_bytes(), 414).await;
    refused(&house, &with_field(format!("x: {}", "a".repeat(17_000)).as_bytes()), 431).await;
    refused(&house, &with_field("x: a\r\n".repeat(101).trim_end().as_bytes()), 431).await;
    let reply = house.ask(with_field("x: a\r\n".repeat(98).trim_end().as_bytes())).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn refusals_come_in_the_order_of_the_requests() {
    let house = House::start().await;
    let mut client = house.client().await;
    client.send(format!("{}{}GET / HTTP/1.1\r\nbad\r\n\r\n{}", get(SITE, "/1"), get(SITE, "/2"), get(SITE, "/3"))).await;
    let statuses = [client.reply(false).await, client.reply(false).await, client.reply(false).await];
    assert_eq!(statuses.map(|reply| reply.expect("an answer").status), [200, 200, 400]);
    assert!(client.is_closed().await);
    assert_eq!(house.web.targets(), ["/1", "/2"]);
}

#[tokio::test]
async fn octets_that_arrive_one_by_one_are_read_the_same() {
    let house = House::start().await;
    let mut client = house.client().await;
    let request = format!(
        "POST /x HTTP/1.1\r\nhost: {SITE}\r\ntransfer-encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nt: v\r\n\r\n{}",
        get(SITE, "/2")
    );
    for octet in request.as_bytes() {
        client.send([*octet]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.reply(false).await.expect("an answer").status, 200);
    assert_eq!(client.reply(false).await.expect("an answer").status, 200);
    assert_eq!(house.web.targets(), ["/x", "/2"]);
}

#[tokio::test]
async fn a_head_that_stops_is_answered_408_and_a_silent_connection_ends_without_a_word() {
    let house = House::builder()
        .policy(|policy| {
            policy.times.head = std::time::Duration::from_millis(100);
            policy.times.keep_alive = std::time::Duration::from_millis(300);
        })
        .start()
        .await;
    let mut client = house.client().await;
    client.send("GET / HTTP/1.1\r\nhost").await;
    let reply = client.reply(false).await.expect("an answer");
    assert_eq!((reply.status, reply.header("connection")), (408, Some("close")));
    assert!(client.is_closed().await);
    assert!(house.client().await.is_closed().await, "nothing was said, so nothing is answered");
}
