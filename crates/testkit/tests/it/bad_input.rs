//! Whatever comes in: a clear refusal, never a 500, and the house stands.

use doorward_testkit::{House, RawClient, Request, detail};
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::site::Site;

#[test]
fn odd_bodies_get_a_clear_refusal() {
    let mut house = House::builder().start();
    let bodies: Vec<Vec<u8>> = [
        &b""[..],
        b" ",
        b"null",
        b"true",
        b"1",
        b"\"x\"",
        b"[]",
        b"[{}]",
        b"{",
        b"{}",
        b"{}}",
        b"{}{}",
        b"{\"email\"}",
        b"{\"email\":1,\"password\":2}",
        b"{\"email\":null,\"password\":null}",
        b"{\"email\":[\"a@app.test\"],\"password\":{}}",
        b"{\"email\":\"a@app.test\",\"email\":\"b@app.test\",\"password\":\"x\"}",
        b"{\"email\":\"a@app.test\",\"password\":\"x\",\"admin\":true}",
        b"{\"email\":\"a@app.test\\u0000\",\"password\":\"x\"}",
        b"{\"email\":\"\\ud800\",\"password\":\"x\"}",
        b"{\"token\":1}",
        b"{\"token\":\"\\u0000\"}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"{\"email\":\"\xff\"}",
        b"{\"email\":1e999}",
        b"{\"email\":NaN}",
        b"{'email':'a'}",
        b"{\"email\":\"a\",}",
        b"<xml/>",
    ]
    .iter()
    .map(|body| body.to_vec())
    .chain([b"[".repeat(4_000), b"{\"a\":".repeat(1_500), b"\"".repeat(4_000)])
    .collect();
    for path in ["/api/auth/login", "/api/auth/register", "/api/auth/verify-email", "/api/auth/verify-email/resend"] {
        for body in &bodies {
            let reply = house.client().send(&Request::post(path).body("application/json", body.clone()));
            assert!(
                (400..500).contains(&reply.status) || reply.status == 200 && path.ends_with("resend"),
                "{path} {body:?}: {reply:?}"
            );
            detail(&reply);
            assert!(reply.all("set-cookie").is_empty(), "{reply:?}");
        }
    }
    house.assert_alive();
}

#[test]
fn odd_addresses_get_a_clear_refusal() {
    let mut house = House::builder().start();
    for address in [
        "",
        " ",
        "@",
        "a@",
        "@b",
        "a",
        "a@b@c",
        "a@b,c@d",
        "a b@app.test",
        "a@app test",
        "a@app.test\r\nBcc: evil@evil.test",
        "a\0@app.test",
        "\"a b\"@app.test",
        "a(b)@app.test",
        "<a@app.test>",
        "=?utf-8?q?a?=@app.test",
        "a@[127.0.0.1]",
        "a@-app.test",
        "a@app..test",
        &format!("{}@app.test", "a".repeat(300)),
        "' OR 1=1 --@app.test",
        "{{7*7}}@app.test",
        "<script>@app.test",
    ] {
        let reply = house.client().post_json("/api/auth/register", &json!({"email": address, "password": house.password()}));
        assert!(matches!(reply.status, 400 | 422), "{address:?}: {reply:?}");
        detail(&reply);
        assert!(address.trim().len() < 3 || !reply.text().contains(address), "the input is echoed: {reply:?}");
    }
    assert!(house.mailbox().all().is_empty());
    house.assert_alive();
}

/// Octets that are likely to hurt somebody, between well-behaved pieces.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"POST /api/auth/login HTTP/1.1\r\n".to_vec()),
        Just(b"Host: app.test\r\n".to_vec()),
        Just(b"Content-Length: 5\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"Cookie: __Host-doorward_session=x\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"5\r\nhello\r\n0\r\n\r\n".to_vec()),
        Just(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        "[ -~]{0,60}\r\n".prop_map(String::into_bytes),
    ];
    proptest::collection::vec(piece, 1..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn random_octets_never_make_a_server_error() {
    let mut site = Site::start();
    let mut runner = TestRunner::new(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() });
    let https = site.house.https();
    let result = runner.run(&octets(), |bytes| {
        let mut raw = RawClient::tls(https, doorward_testkit::INSIDE, &doorward_testkit::Tls::to("app.test")).unwrap();
        raw.set_patience(std::time::Duration::from_millis(200));
        raw.send_what_it_takes(&bytes);
        raw.finish();
        let (replies, _) = raw.replies_until_closed();
        for reply in replies {
            prop_assert!(reply.status < 500 || matches!(reply.status, 501 | 502 | 505), "{reply:?} to {bytes:?}");
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    site.house.assert_alive();
    site.house.client().get("/").expect(200);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_json_never_makes_a_server_error(values in proptest::collection::vec(json_value(), 200)) {
        let mut house = House::builder().start();
        let mut client = house.client();
        for value in values {
            for path in ["/api/auth/verify-email", "/api/auth/verify-email/resend"] {
                let reply = client.post_json(path, &value);
                prop_assert!(reply.status < 500, "{path} {value}: {reply:?}");
            }
        }
        house.assert_alive();
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let key = prop_oneof![Just("token".to_owned()), Just("email".to_owned()), any::<String>()];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..5).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}
