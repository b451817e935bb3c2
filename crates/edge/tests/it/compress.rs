//! Answers that are compressed on their way out, and those that never are.

use std::io::Read as _;

use doorward_config::UpstreamTarget;

use crate::support::{Client, House, Reply, SITE};

/// Long enough, and worth it.
fn page() -> String {
    (0..2000).map(|number| format!("<li>entry {number}</li>\n")).collect()
}

/// The edge with compression on its public route; `/members` is for those who are signed in.
async fn house() -> House {
    House::builder().config(|config| config.routes[0].compress = true).start().await
}

fn answer(fields: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n{fields}\r\n{body}", body.len()).into_bytes()
}

/// One request on a connection of its own, and then one more, so that a wrong framing would be seen.
async fn ask(house: &House, method: &str, path: &str, fields: &str) -> (Reply, Vec<u8>) {
    let mut client = house.client().await;
    client.send(format!("{method} {path} HTTP/1.1\r\nhost: {SITE}\r\n{fields}\r\n")).await;
    let answered = client.reply_and_octets(method == "HEAD").await.expect("an answer");
    client.send(format!("GET {path} HTTP/1.1\r\nhost: {SITE}\r\n\r\n")).await;
    assert!(client.reply(false).await.is_some(), "{method} {path} {fields}");
    answered
}

/// The text of a body, by what its head says of the coding.
fn plain(reply: &Reply, octets: &[u8]) -> String {
    let mut text = String::new();
    match reply.header("content-encoding") {
        Some("br") => brotli::Decompressor::new(octets, 4096).read_to_string(&mut text),
        Some("gzip") => flate2::read::GzDecoder::new(octets).read_to_string(&mut text),
        None => return reply.body.clone(),
        Some(other) => panic!("{other}"),
    }
    .expect("a whole coding");
    text
}

#[tokio::test]
async fn public_answers_are_compressed_as_the_client_likes_best() {
    let house = house().await;
    house.web.answer(|_| answer("content-type: text/html\r\netag: \"v\"\r\naccept-ranges: bytes\r\n", &page()));
    for (accept, coding) in [
        ("accept-encoding: gzip, deflate, br, zstd\r\n", Some("br")),
        ("accept-encoding: gzip\r\n", Some("gzip")),
        ("accept-encoding: br;q=0.1, gzip;q=0.2\r\n", Some("gzip")),
        ("accept-encoding: zstd\r\n", None),
        ("accept-encoding: br;q=0\r\n", None),
        ("", None),
    ] {
        let (reply, octets) = ask(&house, "GET", "/", accept).await;
        assert_eq!((reply.status, reply.header("content-encoding")), (200, coding), "{accept}");
        assert_eq!(plain(&reply, &octets), page(), "{accept}");
        assert_eq!(reply.header("vary"), Some("accept-encoding"), "{accept}");
        let is_shorter = coding.is_some();
        assert_eq!(reply.header("etag"), Some(if is_shorter { "W/\"v\"" } else { "\"v\"" }), "{accept}");
        assert_eq!(reply.header("content-length").is_none(), is_shorter, "{accept}");
        assert_eq!(reply.header("accept-ranges").is_none(), is_shorter, "{accept}");
        assert!(!is_shorter || octets.len() * 3 < page().len(), "{accept}: {}", octets.len());
        let (head, _) = ask(&house, "HEAD", "/", accept).await;
        for name in ["content-encoding", "vary", "etag", "content-length", "accept-ranges", "content-type"] {
            assert_eq!(head.header(name), reply.header(name), "{name} of HEAD, {accept}");
        }
    }
}

#[tokio::test]
async fn what_may_hold_a_secret_or_would_be_harmed_is_never_compressed() {
    let house = house().await;
    const HTML: &str = "content-type: text/html\r\n";
    // What the client says, where it asks, and what the upstream answers.
    for (what, said, path, fields) in [
        ("a cookie", "cookie: a=b\r\n", "/", HTML),
        ("a credential", "authorization: Bearer x\r\n", "/", HTML),
        ("a route for which nobody asked it", "", "/api/x", "content-type: application/json\r\n"),
        ("a cookie that is set", "", "/", "content-type: text/html\r\nset-cookie: a=b; Secure\r\n"),
        ("an answer for one", "", "/", "content-type: text/html\r\ncache-control: max-age=9, Private\r\n"),
        ("an answer for nobody's cache", "", "/", "content-type: text/html\r\ncache-control: no-store\r\n"),
        ("an answer that must stay as it is", "", "/", "content-type: text/html\r\ncache-control: no-transform\r\n"),
        ("what is encoded", "", "/", "content-type: text/html\r\ncontent-encoding: x-other\r\n"),
        (
            "what only its second field calls so",
            "",
            "/",
            "content-type: text/html\r\ncontent-encoding: identity\r\ncontent-encoding: x-other\r\n",
        ),
        ("a digest of the octets", "", "/", "content-type: text/html\r\ncontent-digest: sha-256=:AA==:\r\n"),
        ("a stream of events", "", "/", "content-type: text/event-stream\r\n"),
        ("a call", "", "/", "content-type: application/grpc\r\n"),
        ("a picture", "", "/", "content-type: image/png\r\n"),
        ("what has no type", "", "/", ""),
    ] {
        house.web.answer(move |_| answer(fields, &page()));
        let (reply, _) = ask(&house, "GET", path, &format!("accept-encoding: gzip, br\r\n{said}")).await;
        let coding = reply.all("content-encoding").into_iter().find(|coding| !["x-other", "identity"].contains(coding));
        assert_eq!((reply.status, coding, reply.body == page()), (200, None, true), "{what}");
    }
    let short = "a".repeat(1023);
    house.web.answer(move |_| answer(HTML, &short));
    assert_eq!(ask(&house, "GET", "/", "accept-encoding: gzip\r\n").await.0.header("content-encoding"), None);
    house.web.answer(|_| {
        let part = answer("content-type: text/html\r\ncontent-range: bytes 0-9/99\r\n", &page());
        String::from_utf8(part).expect("text").replace("200 OK", "206 Partial").into_bytes()
    });
    assert_eq!(ask(&house, "GET", "/", "accept-encoding: gzip\r\n").await.0.header("content-encoding"), None);
}

#[tokio::test]
async fn a_slow_answer_is_handed_on_piece_by_piece_and_a_broken_one_is_never_taken_for_whole() {
    let house = house().await;
    // The upstream says a thousand more octets than it sends, and then hangs up.
    house.web.answer(|_| {
        let page = page();
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len() + 1000).into_bytes()
    });
    let mut client = house.client().await;
    client.send(format!("GET / HTTP/1.1\r\nhost: {SITE}\r\naccept-encoding: gzip\r\n\r\n")).await;
    // Everything that came is handed on although the answer is not over: the connection to the upstream is still open.
    let mut seen = Vec::new();
    loop {
        assert!(client.more().await, "the client is left waiting");
        seen.extend(client.take_all());
        let chunks = dechunk(&seen);
        let mut text = Vec::new();
        let _ = flate2::read::GzDecoder::new(chunks.as_slice()).read_to_end(&mut text);
        if text == page().as_bytes() {
            break;
        }
    }
    house.web.hang_up();
    seen.extend(client.rest().await);
    assert!(!seen.ends_with(b"0\r\n\r\n"), "the end of a broken answer is not that of a whole one");
}

/// The octets of the chunks so far.
fn dechunk(seen: &[u8]) -> Vec<u8> {
    let Some(at) = seen.windows(4).position(|window| window == b"\r\n\r\n") else { return Vec::new() };
    let (mut rest, mut out) = (&seen[at + 4..], Vec::new());
    while let Some(end) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).expect("text");
        let size = usize::from_str_radix(size, 16).expect("hexadecimal");
        let (start, stop) = (end + 2, end + 2 + size);
        out.extend(&rest[start..stop.min(rest.len())]);
        rest = rest.get(stop + 2..).unwrap_or_default();
    }
    out
}

#[tokio::test]
async fn files_are_compressed_for_everybody_and_their_conditions_still_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.html"), page()).expect("written");
    let large = page().repeat(40);
    std::fs::write(folder.path().join("b.js"), &large).expect("written");
    let root = folder.path().to_owned();
    let house = House::builder().config(|config| {
        config.upstreams[0].target = UpstreamTarget::Files { root };
        config.routes[0].compress = true;
    });
    let house = house.start().await;
    for (path, content) in [("/a.html", page()), ("/b.js", large)] {
        let (reply, octets) = ask(&house, "GET", path, "accept-encoding: gzip\r\ncookie: a=b\r\n").await;
        assert_eq!(reply.header("content-encoding"), Some("gzip"), "{path}");
        assert_eq!(plain(&reply, &octets), content, "{path}");
        let tag = reply.header("etag").expect("a tag").to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let held = format!("accept-encoding: gzip\r\nif-none-match: {tag}\r\n");
        assert_eq!(ask(&house, "GET", path, &held).await.0.status, 304, "{path}");
        let glued = format!("accept-encoding: gzip\r\nrange: bytes=1-9\r\nif-range: {tag}\r\n");
        assert_eq!(ask(&house, "GET", path, &glued).await.0.status, 200, "{path}");
        let (part, _) = ask(&house, "GET", path, "accept-encoding: gzip\r\nrange: bytes=1-9\r\n").await;
        assert_eq!((part.status, part.header("content-encoding"), part.body.as_str()), (206, None, &content[1..10]), "{path}");
    }
}

#[tokio::test]
async fn more_answers_at_once_than_there_are_places_go_out_as_they_are() {
    let house = house().await;
    // Announced longer than what comes: each of them stays under way.
    house.web.answer(|_| {
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 99999\r\n\r\n{}", page()).into_bytes()
    });
    let is_compressed = async |open: &mut Vec<Client>| {
        let mut client = house.client().await;
        client.send(format!("GET / HTTP/1.1\r\nhost: {SITE}\r\naccept-encoding: gzip\r\n\r\n")).await;
        assert!(client.more().await);
        let is_compressed = String::from_utf8_lossy(&client.take_all()).contains("content-encoding: gzip");
        open.push(client);
        is_compressed
    };
    let mut open = Vec::new();
    for number in 0..80 {
        assert_eq!(is_compressed(&mut open).await, number < 64, "{number}");
    }
    open.remove(0);
    let again = async { while !is_compressed(&mut open).await {} };
    tokio::time::timeout(std::time::Duration::from_secs(20), again).await.expect("the place of one that went away");
}
