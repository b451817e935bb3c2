//! HTTP/1.1 octets as an attacker writes them. Everything refused here must leave the upstreams without a single octet.

use std::time::Duration;

use doorward_testkit::{Act, Reply, detail};

use crate::site::Site;

/// Sends octets on a fresh connection and reads every answer until the door closes, for at most a moment after the last.
fn throw(site: &Site, bytes: &[u8]) -> (Vec<Reply>, bool) {
    let mut raw = site.house.raw();
    raw.set_patience(Duration::from_secs(3));
    raw.send_what_it_takes(bytes);
    raw.replies_until_closed()
}

/// What follows a refused request on the same connection must never be taken for a request.
fn smuggled(site: &Site) -> String {
    format!("GET /smuggled HTTP/1.1\r\nHost: {}\r\n\r\n", site.house.authority())
}

/// Asserts one refusal with one of the statuses, a closed connection, silent upstreams.
#[track_caller]
fn assert_refused(site: &Site, bytes: &[u8], statuses: &[u16]) {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
    let (replies, closed) = throw(site, &[bytes, smuggled(site).as_bytes()].concat());
    assert_eq!(replies.len(), 1, "{shown:?}: {replies:?}");
    assert!(statuses.contains(&replies[0].status), "{shown:?}: {:?}", replies[0]);
    assert!(closed, "the connection stays open after {shown:?}");
    assert!(replies[0].header("strict-transport-security").is_some(), "{shown:?}: {:?}", replies[0]);
    site.assert_upstreams_untouched(&shown);
}

/// `GET /` with these lines in place of well-behaved ones.
fn get_with(site: &Site, lines: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", site.house.authority()).into_bytes()
}

fn post_with(site: &Site, lines: &str, body: &str) -> Vec<u8> {
    format!("POST /x HTTP/1.1\r\nHost: {}\r\n{lines}\r\n{body}", site.house.authority()).into_bytes()
}

#[test]
fn http_01_heads_that_two_servers_could_read_differently_are_refused() {
    let mut site = Site::start();
    let own = site.house.authority();
    let lines: [&[u8]; 28] = [
        b"A: b\rC: d\r\n",
        b"A: b\nC: d\r\n",
        b"A: b\0c\r\n",
        b"A\0: b\r\n",
        b"A: b\r\r\n",
        b"A : b\r\n",
        b"A\t: b\r\n",
        b"A: b\r\n folded\r\n",
        b"A: b\r\n\tfolded\r\n",
        b" A: b\r\n",
        b"\tA: b\r\n",
        b": b\r\n",
        b"A\r\n",
        b"A b: c\r\n",
        b"A(b): c\r\n",
        b"A\"b: c\r\n",
        b"A,b: c\r\n",
        b"A/b: c\r\n",
        b"A[b]: c\r\n",
        b"A{b}: c\r\n",
        b"A\x7f: b\r\n",
        b"A\x80: b\r\n",
        b"\xc3\xa4: b\r\n",
        b"A: b\x01c\r\n",
        b"A: b\x1bc\r\n",
        b"A: b\x7fc\r\n",
        b"A: b\x0bc\r\n",
        b"A: b\x08c\r\n",
    ];
    for line in lines {
        let head = format!("GET / HTTP/1.1\r\nHost: {own}\r\n");
        assert_refused(&site, &[head.as_bytes(), line, b"\r\n"].concat(), &[400]);
    }
    for head in [
        format!("GET / HTTP/1.1\nHost: {own}\n\n"),
        format!("GET / HTTP/1.1\r\nHost: {own}\n\r\n"),
        format!("GET / HTTP/1.1\rHost: {own}\r\r"),
        format!("GET  / HTTP/1.1\r\nHost: {own}\r\n\r\n"),
        format!("GET /  HTTP/1.1\r\nHost: {own}\r\n\r\n"),
        format!("GET\t/\tHTTP/1.1\r\nHost: {own}\r\n\r\n"),
        format!(" GET / HTTP/1.1\r\nHost: {own}\r\n\r\n"),
        format!("GET / HTTP/1.1 \r\nHost: {own}\r\n\r\n"),
        format!("GET / HTTP/1.1 x\r\nHost: {own}\r\n\r\n"),
        format!("GET / http/1.1\r\nHost: {own}\r\n\r\n"),
        format!("GET / HTTP/01.1\r\nHost: {own}\r\n\r\n"),
        format!("GET / HTTP/1.10\r\nHost: {own}\r\n\r\n"),
        format!("GET / HTTP/1,1\r\nHost: {own}\r\n\r\n"),
        format!("GET /\r\nHost: {own}\r\n\r\n"),
        format!("GE\u{0}T / HTTP/1.1\r\nHost: {own}\r\n\r\n"),
        format!("G(T / HTTP/1.1\r\nHost: {own}\r\n\r\n"),
    ] {
        // A CR that no LF follows never ends a head: the door may say so at once or wait in vain for the rest.
        assert_refused(&site, head.as_bytes(), &[400, 405, 501]);
    }
    for version in ["HTTP/2.0", "HTTP/3.0", "HTTP/0.9"] {
        assert_refused(&site, format!("GET / {version}\r\nHost: {own}\r\n\r\n").as_bytes(), &[400, 505]);
    }
    site.house.assert_alive();
}

#[test]
fn http_02_lengths_that_can_be_read_differently_are_refused() {
    let mut site = Site::start();
    for lines in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 0\r\ncontent-length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 5,\r\n",
        "Content-Length: ,5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: -0\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 5h\r\n",
        "Content-Length: 5.0\r\n",
        "Content-Length: 5e0\r\n",
        "Content-Length: 5 5\r\n",
        "Content-Length: 5;\r\n",
        "Content-Length: \"5\"\r\n",
        "Content-Length: \r\n",
        "Content-Length:\r\n",
        "Content-Length: x\r\n",
        "Content-Length: \u{665}\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 18446744073709551621\r\n",
        "Content-Length: 99999999999999999999999999999999\r\n",
    ] {
        assert_refused(&site, &post_with(&site, lines, "hello"), &[400]);
    }
    site.house.assert_alive();
}

#[test]
fn http_02_what_is_pipelined_behind_an_ambiguous_length_is_never_executed() {
    let site = Site::start();
    let inner = smuggled(&site);
    let length = inner.len() + 5;
    for (lines, body) in [
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), format!("0\r\n\r\n{inner}")),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n".to_owned(), format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len())),
        (format!("Content-Length: 0\r\nContent-Length: {}\r\n", inner.len()), inner.clone()),
        (format!("Content-Length: {}\r\nContent-Length: 0\r\n", inner.len()), inner.clone()),
    ] {
        assert_refused(&site, &post_with(&site, &lines, &body), &[400]);
    }
}

#[test]
fn http_03_a_transfer_encoding_is_chunked_or_nothing() {
    let mut site = Site::start();
    for line in [
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked;a",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: \u{b}chunked",
        "Transfer-Encoding: chunked\u{b}",
        "Transfer-Encoding: chunk",
        "Transfer-Encoding: ",
        "Transfer-Encoding:",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: gzip",
    ] {
        let bytes = post_with(&site, &format!("{line}\r\n"), "5\r\nhello\r\n0\r\n\r\n");
        assert_refused(&site, &bytes, &[400, 501]);
    }
    let old = format!(
        "POST /x HTTP/1.0\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        site.house.authority()
    );
    assert_refused(&site, old.as_bytes(), &[400, 501, 505]);
    for case in ["chunked", "Chunked", "CHUNKED"] {
        site.clear();
        let bytes = post_with(&site, &format!("Transfer-Encoding: {case}\r\n"), "5\r\nhello\r\n0\r\n\r\n");
        assert_eq!(site.house.raw().ask(bytes).json()["body"], "hello", "{case}");
    }
    site.house.assert_alive();
}

#[test]
fn http_04_chunks_are_read_strictly() {
    let mut site = Site::start();
    for body in [
        "5;\nhello\r\n0\r\n\r\n",
        "5;a\nhello\r\n0\r\n\r\n",
        "5;a=b\rc\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\n0\n\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhelloo\r\n0\r\n\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
        "5\rhello\r\n0\r\n\r\n",
        "g\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        ";a\r\nhello\r\n0\r\n\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5_0\r\nhello\r\n0\r\n\r\n",
        "5\u{0}\r\nhello\r\n0\r\n\r\n",
    ] {
        let bytes = post_with(&site, "Transfer-Encoding: chunked\r\n", body);
        let (replies, closed) = throw(&site, &[&bytes[..], smuggled(&site).as_bytes()].concat());
        assert!(closed, "open after {body:?}");
        // The head was sound: the upstream may have begun to read. It must not have got a whole request, nor a second one.
        assert!(
            replies.len() <= 1 && replies.iter().all(|reply| matches!(reply.status, 400 | 413 | 502)),
            "{body:?}: {replies:?}"
        );
        assert!(replies.first().is_some_and(|reply| reply.status != 502), "{body:?}: {replies:?}");
        assert_eq!(site.web.count(), 0, "{body:?}: {:?}", site.web.requests());
    }
    let long = format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(100_000));
    let (replies, closed) = throw(&site, &post_with(&site, "Transfer-Encoding: chunked\r\n", &long));
    assert!(closed && replies.iter().all(|reply| reply.status == 400 || reply.status == 413), "unbounded extension: {replies:?}");
    site.house.assert_alive();
}

#[test]
fn http_04_extensions_and_trailers_end_at_the_door() {
    let site = Site::start();
    let body =
        "5;a=b;c=\"d\"\r\nhello\r\n1 \r\n!\r\n0;e\r\nX-Trailer: 1\r\nX-Forwarded-For: 9.9.9.9\r\nContent-Length: 3\r\n\r\n";
    let bytes = post_with(&site, "Transfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n", &body.replace("1 \r\n", "1\r\n"));
    let reply = site.house.raw().ask(bytes);
    if reply.status == 400 {
        // Refusing a trailer that would be framing is as good as dropping it.
        site.assert_upstreams_untouched("a trailer");
        return;
    }
    assert_eq!(reply.json()["body"], "hello!", "{reply:?}");
    let raw = String::from_utf8_lossy(&site.web.last().raw).into_owned();
    let after_head = raw.split_once("\r\n\r\n").unwrap().1;
    assert!(!after_head.contains(';') && !after_head.to_lowercase().contains("trailer") && !raw.contains("9.9.9.9"), "{raw}");
}

#[test]
fn http_05_expectations_are_met_or_refused_and_never_desynchronise() {
    let site = Site::start();
    let own = site.house.authority();
    let inner = smuggled(&site);
    // Met: the body comes after the invitation.
    let mut raw = site.house.raw();
    raw.send(post_with(&site, "Content-Length: 5\r\nExpect: 100-continue\r\n", ""));
    raw.set_patience(Duration::from_millis(300));
    let _ = raw.read_exact(1_000_000);
    raw.set_patience(Duration::from_secs(10));
    raw.send("hello");
    let reply = raw.reply();
    assert!(reply.status == 417 || reply.json()["body"] == "hello", "{reply:?}");
    let expected = site.web.requests();
    assert!(expected.iter().all(|request| request.all("expect").is_empty()), "the door has met it already: {expected:?}");
    // An early refusal with an unsent body: the connection closes, and what follows is no request.
    site.clear();
    for (path, lines, status) in [
        ("/api/auth/logout", "Content-Type: application/json\r\n", &[401_u16, 403][..]),
        ("/api/auth/login", "Content-Type: text/plain\r\n", &[415]),
        ("/api/auth/nope", "", &[404]),
        ("/members/", "", &[401, 403]),
    ] {
        let length = inner.len();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: {own}\r\n{lines}Content-Length: {length}\r\nExpect: 100-continue\r\n\r\n");
        let mut raw = site.house.raw();
        raw.set_patience(Duration::from_secs(4));
        raw.send(head);
        let reply = raw.reply();
        assert!(status.contains(&reply.status) || reply.status == 417, "{path}: {reply:?}");
        raw.send_what_it_takes(&inner);
        let (more, closed) = raw.replies_until_closed();
        // Either the connection is closed, or the octets were taken for the body that was announced.
        assert!(more.is_empty(), "{path}: a body was executed: {more:?}");
        assert!(closed || reply.header("connection").is_none(), "{path}");
    }
    for value in ["100-continue, x", "x", "200-ok", "100-continue\r\nExpect: 100-continue"] {
        let bytes = post_with(&site, &format!("Content-Length: {}\r\nExpect: {value}\r\n", inner.len()), &inner);
        let (replies, _) = throw(&site, &bytes);
        assert_eq!(replies.len(), 1, "{value}: {replies:?}");
        assert!(matches!(replies[0].status, 400 | 417) || site.web.count() == 1, "{value}: {replies:?}");
        assert!(site.web.requests().iter().all(|request| request.target == "/x"), "{value}");
        site.clear();
    }
    site.assert_upstreams_untouched("an expectation");
}

#[test]
fn http_06_a_body_where_none_is_expected_is_read_by_its_framing_or_refused() {
    let site = Site::start();
    let own = site.house.authority();
    let inner = smuggled(&site);
    for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
        for path in ["/", "/api/x", "/api/health", "/api/auth/me", "/account/sign-in", "/api/auth/nope"] {
            site.clear();
            let mut raw = site.house.raw();
            raw.set_patience(Duration::from_secs(3));
            let head = format!("{method} {path} HTTP/1.1\r\nHost: {own}\r\nContent-Length: {}\r\n\r\n", inner.len());
            raw.send_what_it_takes(format!("{head}{inner}"));
            let first = raw.read_reply_to(method).unwrap();
            // Whatever the first answer was, the body is no request: a second answer belongs to what we send now.
            raw.send_what_it_takes(format!("GET /second HTTP/1.1\r\nHost: {own}\r\n\r\n"));
            if let Ok(second) = raw.read_reply() {
                assert_eq!(second.json()["target"], "/second", "{method} {path}: {first:?}\n{second:?}");
            }
            for upstream in site.upstreams() {
                let smuggled = upstream.requests().iter().any(|request| request.target == "/smuggled");
                assert!(!smuggled, "{method} {path}: {:?}", upstream.requests());
            }
        }
    }
}

#[test]
fn http_07_the_upstream_gets_framing_of_the_doors_own_making() {
    let site = Site::start();
    for (lines, body) in [
        ("Content-Length: 5\r\n", "hello"),
        ("content-length:   5\r\n", "hello"),
        ("Content-Length: 00005\r\n", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("transfer-encoding:CHUNKED\r\n", "0005\r\nhello\r\n0000\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "1;x\r\nh\r\n4\r\nello\r\n0\r\n\r\n"),
    ] {
        site.clear();
        let reply = site.house.raw().ask(post_with(&site, &format!("{lines}Connection: keep-alive\r\n"), body));
        if reply.status == 400 {
            site.assert_upstreams_untouched(lines);
            continue;
        }
        let request = site.web.last();
        assert_eq!(request.body, b"hello", "{lines:?}");
        let (length, encoding) = (request.all("content-length"), request.all("transfer-encoding"));
        match (&length[..], &encoding[..]) {
            (["5"], []) => assert!(request.raw.ends_with(b"\r\n\r\nhello"), "{request:?}"),
            ([], ["chunked"]) => {
                let raw = String::from_utf8_lossy(&request.raw).into_owned();
                assert!(raw.ends_with("\r\n0\r\n\r\n") && !raw.contains(';') && !raw.contains("0005"), "{raw}");
            }
            other => panic!("{lines:?} came as {other:?}"),
        }
    }
    // What has no body gets no framing.
    site.clear();
    site.house.raw().ask(get_with(&site, "")).expect(200);
    let request = site.web.last();
    assert!(request.all("transfer-encoding").is_empty(), "{request:?}");
    assert!(matches!(request.all("content-length")[..], [] | ["0"]), "{request:?}");
}

#[test]
fn http_12_only_the_known_methods_pass() {
    let mut site = Site::start();
    let hosts =
        [site.house.authority(), site.house.authority_of("adm"), site.house.authority_of("pga"), site.house.authority_of("flw")];
    for host in hosts {
        for method in ["TRACE", "CONNECT", "PUT", "FOO", "get", "Get", "PROPFIND", "TRACK", "DEBUG", "LINK", "QUERY", "X-M"] {
            for path in ["/", "/api/auth/login", "/admin/"] {
                let mut raw = site.house.raw();
                let target = if method == "CONNECT" { "app.test:443" } else { path };
                raw.send(format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nMax-Forwards: 0\r\n\r\n"));
                let reply = raw.read_reply_to("GET").unwrap();
                let wanted: &[u16] = if method == "CONNECT" { &[400, 405, 501] } else { &[405, 501] };
                assert!(wanted.contains(&reply.status), "{method} {target} on {host}: {reply:?}");
                detail(&reply);
            }
        }
    }
    site.assert_upstreams_untouched("a foreign method");
    for method in ["GET", "POST", "PATCH", "DELETE", "OPTIONS"] {
        site.clear();
        let own = site.house.authority();
        site.house.raw().ask(format!("{method} / HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\n\r\n")).expect(200);
        assert_eq!(site.web.last().method, method);
    }
    site.house.assert_alive();
}

#[test]
fn an_answer_with_ambiguous_framing_does_not_reach_the_client() {
    let site = Site::start();
    for (what, bytes) in [
        ("both", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        ("a bare CR", "HTTP/1.1 200 OK\r\nA: b\rX: y\r\nContent-Length: 0\r\n\r\n"),
        ("a broken status", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
        ("junk", "junk\r\n\r\n"),
        ("nothing", ""),
    ] {
        site.web.act("/odd", Act::RawThenClose(bytes.as_bytes().to_vec()));
        let reply = site.house.client().get("/odd");
        let text = String::from_utf8_lossy(&reply.raw_head).into_owned();
        assert!(reply.status == 502 || (reply.status == 200 && !text.contains("X: y")), "{what}: {reply:?}");
        let framed = [!reply.all("content-length").is_empty(), !reply.all("transfer-encoding").is_empty()];
        assert!(framed != [true, true] && reply.all("content-length").len() < 2, "{what}: {reply:?}");
    }
    site.house.client().get("/").expect(200);
}
