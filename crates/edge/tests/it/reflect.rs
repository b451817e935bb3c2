//! What of a request comes back in a head, and what never does.

use std::collections::HashSet;

use crate::support::frame::FrameClient;
use crate::support::{Client, GATED, House, Reply, SITE, get};

const PARTNER: &str = "https://partner.test";

/// Endings that would begin a field of the attacker's in whatever reads the head less strictly than we do.
const BREAKS: [&str; 6] = ["\r\n", "\r", "\n", "\0", "\r\n ", "\u{b}"];

/// Nothing in the head that a stranger could have broken off. Names and values were parted at CR LF alone, so any other break shows.
fn assert_whole(reply: &Reply, what: &str) {
    for (name, value) in &reply.headers {
        assert!(!name.contains("evil") && !name.contains(['\r', '\n', '\0', ' ']), "{what}: {name}");
        assert!(!value.bytes().any(|octet| octet < b' ' && octet != b'\t' || octet == 0x7f), "{what}: {name}: {value:?}");
    }
    assert!(reply.all("set-cookie").is_empty(), "{what}: {reply:?}");
}

#[tokio::test]
async fn hdr_18_no_line_break_reaches_a_location() {
    let house = House::start().await;
    for code in ["%0d%0a", "%0D%0A", "%0d", "%0a", "%00", "%0d%0a%20", "%250d%250a", "%E5%98%8A%E5%98%8D", "%c4%8d%c4%8a"] {
        for target in [format!("/{code}X-Evil:y"), format!("/?next={code}X-Evil:y"), format!("/a/{code}Set-Cookie:evil=1?{code}")]
        {
            for host in [SITE, GATED] {
                let reply = Client::plain(house.http).await.ask(get(host, &target)).await;
                assert_whole(&reply, &target);
                match reply.status {
                    308 => assert!(
                        reply.header("location").is_some_and(|to| to.starts_with(&format!("https://{host}/"))),
                        "{target}"
                    ),
                    status => assert_eq!((status, reply.header("location")), (400, None), "{target}"),
                }
            }
            let target = format!("/members{target}");
            let request =
                format!("GET {target} HTTP/1.1\r\nhost: {SITE}\r\naccept: text/html\r\nsec-fetch-mode: navigate\r\n\r\n");
            let reply = house.ask(&request).await;
            assert_whole(&reply, &target);
            match reply.status {
                303 => {
                    let to = reply.header("location").expect("a place");
                    let next = to.strip_prefix("/account/sign-in?next=/members").unwrap_or_else(|| panic!("{to}"));
                    // Decoded once, which is what the sign-in page does, it is still no line break.
                    assert!(!["%0d", "%0a", "%00"].iter().any(|code| next.to_ascii_lowercase().contains(code)), "{to}");
                }
                status => assert_eq!((status, reply.header("location")), (400, None), "{target}"),
            }
        }
    }
    for end in BREAKS {
        for target in [format!("/{end}X-Evil: y"), format!("/?a={end}X-Evil:y")] {
            for mut client in [Client::plain(house.http).await, house.client().await] {
                let reply = client.ask(format!("GET {target} HTTP/1.1\r\nhost: {SITE}\r\n\r\n")).await;
                assert_whole(&reply, &format!("{target:?}"));
                assert_eq!((reply.status, reply.header("location")), (400, None), "{target:?}");
            }
        }
        let reply = Client::plain(house.http).await.ask(format!("GET / HTTP/1.1\r\nhost: {SITE}{end}x-evil\r\n\r\n")).await;
        assert_whole(&reply, &format!("{end:?}"));
        assert_eq!(reply.header("location"), None, "a host with {end:?}");
    }
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn hdr_18_no_upstream_breaks_the_head_with_a_place() {
    let house = House::start().await;
    let own = format!("http://127.0.0.1:{}", house.web.address.port());
    for place in ["/x", "http://127.0.0.1:9/x", own.as_str()] {
        for end in ["\r", "\0", "\r\n ", "\u{b}"] {
            let answer = format!("HTTP/1.1 302 Found\r\nlocation: {place}{end}x-evil: 1\r\ncontent-length: 0\r\n\r\n");
            house.web.answer(move |_| answer.clone().into_bytes());
            let reply = house.ask(get(SITE, "/x")).await;
            assert_whole(&reply, &format!("{place}{end:?}"));
            assert_eq!((reply.status, reply.header("location")), (502, None), "{place}{end:?}");
        }
    }
}

#[tokio::test]
async fn hdr_18_no_line_break_reaches_a_request_id_or_an_allowed_origin() {
    let house =
        House::builder().config(|config| config.site.cors_origins = vec![PARTNER.parse().expect("an origin")]).start().await;
    let shared = house.ask(format!("GET /api/x HTTP/1.1\r\nhost: {SITE}\r\norigin: {PARTNER}\r\n\r\n")).await;
    assert_eq!(shared.header("access-control-allow-origin"), Some(PARTNER), "the list is in force");
    let before = house.web.requests().len();
    for (name, value) in [
        ("x-request-id", "a"),
        ("x-request-id", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        ("origin", PARTNER),
        ("access-control-request-headers", "x-a"),
        ("access-control-request-method", "GET"),
    ] {
        for end in BREAKS {
            for method in ["GET", "OPTIONS"] {
                let more = if name == "origin" { String::new() } else { format!("origin: {PARTNER}\r\n") };
                let request = format!("{method} /api/x HTTP/1.1\r\nhost: {SITE}\r\n{more}{name}: {value}{end}x-evil\r\n\r\n");
                let reply = house.ask(&request).await;
                assert_whole(&reply, &request);
                assert_eq!(reply.status, 400, "{request:?}");
                assert_eq!(reply.header("access-control-allow-origin"), None, "{request:?}");
                assert_ne!(reply.header("x-request-id"), Some(value));
            }
            let pseudo: [(&[u8], &[u8]); 4] =
                [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", SITE.as_bytes()), (b":path", b"/api/x")];
            let broken = format!("{value}{end}x-evil: 1");
            let fields = [&pseudo[..], &[(name.as_bytes(), broken.as_bytes())]].concat();
            let outcome = FrameClient::connect(&house).await.ask(&fields, None).await;
            assert!(
                outcome.is_protocol_error() || outcome == crate::support::frame::Outcome::Status(400),
                "{name} {end:?} {outcome:?}"
            );
        }
    }
    // What is merely written like a break is no listed origin, and nothing of it comes back.
    for origin in
        [format!("{PARTNER}%0d%0aX-Evil:y"), format!("{PARTNER}\\r\\nX-Evil: y"), format!("{PARTNER}\t"), format!("{PARTNER}/")]
    {
        let reply = house.ask(format!("GET /api/x HTTP/1.1\r\nhost: {SITE}\r\norigin: {origin}x\r\n\r\n")).await;
        assert_whole(&reply, &origin);
        assert_eq!(reply.header("access-control-allow-origin"), None, "{origin:?}");
    }
    assert_eq!(house.web.requests().len(), before + 4, "nothing that was refused went on");
}

#[tokio::test]
async fn hdr_20_the_request_id_is_the_edges_own_whatever_the_client_calls_it() {
    const UUID: &str = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    let house = House::start().await;
    let long = "a".repeat(1024);
    let fields = [
        String::new(),
        format!("x-request-id: {long}\r\n"),
        format!("x-request-id: {UUID}\r\n"),
        format!("X-REQUEST-ID: {}\r\n", UUID.to_ascii_uppercase()),
        format!("x-request-id: {UUID}\r\nx-request-id: {UUID}\r\n"),
        format!("x_request_id: {UUID}\r\n"),
        "x-request-id: \u{1b}[31mred\u{1b}[0m\r\n".to_owned(),
        "x-request-id: \u{202e}gnp.exe\r\n".to_owned(),
        "x-request-id: ../../etc/passwd ${jndi:ldap://evil.test}\r\n".to_owned(),
    ];
    let mut seen = HashSet::new();
    for field in &fields {
        for (host, target) in [
            (SITE, "/x"),
            (SITE, "/api/x"),
            (SITE, "/api/auth/status/200"),
            (SITE, "/api/auth/panic"),
            (SITE, "/members"),
            (SITE, "/a/../b"),
            (GATED, "/admin/"),
            ("evil.example", "/"),
        ] {
            let requests = house.web.requests().len();
            let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{field}\r\n");
            for reply in [house.ask(&request).await, Client::plain(house.http).await.ask(&request).await] {
                let id = reply.header("x-request-id").expect("an id").to_owned();
                let parsed: doorward_kit::RequestId = id.parse().expect("a UUID");
                assert_eq!(parsed.to_string(), id, "one spelling");
                assert!(
                    !id.eq_ignore_ascii_case(UUID) && !reply.body.contains("evil") && !reply.body.contains(UUID),
                    "{request:?}"
                );
                assert!(seen.insert(id.clone()), "{id} came twice");
                if let Some(sent) = house.web.requests().get(requests).filter(|_| reply.body == "ok") {
                    assert!(
                        sent.contains(&format!("\r\nx-request-id: {id}\r\n")),
                        "the upstream knows it by the same name: {sent}"
                    );
                    assert!(!sent.contains(UUID) && !sent.contains(&long), "{sent}");
                }
            }
        }
    }
}
