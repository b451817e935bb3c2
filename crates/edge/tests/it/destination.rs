//! What an API answers is never run, whatever page of whatever site asks for it.

use doorward_policy::Audience;

use crate::headers::check;
use crate::support::frame::{FrameClient, Outcome};
use crate::support::{GATED, House, SITE, get};

const RUNNING: [&str; 10] =
    ["script", "style", "object", "embed", "worker", "sharedworker", "serviceworker", "audioworklet", "paintworklet", "xslt"];

fn put(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nhost: {SITE}\r\ncontent-length: 0\r\n{fields}\r\n")
}

#[tokio::test]
async fn hdr_19_answers_of_an_api_are_refused_to_whatever_would_run_them() {
    let house = House::start().await;
    let targets =
        ["/api", "/api/x", "/api/x.js", "/api/auth/login", "/api/auth/nope", "/.well-known/doorward/jwks.json", "/%61pi/x"];
    for target in targets {
        for name in RUNNING {
            // The browser's own words about the site change nothing: even our own page has no reason to run it.
            for site in ["cross-site", "same-site", "same-origin", "none"] {
                let fields = format!("sec-fetch-dest: {name}\r\nsec-fetch-mode: no-cors\r\nsec-fetch-site: {site}\r\n");
                let reply = house.ask(put("GET", target, &fields)).await;
                assert_eq!((reply.status, reply.detail().as_str()), (403, "Forbidden"), "{target} {name} {site}");
                check(&house, &reply, Audience::Api, target);
            }
        }
    }
    for fields in [
        "sec-fetch-dest: SCRIPT\r\n",
        "sec-fetch-dest:  \tscript \r\n",
        "sec-fetch-dest: empty\r\nsec-fetch-dest: script\r\n",
        "sec-fetch-dest: script\r\nsec-fetch-dest: empty\r\n",
        "sec-fetch-dest: empty, embed\r\n",
        "sec-fetch-dest: object\r\naccept: text/html\r\n",
        "sec-fetch-dest: script\r\ncookie: session=ok\r\n",
        "sec-fetch-dest: script\r\ncookie: session=down\r\n",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let reply = house.ask(put(method, "/api/x", fields)).await;
            assert_eq!(reply.status, 403, "{method} {fields}");
            assert_eq!(reply.header("content-type"), Some("application/json"), "{fields}");
        }
    }
    let fields: [(&[u8], &[u8]); 5] = [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", SITE.as_bytes()),
        (b":path", b"/api/x"),
        (b"sec-fetch-dest", b"script"),
    ];
    assert_eq!(FrameClient::connect(&house).await.ask(&fields, None).await, Outcome::Status(403));
    assert!(house.web.requests().is_empty() && house.app.lock().expect("lock").is_empty(), "refused before anybody was asked");
}

#[tokio::test]
async fn hdr_19_what_a_navigation_gets_from_an_api_is_json_in_a_sandbox() {
    let house = House::start().await;
    let navigation =
        "accept: text/html,*/*;q=0.8\r\nsec-fetch-dest: document\r\nsec-fetch-mode: navigate\r\nsec-fetch-site: none\r\n";
    let faults = [
        (404, "/api/auth/nope"),
        (404, "/API/x"),
        (400, "/api/../x"),
        (405, "/api/auth/login"),
        (500, "/api/auth/panic"),
        (404, "/.well-known/doorward/nope"),
    ];
    for (status, target) in faults {
        let reply = house.ask(put("GET", target, navigation)).await;
        assert_eq!(reply.status, status, "{target}");
        assert!(!reply.detail().contains('<'), "{target}");
        assert_sandboxed(&house, &reply, target);
    }
    // Of what stands behind, not even HTML can act.
    house.web.answer(|_| b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 8\r\n\r\n<script>".to_vec());
    let reply = house.ask(put("GET", "/api/x", navigation)).await;
    assert_eq!(reply.status, 200);
    assert_sandboxed(&house, &reply, "upstream");
}

fn assert_sandboxed(house: &House, reply: &crate::support::Reply, what: &str) {
    check(house, reply, Audience::Api, what);
    let policy = reply.header("content-security-policy").expect("one policy");
    let directives: Vec<&str> = policy.split("; ").collect();
    assert!(directives.contains(&"default-src 'none'") && directives.contains(&"sandbox"), "{what}: {policy}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn hdr_19_nobody_else_is_refused() {
    let house = House::start().await;
    for name in ["empty", "document", "report", "image", "font", "audio", "video", "websocket", "iframe", "json", "scripted", ""]
    {
        let reply = house.ask(put("GET", "/api/x", &format!("sec-fetch-dest: {name}\r\n"))).await;
        assert_eq!(reply.status, 200, "{name}");
    }
    assert_eq!(house.ask(get(SITE, "/api/x")).await.status, 200, "programs say nothing");
    // Pages and assets are there to be run.
    for (host, target, status) in [(SITE, "/x.js", 200), (SITE, "/assets/doorward/x", 404), (GATED, "/admin/x.js", 401)] {
        let request = format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nsec-fetch-dest: script\r\n\r\n");
        assert_eq!(house.ask(request).await.status, status, "{target}");
    }
}
