//! Forged, borrowed and doubled tokens, at the API and at the door alike.

use http::{Method, Request, StatusCode};

use crate::client::{CSRF, Client, SESSION};
use crate::house::House;

/// A way to send an unsafe request with a session: cookies and token fields as they are given.
struct Attempt<'a> {
    cookie: String,
    tokens: Vec<&'a [u8]>,
}

impl<'a> Attempt<'a> {
    fn new(client: &Client<'_>, csrf_cookie: Option<&str>, tokens: &[&'a [u8]]) -> Self {
        let session = format!("{SESSION}={}", client.cookie(SESSION));
        let cookie = csrf_cookie.map_or(session.clone(), |value| format!("{session}; {CSRF}={value}"));
        Self { cookie, tokens: tokens.to_vec() }
    }

    /// Whether the application's own route lets it through.
    async fn passes_sign_out(&self, house: &House) -> bool {
        let mut raw = Client::new(house);
        let ask = raw.ask(Method::POST, "/api/auth/logout").own().field("cookie", &self.cookie);
        let answer = self.tokens.iter().fold(ask, |ask, token| ask.octets("x-csrf-token", token)).send().await;
        match answer.status {
            StatusCode::NO_CONTENT => true,
            StatusCode::FORBIDDEN => {
                assert_eq!(answer.text(), r#"{"detail":"CSRF failed"}"#);
                false
            }
            other => panic!("neither 204 nor 403: {other}"),
        }
    }

    /// Whether the door lets it through to an upstream.
    async fn passes_door(&self, house: &House, method: Method) -> bool {
        let mut request = Request::builder().method(method).uri("/api/notes").header("cookie", &self.cookie);
        request = request.header("sec-fetch-site", "same-origin");
        for token in &self.tokens {
            request = request.header("x-csrf-token", *token);
        }
        match house.admit(request.body(()).expect("a request"), "api").await {
            doorward_app::Admit::Identified { .. } => true,
            doorward_app::Admit::Refused(doorward_app::Refused::Csrf) => false,
            other => panic!("neither passed nor CSRF: {other:?}"),
        }
    }
}

/// Asserts that neither the API nor the door takes it, and that the session is none the worse.
async fn refused_everywhere(house: &House, client: &mut Client<'_>, csrf_cookie: Option<&str>, tokens: &[&[u8]]) {
    let attempt = Attempt::new(client, csrf_cookie, tokens);
    let shown: Vec<_> = tokens.iter().map(|token| String::from_utf8_lossy(token).chars().take(80).collect::<String>()).collect();
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        assert!(!attempt.passes_door(house, method.clone()).await, "{method} passed the door with {csrf_cookie:?} and {shown:?}");
    }
    assert!(!attempt.passes_sign_out(house).await, "sign-out with {csrf_cookie:?} and {shown:?}");
    assert_eq!(client.get("/api/auth/me").await.status, StatusCode::OK, "the session lives");
}

#[tokio::test]
async fn csrf_01_an_unsafe_request_with_a_session_needs_header_and_cookie() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let token = client.cookie(CSRF).to_owned();
    let mut wrong = token.clone();
    wrong.replace_range(..1, if token.starts_with('A') { "B" } else { "A" });
    refused_everywhere(&house, &mut client, Some(&token), &[]).await;
    refused_everywhere(&house, &mut client, None, &[token.as_bytes()]).await;
    refused_everywhere(&house, &mut client, None, &[]).await;
    refused_everywhere(&house, &mut client, Some(&token), &[wrong.as_bytes()]).await;
    refused_everywhere(&house, &mut client, Some(&wrong), &[token.as_bytes()]).await;
    refused_everywhere(&house, &mut client, Some(&wrong), &[wrong.as_bytes()]).await;
    let right = Attempt::new(&client, Some(&token), &[token.as_bytes()]);
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        assert!(right.passes_door(&house, method).await);
    }
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        assert!(Attempt::new(&client, None, &[]).passes_door(&house, method).await, "safe methods need nothing");
    }
    assert!(right.passes_sign_out(&house).await);
}

#[tokio::test]
async fn csrf_02_a_token_of_another_session_or_of_nobody_is_worth_nothing() {
    let house = House::new().await;
    let mut ada = house.member("ada@example.com").await;
    let second = house.signed_in("ada@example.com").await;
    let eve = house.member("eve@example.com").await;
    let mut visitor = Client::new(&house);
    visitor.get("/api/auth/csrf").await;
    for foreign in [second.cookie(CSRF), eve.cookie(CSRF), visitor.cookie(CSRF)] {
        assert!(!foreign.is_empty());
        refused_everywhere(&house, &mut ada, Some(foreign), &[foreign.as_bytes()]).await;
    }
    let genuine = ada.cookie(CSRF).to_owned();
    let (random, mac) = genuine.split_once('.').expect("random and MAC");
    let swapped = format!("{mac}.{random}");
    let padded = format!("{genuine}=");
    let borrowed = format!("{random}.{}", eve.cookie(CSRF).split_once('.').expect("a MAC").1);
    for made_up in ["x", "a.b", "true", random, mac, swapped.as_str(), padded.as_str(), borrowed.as_str()] {
        refused_everywhere(&house, &mut ada, Some(made_up), &[made_up.as_bytes()]).await;
    }
}

#[tokio::test]
async fn csrf_03_odd_tokens_are_refused_even_when_both_copies_agree() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let token = client.cookie(CSRF).to_owned();
    let long = "a".repeat(513);
    let huge = "a".repeat(12_000);
    let padded = format!("{token}{}", " ".repeat(600));
    for odd in ["", " ", "\t", "  ", long.as_str(), huge.as_str()] {
        refused_everywhere(&house, &mut client, Some(odd), &[odd.as_bytes()]).await;
    }
    for (cookie, header) in [("", token.as_str()), (token.as_str(), ""), (token.as_str(), " "), (token.as_str(), padded.as_str())]
    {
        refused_everywhere(&house, &mut client, Some(cookie), &[header.as_bytes()]).await;
    }
    refused_everywhere(&house, &mut client, Some(&token), &["\u{e9}".as_bytes()]).await;
    refused_everywhere(&house, &mut client, Some(&token), &[b"\xff\xfe"]).await;
    let quoted = format!("\"{token}\"");
    refused_everywhere(&house, &mut client, Some(&quoted), &[token.as_bytes()]).await;
    let escaped = token.replacen('.', "%2E", 1);
    refused_everywhere(&house, &mut client, Some(&escaped), &[token.as_bytes()]).await;
}

#[tokio::test]
async fn csrf_04_a_doubled_cookie_or_header_is_refused() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let token = client.cookie(CSRF).to_owned();
    let right = token.as_bytes();
    for doubled in [format!("{token}; {CSRF}=evil"), format!("evil; {CSRF}={token}"), format!("{token}; {CSRF}={token}")] {
        refused_everywhere(&house, &mut client, Some(&doubled), &[right]).await;
    }
    refused_everywhere(&house, &mut client, Some(&token), &[right, right]).await;
    refused_everywhere(&house, &mut client, Some(&token), &[right, b"evil"]).await;
    refused_everywhere(&house, &mut client, Some(&token), &[b"evil", right]).await;
    let joined = format!("{token}, {token}");
    refused_everywhere(&house, &mut client, Some(&token), &[joined.as_bytes()]).await;
    // The same cookie in two fields, as HTTP/2 may send it.
    let cookie = format!("{SESSION}={}; {CSRF}={token}", client.cookie(SESSION));
    let mut raw = Client::new(&house);
    let ask =
        raw.ask(Method::POST, "/api/auth/logout").own().field("cookie", &cookie).field("cookie", &format!("{CSRF}={token}"));
    assert_eq!(ask.field("x-csrf-token", &token).send().await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn csrf_05_a_fresh_token_comes_with_every_sign_in_and_the_old_one_dies() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut client = Client::new(&house);
    client.get("/api/auth/csrf").await;
    let before = client.cookie(CSRF).to_owned();
    assert!(!before.is_empty());
    house.sign_in(&mut client, "ada@example.com").await;
    let first = client.cookie(CSRF).to_owned();
    assert_ne!(before, first, "a token from before sign-in is not kept");
    refused_everywhere(&house, &mut client, Some(&before), &[before.as_bytes()]).await;
    house.sign_in(&mut client, "ada@example.com").await;
    let second = client.cookie(CSRF).to_owned();
    assert_ne!(first, second);
    refused_everywhere(&house, &mut client, Some(&first), &[first.as_bytes()]).await;
    assert_eq!(client.post_empty("/api/auth/logout").await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.cookie(CSRF), "", "the cookie goes with the session");
    client.get("/api/auth/csrf").await;
    assert!(![before, first, second].contains(&client.cookie(CSRF).to_owned()));
}

#[tokio::test]
async fn csrf_15_the_csrf_cookie_is_strict_readable_and_no_credential() {
    let house = House::new().await;
    let mut client = Client::new(&house);
    let answer = client.get("/api/auth/csrf").await;
    assert_eq!(answer.text(), r#"{"detail":"ok"}"#);
    let [cookie] = answer.set_cookies().try_into().expect("one cookie");
    let mut attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["Path=/", "SameSite=Strict", "Secure"], "no Domain, no HttpOnly");
    assert!(cookie.starts_with("__Host-doorward_csrf="));
    let kept = client.get("/api/auth/csrf").await;
    assert!(kept.set_cookies().is_empty(), "a valid token stays");
    let member = house.member("ada@example.com").await;
    let mut thief = Client::new(&house);
    thief.jar.insert(SESSION.into(), member.cookie(CSRF).to_owned());
    assert_eq!(thief.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}
