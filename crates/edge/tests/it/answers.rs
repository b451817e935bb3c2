//! Refusals and faults as a stranger reads them, and who the caller is.

use crate::support::{GATED, House, SITE, get};

#[tokio::test]
async fn err_01_every_error_under_api_is_one_json_detail_even_for_a_browser() {
    let house = House::start().await;
    house.web.answer(|_| Vec::new());
    let cases = [
        ("GET", "/api/../x", "", 400, "Bad request"),
        ("GET", "/api/x", "cookie: session=twice\r\n", 400, "Invalid request"),
        ("POST", "/api/x", "cookie: session=forged\r\n", 403, "CSRF failed"),
        ("GET", "/api/auth/nope", "", 404, "Not found"),
        ("GET", "/API/x", "", 404, "Not found"),
        ("PUT", "/api/x", "", 405, "Method not allowed"),
        ("TRACE", "/api/x", "", 405, "Method not allowed"),
        ("FOO", "/api/x", "", 501, "Method not implemented"),
        ("POST", "/api/auth/echo", "content-length: 99999\r\n", 413, "Request body too large"),
        ("POST", "/api/x", "content-length: 99999999\r\n", 413, "Request body too large"),
        ("GET", "/api/auth/panic", "", 500, "internal_error"),
        ("GET", "/api/x", "", 502, "upstream_bad_response"),
        ("GET", "/api/x", "cookie: session=down\r\n", 503, "Service unavailable"),
    ];
    for (method, target, fields, status, detail) in cases {
        let reply = house.ask(format!("{method} {target} HTTP/1.1\r\nhost: {SITE}\r\naccept: text/html\r\n{fields}\r\n")).await;
        assert_eq!((reply.status, reply.detail().as_str()), (status, detail), "{method} {target}");
    }
}

#[tokio::test]
async fn err_03_a_panic_ends_one_request_and_nothing_else() {
    let house = House::start().await;
    let mut client = house.client().await;
    for _ in 0..3 {
        let reply = client.ask(get(SITE, "/api/auth/panic")).await;
        assert_eq!((reply.status, reply.detail().as_str()), (500, "internal_error"));
        assert_eq!(client.ask(get(SITE, "/x")).await.status, 200, "on the same connection");
    }
}

#[tokio::test]
async fn a_405_names_what_is_allowed_and_a_404_is_json_whoever_asks() {
    let house = House::start().await;
    for cookie in ["", "cookie: session=ok\r\n"] {
        let ask = |method: &str, target: &str| format!("{method} {target} HTTP/1.1\r\nhost: {SITE}\r\n{cookie}\r\n");
        let reply = house.ask(ask("PUT", "/api/auth/login")).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("POST")), "the application knows best");
        let reply = house.ask(ask("PUT", "/x")).await;
        assert_eq!((reply.status, reply.header("allow")), (405, Some("GET, HEAD, POST, PATCH, DELETE, OPTIONS")));
        for method in ["GET", "PUT", "POST"] {
            let reply = house.ask(ask(method, "/api/auth/nope")).await;
            assert_eq!((reply.status, reply.detail().as_str()), (404, "Not found"));
        }
    }
}

#[tokio::test]
async fn people_are_sent_to_sign_in_and_programs_are_told_401() {
    let house = House::start().await;
    let ask = |method: &str, fields: &str| format!("{method} /members/a%20b?c=d&e=/ HTTP/1.1\r\nhost: {SITE}\r\n{fields}\r\n");
    for fields in ["accept: text/html,*/*;q=0.8\r\n", "sec-fetch-mode: navigate\r\n"] {
        let reply = house.ask(ask("GET", fields)).await;
        assert_eq!(reply.status, 303);
        assert_eq!(reply.header("location"), Some("/account/sign-in?next=/members/a%2520b%3Fc%3Dd%26e%3D/"));
    }
    let reply = house.ask(ask("GET", "")).await;
    assert_eq!((reply.status, reply.detail().as_str()), (401, "Not authenticated"));
    let reply = house.ask(ask("POST", "accept: text/html\r\ncontent-length: 0\r\n")).await;
    assert_eq!(reply.status, 401, "what was to be sent would be lost");
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn operators_without_a_second_factor_are_led_to_their_account_and_their_programs_are_told_403() {
    let house = House::start().await;
    let ask = |method: &str, target: &str, fields: &str| {
        format!("{method} {target} HTTP/1.1\r\nhost: {SITE}\r\ncookie: session=half\r\n{fields}\r\n")
    };
    let reply = house.ask(ask("GET", "/members/a", "sec-fetch-mode: navigate\r\n")).await;
    assert_eq!((reply.status, reply.header("location")), (303, Some("/account")));
    for (method, target, fields) in [
        ("GET", "/members/a", ""),
        ("GET", "/api/x", "accept: text/html\r\n"),
        ("POST", "/members/a", "accept: text/html\r\ncontent-length: 0\r\n"),
    ] {
        let reply = house.ask(ask(method, target, fields)).await;
        assert_eq!((reply.status, reply.header("location")), (403, None), "{method} {target}");
    }
    assert_eq!(house.ask(ask("GET", "/members/a", "")).await.detail(), "Second factor required");
    assert!(house.web.requests().is_empty());
}

#[tokio::test]
async fn pages_are_shown_to_those_who_can_read_them_without_style_script_or_echo() {
    let house = House::start().await;
    let reply = house.ask(format!("GET /x/../<script> HTTP/1.1\r\nhost: {SITE}\r\naccept: text/html\r\n\r\n")).await;
    assert_eq!(reply.status, 400);
    let reply = house.ask(format!("GET /x/../evil HTTP/1.1\r\nhost: {SITE}\r\naccept: text/html\r\n\r\n")).await;
    assert_eq!((reply.status, reply.header("content-type")), (400, Some("text/html; charset=utf-8")));
    for word in ["evil", "<script", "style", "doorward"] {
        assert!(!reply.body.contains(word), "{}", reply.body);
    }
}

#[tokio::test]
async fn identity_reaches_the_upstream_only_where_it_was_asked_for() {
    let house = House::start().await;
    for target in ["/x", "/api/x", "/members/x"] {
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {SITE}\r\ncookie: session=ok\r\nx-doorward-user: root\r\nX_Doorward_User: root\r\n\r\n"
        );
        assert_eq!(house.ask(request).await.status, 200);
    }
    let seen: Vec<bool> =
        house.web.requests().iter().map(|request| request.to_ascii_lowercase().contains("x-doorward-user: user-1")).collect();
    assert_eq!(seen, [false, true, true]);
    assert!(!house.web.requests().concat().contains("root"));
}

#[tokio::test]
async fn what_admission_sets_in_the_browser_goes_with_every_answer_and_is_kept_by_nobody() {
    let house = House::start().await;
    let ask = |method: &str, target: &str, fields: &str| {
        format!("{method} {target} HTTP/1.1\r\nhost: {SITE}\r\ncookie: session=old\r\n{fields}\r\n")
    };
    let cacheable = "HTTP/1.1 200 OK\r\ncache-control: public, max-age=60\r\nset-cookie: own=1\r\ncontent-length: 2\r\n\r\nok";
    house.web.answer(|_| cacheable.into());
    let expect = async |request: String, status: u16, cookies: &[&str]| {
        let reply = house.ask(request).await;
        assert_eq!((reply.status, reply.all("set-cookie").as_slice()), (status, cookies));
        assert_eq!(reply.all("cache-control"), ["no-store"]);
    };
    let ours = ["session=ok; Path=/", "csrf=t; Path=/"];
    expect(ask("GET", "/members/x", ""), 200, &["own=1", ours[0], ours[1]]).await;
    expect(ask("POST", "/api/x", "content-length: 99999999\r\n"), 413, &ours).await;
    house.web.answer(|_| Vec::new());
    expect(ask("GET", "/api/x", ""), 502, &ours).await;
    // A public route asks nobody.
    house.web.answer(|_| cacheable.into());
    assert_eq!(house.ask(ask("GET", "/x", "")).await.all("set-cookie"), ["own=1"]);
}

#[tokio::test]
async fn proxy_01_the_caller_is_the_peer_or_what_trusted_hops_say_from_right_to_left() {
    let house = House::start().await;
    let caller = |house: &House| house.app.lock().expect("lock").last().expect("a request").1.client.to_string();
    let ask = |fields: &str| format!("GET /api/auth/login HTTP/1.1\r\nhost: {SITE}\r\n{fields}\r\n");
    let everything =
        "x-forwarded-for: 203.0.113.1\r\nx-real-ip: 203.0.113.2\r\nforwarded: for=203.0.113.3\r\ntrue-client-ip: 203.0.113.4\r\n";
    house.ask(ask(everything)).await;
    assert_eq!(caller(&house), "127.0.0.1", "an untrusted peer is the caller");
    let house = House::builder()
        .policy(|policy| {
            policy.trusted_proxies = ["127.0.0.1/32", "10.0.0.0/8"].map(|text| text.parse().expect("network")).to_vec();
        })
        .start()
        .await;
    let cases = [
        ("", "127.0.0.1"),
        ("x-forwarded-for: 203.0.113.1\r\n", "203.0.113.1"),
        ("x-forwarded-for: 198.51.100.9, 203.0.113.1\r\n", "203.0.113.1"),
        ("x-forwarded-for: 198.51.100.9, 203.0.113.1, 10.0.0.2\r\n", "203.0.113.1"),
        ("x-forwarded-for: 198.51.100.9\r\nx-forwarded-for: 203.0.113.1\r\n", "203.0.113.1"),
        ("x-forwarded-for: 203.0.113.1\r\nx-forwarded-for: 10.0.0.2\r\n", "203.0.113.1"),
        ("x-forwarded-for: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"),
        ("x-real-ip: 203.0.113.2\r\nforwarded: for=203.0.113.3\r\n", "127.0.0.1"),
    ];
    for (fields, expected) in cases {
        house.ask(ask(fields)).await;
        assert_eq!(caller(&house), expected, "{fields}");
    }
    // A gate sees the same caller.
    let reply = house.ask(format!("GET /admin/ HTTP/1.1\r\nhost: {GATED}\r\nx-forwarded-for: 203.0.113.1\r\n\r\n")).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn proxy_04_what_is_not_a_plain_address_ends_the_walk() {
    let house =
        House::builder().policy(|policy| policy.trusted_proxies = vec!["127.0.0.1/32".parse().expect("network")]).start().await;
    let caller = |house: &House| house.app.lock().expect("lock").last().expect("a request").1.client.to_string();
    let cases = [
        ("203.0.113.1:80", "127.0.0.1"),
        ("[2001:db8::1]", "127.0.0.1"),
        ("[2001:db8::1]:80", "127.0.0.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:203.0.113.1", "203.0.113.1"),
        ("unknown", "127.0.0.1"),
        ("_hidden", "127.0.0.1"),
        ("for=203.0.113.1", "127.0.0.1"),
        ("\"203.0.113.1\"", "127.0.0.1"),
        ("fe80::1%eth0", "127.0.0.1"),
        ("[fe80::1%25eth0]", "127.0.0.1"),
        ("203.0.113.01", "127.0.0.1"),
        ("203.0.113", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("203.0.113.256", "127.0.0.1"),
        ("203.0.113.1:", "127.0.0.1"),
        ("203.0.113.1:99999", "127.0.0.1"),
        ("[203.0.113.1]", "127.0.0.1"),
        ("", "127.0.0.1"),
        ("203.0.113.1,", "127.0.0.1"),
        (",,,", "127.0.0.1"),
        ("203.0.113.1 203.0.113.2", "127.0.0.1"),
    ];
    for (value, expected) in cases {
        let reply = house.ask(format!("GET /api/auth/login HTTP/1.1\r\nhost: {SITE}\r\nx-forwarded-for: {value}\r\n\r\n")).await;
        assert_eq!(reply.status, 405, "{value}");
        assert_eq!(caller(&house), expected, "{value:?}");
    }
    let long = vec!["203.0.113.1"; 900].join(",");
    assert_eq!(
        house.ask(format!("GET /api/auth/login HTTP/1.1\r\nhost: {SITE}\r\nx-forwarded-for: {long}\r\n\r\n")).await.status,
        405
    );
}
