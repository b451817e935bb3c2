//! HTTP/2 frames as an attacker makes them (RFC 9113 §8).

use doorward_testkit::h2::{CONTINUATION, DATA, END_HEADERS, END_STREAM, H2Frames, HEADERS, Outcome, literal};
use doorward_testkit::{EchoUpstream, INSIDE};

use crate::site::Site;

fn connect(site: &Site) -> H2Frames {
    H2Frames::connect(site.house.https(), INSIDE, site.house.host()).unwrap()
}

/// The four pseudo fields of a sound request, with one replaced.
fn pseudo<'a>(authority: &'a str, name: &str, value: &'a str) -> Vec<(&'static str, &'a str)> {
    let sound = [(":method", "GET"), (":scheme", "https"), (":authority", authority), (":path", "/")];
    sound.into_iter().map(|(n, v)| if n == name { (n, value) } else { (n, v) }).collect()
}

/// What of these requests was not refused, or reached an upstream.
fn accepted(site: &Site, requests: &[(String, Vec<(&str, &str)>)]) -> Vec<String> {
    let mut odd = Vec::new();
    for (what, fields) in requests {
        let outcome = connect(site).ask(fields);
        if !outcome.is_refusal() {
            odd.push(format!("{what}: {outcome:?}"));
        }
        odd.extend(site.upstreams().flat_map(EchoUpstream::requests).map(|request| format!("{what}: {request:?}")));
        site.clear();
    }
    odd
}

#[test]
fn http_08_fields_that_http_2_forbids_are_refused() {
    let mut site = Site::start();
    let own = site.house.authority();
    let sound = pseudo(&own, "", "");
    let outcome = connect(&site).ask(&sound);
    assert_eq!(outcome.answer().status, 200, "the sound request passes, or the rest would prove nothing");
    site.clear();
    let fields = [
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
        ("connection", "close"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("te", "trailers, chunked"),
        ("X-Upper", "a"),
        ("x-a:b", "c"),
        ("x a", "b"),
        ("x-a\r\nx-b", "c"),
        ("x-a\n", "b"),
        ("x-a\0", "b"),
        ("", "b"),
        ("x-a", "b\r\nx-c: d"),
        ("x-a", "b\nc"),
        ("x-a", "b\rc"),
        ("x-a", "b\0c"),
        (":method", "GET"),
        (":authority", "app.test"),
        (":path", "/two"),
        (":scheme", "https"),
        (":status", "200"),
        (":unknown", "x"),
        (":protocol", "websocket"),
        ("content-length", "5"),
        ("content-length", "x"),
        ("content-length", "+0"),
    ];
    let requests: Vec<_> = fields.iter().map(|field| (format!("{field:?}"), [&sound[..], &[*field]].concat())).collect();
    assert_eq!(accepted(&site, &requests), Vec::<String>::new());
    site.house.assert_alive();
}

#[test]
fn http_08_pseudo_fields_are_whole_sound_and_first() {
    let mut site = Site::start();
    let own = site.house.authority();
    let replaced = [
        (":path", ""),
        (":path", "x"),
        (":path", "/a b"),
        (":path", "/a\r\nX: y"),
        (":path", "/ HTTP/1.1\r\nHost: adm.app.test\r\n\r\n"),
        (":path", "/a\0b"),
        (":path", "/a\tb"),
        (":path", "/\u{e9}"),
        (":path", "*"),
        (":path", "https://adm.app.test/"),
        (":method", ""),
        (":method", "GET / HTTP/1.1\r\nX: y"),
        (":method", "G T"),
        (":scheme", ""),
        (":scheme", "https\r\nx: y"),
        (":scheme", "https://evil.test/?"),
        (":authority", ""),
        (":authority", "app.test\r\nx: y"),
        (":authority", "app.test evil"),
        (":authority", "user@app.test"),
        (":authority", "app.test/"),
        (":authority", "app.test\0"),
    ];
    let mut requests: Vec<_> =
        replaced.iter().map(|(name, value)| (format!("{name} {value:?}"), pseudo(&own, name, value))).collect();
    let sound = pseudo(&own, "", "");
    for missing in [":method", ":scheme", ":path"] {
        let fields: Vec<_> = sound.iter().copied().filter(|(name, _)| *name != missing).collect();
        requests.push((format!("without {missing}"), fields));
    }
    let without_authority: Vec<_> = sound.iter().copied().filter(|(name, _)| *name != ":authority").collect();
    requests.push(("without any authority".into(), without_authority));
    let late = [&sound[..3], &[("x-a", "b")], &sound[3..]].concat();
    requests.push(("a pseudo field after a plain one".into(), late));
    assert_eq!(accepted(&site, &requests), Vec::<String>::new());
    site.house.assert_alive();
}

#[test]
fn http_08_a_content_length_is_the_length_of_the_data() {
    let site = Site::start();
    let own = site.house.authority();
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {own}\r\n\r\n");
    for (announced, data) in [("0", "hello"), ("3", "hello"), ("9", "hello"), ("5", ""), ("0", smuggled.as_str())] {
        let mut frames = connect(&site);
        let stream = frames.open();
        let fields = [&pseudo(&own, ":method", "POST")[..], &[("content-length", announced)]].concat();
        frames.headers(stream, &fields, 0);
        frames.send(DATA, END_STREAM, stream, data.as_bytes());
        let outcome = frames.outcome(stream);
        assert!(outcome.is_refusal(), "{announced} for {data:?}: {outcome:?}");
        assert_eq!(site.web.count(), 0, "{announced} for {data:?}: {:?}", site.web.requests());
    }
    let mut frames = connect(&site);
    let stream = frames.open();
    frames.headers(stream, &[&pseudo(&own, ":method", "POST")[..], &[("content-length", "5")]].concat(), 0);
    frames.send(DATA, END_STREAM, stream, b"hello");
    assert_eq!(frames.outcome(stream).answer().json()["body"], "hello");
    for request in site.web.requests() {
        let framed = [request.all("content-length").len(), request.all("transfer-encoding").len()];
        assert!(matches!(framed, [1, 0] | [0, 1]), "{request:?}");
    }
}

#[test]
fn http_08_trailers_hold_no_framing() {
    let site = Site::start();
    let own = site.house.authority();
    for trailer in [("transfer-encoding", "chunked"), ("connection", "close"), ("X-Upper", "a")] {
        let mut frames = connect(&site);
        let stream = frames.open();
        frames.headers(stream, &pseudo(&own, ":method", "POST"), 0);
        frames.send(DATA, 0, stream, b"hello");
        frames.headers(stream, &[trailer], END_STREAM);
        let outcome = frames.outcome(stream);
        assert!(outcome.is_refusal() || matches!(outcome, Outcome::Reset(_)), "{trailer:?}: {outcome:?}");
        assert_eq!(site.web.count(), 0, "{trailer:?}");
    }
}

#[test]
fn frames_out_of_order_end_the_connection_and_nothing_else() {
    let mut site = Site::start();
    let own = site.house.authority();
    let block: Vec<u8> = pseudo(&own, "", "").iter().flat_map(|(n, v)| literal(n.as_bytes(), v.as_bytes())).collect();
    type Attack<'a> = (&'a str, &'a dyn Fn(&mut H2Frames));
    let attacks: [Attack<'_>; 6] = [
        ("data on stream zero", &|frames| frames.send(DATA, 0, 0, b"x")),
        ("headers on an even stream", &|frames| frames.send(HEADERS, END_HEADERS | END_STREAM, 2, &block)),
        ("a continuation of nothing", &|frames| frames.send(CONTINUATION, END_HEADERS, 1, &block)),
        ("a block that is interrupted", &|frames| {
            frames.send(HEADERS, END_STREAM, 1, &block);
            frames.send(DATA, END_STREAM, 1, b"x");
        }),
        ("an index beyond the table", &|frames| frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0xff, 0x03])),
        ("a block that breaks off", &|frames| frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0x00, 0x7f])),
    ];
    for (what, attack) in attacks {
        let mut frames = connect(&site);
        attack(&mut frames);
        let outcome = frames.outcome(1);
        assert!(matches!(outcome, Outcome::GoAway(_) | Outcome::Reset(_) | Outcome::Closed), "{what}: {outcome:?}");
        site.assert_upstreams_untouched(what);
    }
    assert_eq!(connect(&site).get(&own, "/").answer().status, 200);
    site.house.assert_alive();
}
