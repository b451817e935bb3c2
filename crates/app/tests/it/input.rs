//! Bodies that no two parsers agree on, and bodies that are too much.

use doorward_app::route::{Endpoint, Route};
use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Answer, CSRF, Client, PASSWORD};
use crate::house::House;
use crate::table::{body_routes, caller, concrete, json_routes, send_octets};

/// Routes that tell what is no JSON; the one that must not tell has a test of its own (FORGOT-02).
fn telling_routes() -> impl Iterator<Item = &'static Route> {
    body_routes().filter(|route| route.endpoint != Endpoint::ForgotPassword)
}

/// An address of its own for each route.
fn address(route: &Route) -> String {
    format!("{:?}@example.com", route.endpoint).to_lowercase()
}

async fn post(house: &House, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
    Client::new(house).ask(Method::POST, path).own().body("application/json", body).send().await
}

#[tokio::test]
async fn input_01_size_depth_and_names_are_bounded() {
    let house = House::new().await;
    let deep = |open: &str, close: &str, n: usize| format!("{{\"a\":{}1{}}}", open.repeat(n), close.repeat(n));
    let names = |n: usize| Value::Object((0..n).map(|i| (format!("k{i}"), Value::Null)).collect()).to_string();
    for route in telling_routes() {
        let mut client = caller(&house, route, &address(route)).await;
        let shown_route = concrete(route);
        for body in [deep("[", "]", 16), deep("{\"a\":", "}", 16), deep("[", "]", 3000), "[".repeat(8192), names(65)] {
            let answer = send_octets(&mut client, route, body.clone()).await;
            let shown = &body[..body.len().min(40)];
            let expected = (StatusCode::BAD_REQUEST, "Invalid request".into());
            assert_eq!((answer.status, answer.detail()), expected, "{shown_route} {shown}");
        }
        for body in [deep("[", "]", 15), deep("{\"a\":", "}", 15), names(64)] {
            // The profile takes no name that it does not know.
            if route.endpoint != Endpoint::Profile {
                let answer = send_octets(&mut client, route, body).await;
                // The start of a sign-in with a provider asks for no name: it goes on.
                assert!(answer.status.is_success() || answer.detail() != "Invalid request", "{shown_route}");
            }
        }
        let large = json!({"email": "ada@example.com", "password": "x".repeat(8192)}).to_string();
        assert_eq!(send_octets(&mut client, route, large.clone()).await.status, StatusCode::PAYLOAD_TOO_LARGE, "{shown_route}");
        for body in [large, "[".repeat(100_000)] {
            let token = client.cookie(CSRF).to_owned();
            let ask = client.ask(route.method.clone(), &shown_route).own().field("x-csrf-token", &token);
            let answer = ask.stream("application/json", body).send().await;
            assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{shown_route} without a length");
        }
    }
    for path in ["/api/csp-report", "/api/auth/forgot-password"] {
        for (size, is_taken) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
            let body = format!("{{\"email\":\"{}\"}}", "x".repeat(size - 12));
            for announced in [true, false] {
                let mut client = Client::new(&house);
                let ask = client.ask(Method::POST, path).own();
                let ask = if announced {
                    ask.body("application/json", body.clone())
                } else {
                    ask.stream("application/json", body.clone())
                };
                let is_refused = ask.send().await.status == StatusCode::PAYLOAD_TOO_LARGE;
                assert_eq!(is_refused, !is_taken, "{path} {size}");
            }
        }
    }
    let mut client = Client::new(&house);
    client.get("/account/sign-in").await;
    let body = format!("csrf_token={}&email=a&password={}", client.cookie(CSRF), "x".repeat(8192));
    let ask = client.ask(Method::POST, "/account/sign-in").own();
    assert_eq!(ask.stream("application/x-www-form-urlencoded", body).send().await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn input_02_json_with_two_readings_is_refused() {
    let house = House::new().await;
    let bodies: &[&[u8]] = &[
        br#"{"email":"a@example.com","email":"b@example.com","password":"x"}"#,
        br#"{"email":"a","\u0065mail":"b"}"#,
        br#"{"a":{"b":1,"b":2}}"#,
        br#"[{"a":1,"a":1}]"#,
        br#"{"a":NaN}"#,
        br#"{"a":Infinity}"#,
        br#"{"a":-Infinity}"#,
        br#"{"a":1e999}"#,
        br#"{"a":01}"#,
        br#"{"a":+1}"#,
        br#"{"a":.5}"#,
        br#"{"a":0x10}"#,
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\0}\0",
        b"{} {}",
        b"{}x",
        b"{}\0",
        b"{},",
        br#"{"a":1,}"#,
        br#"{"a":[1,]}"#,
        br#"{'a':1}"#,
        b"{a:1}",
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xc0\xaf\"}",
        b"{\"a\":\"\xed\xa0\x80\"}",
        br#"{"a":"\ud800"}"#,
        br#"{"a":"\udc00\ud800"}"#,
        br#"{"\ud800":1}"#,
        b"{\"a\":\"\n\"}",
        b"/* c */{}",
        b"{}// c",
        b"\x0b{}",
        b"\xc2\xa0{}",
        b"",
        b" ",
        b"{",
        b"null",
        b"true",
        b"\"text\"",
        b"[]",
        b"1",
    ];
    for route in telling_routes() {
        let mut client = caller(&house, route, &address(route)).await;
        let path = route.path;
        for body in bodies {
            let answer = send_octets(&mut client, route, body.to_vec()).await;
            let shown = String::from_utf8_lossy(body);
            assert_eq!(
                (answer.status, answer.text()),
                (StatusCode::BAD_REQUEST, r#"{"detail":"Invalid request"}"#),
                "{path} {shown}"
            );
        }
    }
}

#[tokio::test]
async fn input_03_types_are_checked_and_never_turned_into_each_other() {
    let house = House::new().await;
    let mut member = house.member("1@example.com").await;
    for odd in [json!(1), json!(true), json!(["1@example.com"]), json!({"$ne": ""}), json!(1.5)] {
        let login = json!({"email": odd, "password": PASSWORD}).to_string();
        assert_eq!(post(&house, "/api/auth/login", login).await.status, StatusCode::UNAUTHORIZED, "{odd}");
        let login = json!({"email": "1@example.com", "password": odd}).to_string();
        assert_eq!(post(&house, "/api/auth/login", login).await.status, StatusCode::UNAUTHORIZED, "{odd}");
        for field in ["email", "password", "username"] {
            let mut body = json!({"email": "new@example.com", "password": PASSWORD, "username": "New"});
            body[field] = odd.clone();
            let answer = post(&house, "/api/auth/register", body.to_string()).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{field} {odd}");
            assert_eq!(answer.json()["errors"], json!([{"field": field, "detail": "must be text"}]));
        }
        for path in ["/api/auth/verify-email", "/api/auth/email/confirm", "/api/auth/email/undo", "/api/auth/end-sessions"] {
            let answer = post(&house, path, json!({"token": odd}).to_string()).await;
            assert_eq!(answer.detail(), "Invalid or expired token", "{path}");
        }
        let reset = json!({"token": odd, "password": PASSWORD}).to_string();
        assert_eq!(post(&house, "/api/auth/reset-password", reset).await.detail(), "Invalid or expired token");
        let forgot = json!({"email": odd}).to_string();
        assert_eq!(post(&house, "/api/auth/forgot-password", forgot).await.status, StatusCode::OK);
        let flag = json!({"email": "1@example.com", "password": PASSWORD, "remember": odd}).to_string();
        let signed_in = post(&house, "/api/auth/login", flag).await.status == StatusCode::OK;
        assert_eq!(signed_in, odd.is_boolean(), "remember {odd}");
        for (method, path, field) in [
            (Method::PATCH, "/api/auth/me", "display_name"),
            (Method::PATCH, "/api/auth/me", "avatar_url"),
            (Method::PATCH, "/api/auth/me", "bio"),
            (Method::POST, "/api/auth/reset-password", "password"),
            (Method::POST, "/api/auth/password", "current_password"),
            (Method::POST, "/api/auth/password", "new_password"),
            (Method::POST, "/api/auth/email", "email"),
            (Method::POST, "/api/auth/email", "current_password"),
            (Method::DELETE, "/api/auth/me", "current_password"),
        ] {
            let token = member.cookie(CSRF).to_owned();
            let ask = member.ask(method, path).own().field("x-csrf-token", &token);
            let answer = ask.body("application/json", json!({field: odd}).to_string()).send().await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {field} {odd}");
            assert_eq!(answer.json()["errors"], json!([{"field": field, "detail": "must be text"}]));
        }
        assert_eq!(post(&house, "/api/auth/verify-email/resend", json!({"email": odd}).to_string()).await.status, StatusCode::OK);
    }
    // The one sign-in above was from a new browser, and is told.
    assert_eq!(house.deliver().await, 1, "none of it was taken for an address");
    assert!(house.mails().last().expect("a mail").contains("A new sign-in"));
}

#[tokio::test]
async fn input_05_compressed_bodies_are_refused() {
    let house = House::new().await;
    for route in json_routes() {
        let mut client = caller(&house, route, &address(route)).await;
        for coding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x"] {
            let token = client.cookie(CSRF).to_owned();
            let ask = client.ask(route.method.clone(), &concrete(route)).own().field("x-csrf-token", &token);
            let answer = ask.body("application/json", "{}").field("content-encoding", coding).send().await;
            assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{} {coding}", route.path);
        }
    }
}

#[tokio::test]
async fn input_06_the_query_of_an_auth_post_says_nothing() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let query = "email=ada@example.com&password=nine%20quiet%20lanterns%20over%20Trondheim&token=x";
    for (path, body, status) in [
        ("/api/auth/login", json!({}), StatusCode::UNAUTHORIZED),
        ("/api/auth/login", json!({"email": "ada@example.com"}), StatusCode::UNAUTHORIZED),
        ("/api/auth/register", json!({"password": PASSWORD}), StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/auth/verify-email/resend", json!({}), StatusCode::OK),
        ("/api/auth/forgot-password", json!({}), StatusCode::OK),
        ("/api/auth/reset-password", json!({"password": PASSWORD}), StatusCode::BAD_REQUEST),
        ("/api/auth/email/confirm", json!({}), StatusCode::BAD_REQUEST),
        ("/api/auth/email/undo", json!({}), StatusCode::BAD_REQUEST),
        ("/api/auth/end-sessions", json!({}), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(post(&house, &format!("{path}?{query}"), body.to_string()).await.status, status, "{path}");
    }
    house.sign_up("bea@example.com").await;
    let token = house.token_for("bea@example.com").await;
    let answer = post(&house, &format!("/api/auth/verify-email?token={token}"), "{}").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let right = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let answer = post(&house, "/api/auth/login?email=evil@example.com&password=x", right).await;
    assert_eq!(answer.status, StatusCode::OK, "nor can it spoil a right body");
    let mut page = Client::new(&house);
    page.get("/account/sign-in").await;
    let token = page.cookie(CSRF).to_owned();
    let path = format!("/account/sign-in?{query}");
    let answer = page.post_form(&path, &[("csrf_token", &token)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn forms_are_read_as_strictly_as_json() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut client = Client::new(&house);
    client.get("/account/sign-in").await;
    let token = client.cookie(CSRF).to_owned();
    let right = format!("csrf_token={token}&email=ada%40example.com&password=nine+quiet+lanterns+over+Trondheim&next=");
    for body in [
        format!("{right}&email=eve%40example.com"),
        format!("{right}&csrf_token={token}"),
        format!("{right}&x=%"),
        format!("{right}&x=%zz"),
        format!("{right}&x=%ff"),
        format!("{right}{}", (0..20).map(|i| format!("&f{i}=")).collect::<String>()),
    ] {
        let ask = client.ask(Method::POST, "/account/sign-in").own().body("application/x-www-form-urlencoded", body.clone());
        assert_eq!(ask.send().await.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let ask = client.ask(Method::POST, "/account/sign-in").own().body("application/json", "{}");
    assert_eq!(ask.send().await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let ask = client.ask(Method::POST, "/account/sign-in").own().body("application/x-www-form-urlencoded", right);
    assert_eq!(ask.send().await.status, StatusCode::SEE_OTHER);
}

/// JSON values with their text, nested a little.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_json_object_and_no_octets_make_the_application_fall_over(value in value(), junk in proptest::collection::vec(any::<u8>(), 0..200)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let house = House::shared().await;
            for body in [json!({"token": value}).to_string().into_bytes(), value.to_string().into_bytes(), junk] {
                let answer = post(house, "/api/auth/verify-email", body).await;
                assert_eq!(answer.status, StatusCode::BAD_REQUEST);
                assert!(answer.json()["detail"].is_string());
            }
        });
    }
}

/// Every text of the JSON routes, with what refuses a control in it. Passwords are no texts: PWD-01 allows any character in them, and only
/// NUL is refused.
const TEXTS: [(&str, &str, u16); 10] = [
    ("/api/auth/register", "email", 422),
    ("/api/auth/register", "username", 422),
    ("/api/auth/me", "display_name", 422),
    ("/api/auth/me", "avatar_url", 422),
    ("/api/auth/me", "bio", 422),
    ("/api/auth/email", "email", 422),
    // One answer for every cause: a control is a wrong identifier, a wrong code, no address.
    ("/api/auth/login", "email", 401),
    ("/api/auth/verify-email", "token", 400),
    ("/api/auth/reset-password", "token", 400),
    ("/api/auth/forgot-password", "email", 200),
];

#[tokio::test]
async fn input_10_controls_are_refused_in_every_text() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    for (path, field, expected) in TEXTS {
        for control in ["\u{0}", "\u{1}", "\u{8}", "\u{b}", "\u{1b}", "\u{1f}"] {
            for text in [format!("{control}ada"), format!("a{control}da"), format!("ada{control}")] {
                let text = if field == "email" { format!("{text}@example.com") } else { text };
                let mut body = json!({"email": "new@example.com", "password": PASSWORD, "current_password": PASSWORD});
                if path == "/api/auth/me" {
                    body = json!({});
                }
                body[field] = json!(text);
                let method = if path == "/api/auth/me" { Method::PATCH } else { Method::POST };
                let token = member.cookie(CSRF).to_owned();
                let ask = member.ask(method, path).own().field("x-csrf-token", &token);
                let answer = ask.body("application/json", body.to_string()).send().await;
                assert_eq!(answer.status.as_u16(), expected, "{path} {field} {text:?}: {}", answer.text());
                assert!(answer.json()["detail"].is_string());
            }
        }
    }
    for password in ["nine quiet lanterns\u{0} over Trondheim", "\u{0}nine quiet lanterns over Trondheim"] {
        let body = json!({"email": "new@example.com", "password": password});
        assert_eq!(post(&house, "/api/auth/register", body.to_string()).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

/// Texts that would end a statement, a literal, a key or a filter, if one were ever put together from text (INPUT-04).
const INJECTIONS: [&str; 14] = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "\" OR \"\"=\"",
    "'; DROP TABLE users; --",
    "') UNION SELECT password_hash FROM users --",
    "admin'/*",
    "\\'; SELECT pg_sleep(9); --",
    "1; SELECT pg_sleep(9)",
    "'||(SELECT randomblob(1000000000))||'",
    "%' AND 1=1 --",
    "$1",
    "?1",
    "*3\r\n$3\r\nSET\r\n$1\r\nx\r\n$1\r\ny\r\n",
    "{\"$where\":\"sleep(9000)\"}",
];

#[tokio::test]
async fn texts_that_look_like_statements_are_texts() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let sessions = house.session_count().await;
    for text in INJECTIONS {
        let address = format!("{text}@example.com");
        for (path, body) in [
            ("/api/auth/login", json!({"email": text, "password": text})),
            ("/api/auth/login", json!({"username": address, "password": PASSWORD})),
            ("/api/auth/register", json!({"email": address, "password": PASSWORD, "username": text})),
            ("/api/auth/verify-email", json!({"token": text})),
            ("/api/auth/verify-email/resend", json!({"email": address})),
            ("/api/auth/forgot-password", json!({"email": address})),
            ("/api/auth/reset-password", json!({"token": text, "password": PASSWORD})),
            ("/api/auth/email/confirm", json!({"token": text})),
            ("/api/auth/email/undo", json!({"token": text})),
            ("/api/auth/end-sessions", json!({"token": text})),
        ] {
            let mut client = Client::new(&house);
            let ask = client.ask(Method::POST, path).own().body("application/json", body.to_string());
            let answer = ask.field("user-agent", &text.replace(['\r', '\n'], " ")).send().await;
            assert!(!answer.status.is_server_error(), "{path} {text}: {}", answer.text());
            assert_ne!((path, answer.status), ("/api/auth/login", StatusCode::OK), "{text}");
        }
        let mut forged = Client::new(&house);
        forged.jar.insert(crate::client::SESSION.into(), text.replace(['\r', '\n', ';', ' ', ',', '"'], ""));
        assert_eq!(forged.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED, "{text}");
        let name = if text.contains('\r') { "plain" } else { text };
        let token = member.cookie(CSRF).to_owned();
        let ask = member.ask(Method::PATCH, "/api/auth/me").own().field("x-csrf-token", &token);
        let answer = ask.body("application/json", json!({"display_name": name, "bio": name}).to_string()).send().await;
        assert_eq!((answer.status, &answer.json()["display_name"]), (StatusCode::OK, &json!(name)), "kept as it is");
        assert_eq!(member.get("/api/auth/me").await.json()["bio"], json!(name));
    }
    assert_eq!(house.session_count().await, sessions, "nobody was signed in or out");
    house.signed_in("ada@example.com").await;
}

#[tokio::test]
async fn input_07_what_is_compared_is_what_is_kept() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    // Other spellings of one address are that address, at sign-in as at sign-up.
    for same in ["ADA@EXAMPLE.COM", "Ada@Example.Com", "ada@EXAMPLE.com"] {
        assert_eq!(Client::new(&house).sign_in(same, PASSWORD).await.status, StatusCode::OK, "{same}");
    }
    // What only looks like it is another address or none, and never signs in.
    let others = ["а" /* Cyrillic */, "ａ", "a\u{301}", "ⓐ", "𝐚", "a\u{200b}", "a\u{ad}", " a", "\u{feff}a"];
    for other in others {
        let address = format!("{other}da@example.com");
        // Nobody gets more than three such answers a day.
        house.clock.advance(std::time::Duration::from_secs(86_400));
        while house.deliver().await > 0 {}
        let before = house.mails().len();
        let answer = Client::new(&house).sign_in(&address, PASSWORD).await;
        let folded = answer.status == StatusCode::OK;
        let asked = house.register(&address, "").await;
        assert!(asked.status == StatusCode::ACCEPTED || asked.status == StatusCode::UNPROCESSABLE_ENTITY, "{address:?}");
        if folded {
            assert_eq!(asked.status, StatusCode::ACCEPTED, "{address:?} is ada's at sign-in, so sign-up takes it too");
            while house.deliver().await > 0 {}
            // The sign-in from a new browser is told too.
            let told = house.mails().split_off(before);
            let is_answer = |mail: &&String| mail.contains("You already have an account");
            assert_eq!((told.len(), told.iter().filter(is_answer).count()), (2, 1), "{address:?}: {told:?}");
        }
    }
}

#[tokio::test]
async fn input_08_no_text_makes_a_check_slow() {
    // No matcher that backtracks is even linked in; `regex` is linear by construction.
    let lock = include_str!("../../../../Cargo.lock");
    for matcher in ["fancy-regex", "pcre2", "onig", "regress", "hyperscan"] {
        assert!(!lock.contains(&format!("name = \"{matcher}\"")), "{matcher}");
    }
    let house = House::new().await;
    // What makes backtracking matchers take exponential time, at two sizes: twice the text may not take many times as long.
    let shapes: [fn(usize) -> String; 7] = [
        |n| format!("{}!", "a".repeat(n)),
        |n| format!("{}@", "a.".repeat(n / 2)),
        |n| format!("a@{}!", "a-".repeat(n / 2)),
        |n| format!("{}@example.com", "a.a".repeat(n / 3)),
        |n| format!("a@{}", "a.".repeat(n / 2)),
        |n| format!("{}\u{301}", "\u{301}".repeat(n / 2)),
        |n| format!("<{}>@example.com", "\"\\".repeat(n / 2)),
    ];
    let routes =
        [("/api/auth/verify-email/resend", "email"), ("/api/auth/verify-email", "token"), ("/api/auth/register", "email")];
    for shape in shapes {
        for (path, field) in routes {
            let mut best = [std::time::Duration::MAX; 2];
            for _ in 0..5 {
                for (slot, size) in best.iter_mut().zip([1000, 4000]) {
                    // Refused for its password before anything is hashed.
                    let body = json!({field: shape(size), "password": "short"}).to_string();
                    let began = std::time::Instant::now();
                    let answer = post(&house, path, body).await;
                    *slot = (*slot).min(began.elapsed());
                    assert!(!answer.status.is_server_error());
                }
            }
            // Four times the text: at most some forty times the time, where one nested quantifier would need 2^1000.
            let bound = best[0] * 40 + std::time::Duration::from_millis(5);
            assert!(best[1] < bound, "{path} {:?} then {:?}", best[0], best[1]);
        }
    }
}
