//! Nothing is kept at the door: what one client gets is never what another one asked for (HTTP-18).

use std::sync::atomic::{AtomicUsize, Ordering};

use doorward_config::UpstreamTarget;

use crate::support::{House, SITE};

/// What an attacker varies to have a poisoned answer kept for others.
const VARIED: &[&str] = &[
    "x-forwarded-host: evil.test",
    "x-forwarded-scheme: http",
    "x-forwarded-port: 1",
    "x-original-url: /admin",
    "x-rewrite-url: /admin",
    "x-http-method-override: HEAD",
    "forwarded: host=evil.test",
    "cookie: theme=<script>",
    "cookie: session=ok",
    "accept: text/evil",
    "accept-language: xx",
    "accept-encoding: gzip",
    "origin: https://evil.test",
    "user-agent: evil",
    "cache-control: only-if-cached",
    "if-none-match: \"1\"",
    "range: bytes=0-0",
    "pragma: x",
];

fn asset(number: usize) -> Vec<u8> {
    let body = format!("answer {number}");
    let fields = "content-type: text/javascript\r\ncache-control: public, max-age=31536000, immutable\r\netag: \"1\"";
    format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn http_18_no_client_ever_gets_the_answer_to_another_ones_request() {
    let house = House::start().await;
    let count = AtomicUsize::new(0);
    house.web.answer(move |_| asset(count.fetch_add(1, Ordering::SeqCst)));
    let plain = format!("GET /assets/app.js HTTP/1.1\r\nhost: {SITE}\r\n\r\n");
    let mut asked = 0;
    for field in VARIED {
        let varied = format!("GET /assets/app.js HTTP/1.1\r\nhost: {SITE}\r\n{field}\r\n\r\n");
        // The attacker first, then a victim on a connection of its own, and on the same one.
        let mut attacker = house.client().await;
        let replies = [attacker.ask(varied).await, house.ask(&plain).await, attacker.ask(&plain).await];
        for reply in replies {
            assert_eq!((reply.status, reply.body), (200, format!("answer {asked}")), "{field}");
            assert_eq!((reply.headers.iter().find(|(name, _)| name == "age")), None, "{field}");
            asked += 1;
        }
    }
    assert_eq!(house.web.targets(), vec!["/assets/app.js"; asked], "every request reached the upstream, at its own path");
}

#[tokio::test]
async fn http_18_targets_that_a_cache_would_take_for_one_are_each_answered_by_the_upstream() {
    let house = House::start().await;
    house.web.answer(|target| {
        let fields = "content-type: text/css\r\ncache-control: public, max-age=600";
        format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: {}\r\n\r\n{target}", target.len()).into_bytes()
    });
    let targets = ["/a.css", "/a.css?utm_source=evil", "/a.css?", "/a.css?cb=1", "/a.css?cb=1", "/A.css", "/a.css", "/a.css;x=1"];
    for (index, target) in targets.iter().enumerate() {
        let reply = house.ask(format!("GET {target} HTTP/1.1\r\nhost: {SITE}\r\n\r\n")).await;
        if reply.status == 200 {
            assert_eq!(reply.body, *target);
            assert_eq!(house.web.targets().last().map(String::as_str), Some(*target), "{index}");
        } else {
            assert_eq!(reply.status, 400, "{target}");
        }
    }
    // HEAD and POST to what a GET has just fetched are no exception.
    let before = house.web.requests().len();
    for method in ["HEAD", "GET", "POST", "HEAD"] {
        house.ask(format!("{method} /a.css HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 0\r\n\r\n")).await;
    }
    let methods: Vec<String> =
        house.web.requests()[before..].iter().map(|r| r.split(' ').next().expect("one").to_owned()).collect();
    assert_eq!(methods, ["HEAD", "GET", "POST", "HEAD"]);
}

#[tokio::test]
async fn http_18_a_file_that_was_replaced_is_replaced_for_everybody() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("app.0f3c9a1b.js");
    let root = folder.path().to_owned();
    let house = House::builder().config(|config| config.upstreams[0].target = UpstreamTarget::Files { root }).start().await;
    for content in ["first", "second one", "third"] {
        std::fs::write(&file, content).expect("written");
        for field in ["x: y", "x-original-url: /other.js", "cookie: a=b"] {
            let reply = house.ask(format!("GET /app.0f3c9a1b.js HTTP/1.1\r\nhost: {SITE}\r\n{field}\r\n\r\n")).await;
            assert_eq!((reply.status, reply.body.as_str()), (200, content));
        }
    }
    std::fs::remove_file(&file).expect("removed");
    assert_eq!(house.ask(format!("GET /app.0f3c9a1b.js HTTP/1.1\r\nhost: {SITE}\r\n\r\n")).await.status, 404);
}
