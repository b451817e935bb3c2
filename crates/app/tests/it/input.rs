//! Bodies that no two parsers agree on, and bodies that are too much.

use http::{Method, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::client::{Answer, CSRF, Client, PASSWORD};
use crate::house::House;

const JSON_ROUTES: [&str; 4] =
    ["/api/auth/login", "/api/auth/register", "/api/auth/verify-email", "/api/auth/verify-email/resend"];

async fn post(house: &House, path: &str, body: impl Into<bytes::Bytes>) -> Answer {
    Client::new(house).ask(Method::POST, path).own().body("application/json", body).send().await
}

#[tokio::test]
async fn size_depth_and_names_are_bounded() {
    let house = House::new().await;
    let deep = |open: &str, close: &str, n: usize| format!("{{\"a\":{}1{}}}", open.repeat(n), close.repeat(n));
    let names = |n: usize| Value::Object((0..n).map(|i| (format!("k{i}"), Value::Null)).collect()).to_string();
    for path in JSON_ROUTES {
        for body in [deep("[", "]", 16), deep("{\"a\":", "}", 16), deep("[", "]", 3000), "[".repeat(8192), names(65)] {
            let answer = post(&house, path, body.clone()).await;
            let shown = &body[..body.len().min(40)];
            assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "Invalid request".into()), "{path} {shown}");
        }
        for body in [deep("[", "]", 15), deep("{\"a\":", "}", 15), names(64)] {
            assert_ne!(post(&house, path, body).await.detail(), "Invalid request", "{path}");
        }
        let large = json!({"email": "ada@example.com", "password": "x".repeat(8192)}).to_string();
        assert_eq!(post(&house, path, large.clone()).await.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
        let mut client = Client::new(&house);
        let unannounced = client.ask(Method::POST, path).own().stream("application/json", large).send().await;
        assert_eq!(unannounced.status, StatusCode::PAYLOAD_TOO_LARGE, "{path} without a length");
        let huge = client.ask(Method::POST, path).own().stream("application/json", "[".repeat(100_000)).send().await;
        assert_eq!(huge.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
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
    for path in JSON_ROUTES {
        for body in bodies {
            let answer = post(&house, path, body.to_vec()).await;
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
    house.member("1@example.com").await;
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
        let answer = post(&house, "/api/auth/verify-email", json!({"token": odd}).to_string()).await;
        assert_eq!(answer.detail(), "Invalid or expired token");
        assert_eq!(post(&house, "/api/auth/verify-email/resend", json!({"email": odd}).to_string()).await.status, StatusCode::OK);
    }
    assert_eq!(house.deliver().await, 0, "none of it was taken for an address");
}

#[tokio::test]
async fn input_05_compressed_bodies_are_refused() {
    let house = House::new().await;
    for coding in ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "x"] {
        for path in JSON_ROUTES {
            let mut client = Client::new(&house);
            let ask = client.ask(Method::POST, path).own().body("application/json", "{}").field("content-encoding", coding);
            assert_eq!(ask.send().await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{path} {coding}");
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
