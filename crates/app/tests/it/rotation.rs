//! How a browser comes by the new credential of its session, and what it may do with the old one meanwhile.

use std::time::Duration;

use doorward_app::Admit;
use http::{Method, Request, StatusCode};
use serde_json::json;

use crate::client::{Answer, CSRF, Client, PASSWORD, SESSION};
use crate::house::House;

const DEVICE: &str = "__Host-doorward_device";
const HOURS: Duration = Duration::from_secs(3600);

/// The `Set-Cookie` of a name, which must be the only one of that name.
#[track_caller]
fn sole<'a>(cookies: &'a [String], name: &str) -> &'a str {
    let hits: Vec<&String> = cookies.iter().filter(|cookie| cookie.starts_with(&format!("{name}="))).collect();
    assert_eq!(hits.len(), 1, "{name} in {cookies:?}");
    hits[0]
}

#[track_caller]
fn assert_renewed(answer: &Answer) {
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 2, "{cookies:?}");
    assert!(sole(&cookies, SESSION).ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookies:?}");
    assert!(sole(&cookies, CSRF).ends_with("; Path=/; Secure; SameSite=Strict"), "{cookies:?}");
}

/// A member whose credential is due, and the same browser as it was before anything was renewed.
async fn due(house: &House) -> (Client<'_>, Client<'_>) {
    let member = house.member("ada@example.com").await;
    house.clock.advance(12 * HOURS);
    let mut before = Client::new(house).at([192, 0, 2, 1]);
    before.jar = member.jar.clone();
    (member, before)
}

fn head(client: &Client<'_>, method: Method) -> http::request::Builder {
    let cookies = format!("{SESSION}={}; {CSRF}={}", client.cookie(SESSION), client.cookie(CSRF));
    Request::builder().method(method).uri("/api/notes").header("cookie", cookies).header("x-csrf-token", client.cookie(CSRF))
}

#[tokio::test]
async fn a_request_renews_a_credential_that_is_due_and_the_next_does_not() {
    let house = House::new().await;
    let (mut member, _) = due(&house).await;
    let (session, csrf) = (member.cookie(SESSION).to_owned(), member.cookie(CSRF).to_owned());
    assert_renewed(&member.get("/api/auth/me").await);
    assert!(member.cookie(SESSION) != session && member.cookie(CSRF) != csrf);
    let next = member.get("/api/auth/me").await;
    assert_eq!((next.status, next.set_cookies().len()), (StatusCode::OK, 0));
    assert_eq!(member.post_empty("/api/auth/logout").await.status, StatusCode::NO_CONTENT, "with the new token");
}

#[tokio::test]
async fn what_was_under_way_goes_on_with_its_own_cookie_and_its_own_token() {
    let house = House::new().await;
    let (mut member, mut before) = due(&house).await;
    let mut mixed = Client::new(&house).at([192, 0, 2, 1]);
    assert_renewed(&member.get("/api/auth/me").await);
    let late = before.get("/api/auth/me").await;
    assert_eq!((late.status, late.set_cookies().len()), (StatusCode::OK, 0), "and is given nothing");
    mixed.jar = [(SESSION.into(), before.cookie(SESSION).into()), (CSRF.into(), member.cookie(CSRF).into())].into();
    assert_eq!(mixed.post_empty("/api/auth/logout").await.status, StatusCode::FORBIDDEN, "the new token with the old cookie");
    mixed.jar = [(SESSION.into(), member.cookie(SESSION).into()), (CSRF.into(), before.cookie(CSRF).into())].into();
    assert_eq!(mixed.post_empty("/api/auth/logout").await.status, StatusCode::FORBIDDEN, "the old token with the new cookie");
    assert_eq!(before.post_empty("/api/auth/logout").await.status, StatusCode::NO_CONTENT, "its own pair");
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED, "it is one session");
}

#[tokio::test]
async fn a_form_that_comes_with_a_new_credential_can_be_sent() {
    let house = House::new().await;
    let (mut member, _) = due(&house).await;
    let page = member.get("/account").await;
    assert_renewed(&page);
    assert!(page.text().contains(member.cookie(CSRF)), "the form has the token of the new cookie");
    let token = member.cookie(CSRF).to_owned();
    let done = member.post_form("/account/sign-out", &[("csrf_token", &token)]).await;
    assert_eq!((done.status, member.cookie(SESSION)), (StatusCode::SEE_OTHER, ""));
}

#[tokio::test]
async fn asking_for_a_token_gives_one_for_the_new_credential() {
    let house = House::new().await;
    let (mut member, _) = due(&house).await;
    assert_renewed(&member.get("/api/auth/csrf").await);
    assert_eq!(member.post_empty("/api/auth/logout").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn what_changes_something_leaves_the_credential_to_its_handler() {
    let house = House::new().await;
    let (mut member, _) = due(&house).await;
    let answer = member.post_empty("/api/auth/logout").await;
    let cookies = answer.set_cookies();
    assert!(sole(&cookies, SESSION).contains("Max-Age=0") && sole(&cookies, CSRF).contains("Max-Age=0"), "{cookies:?}");
}

#[tokio::test]
async fn the_door_renews_on_safe_and_unsafe_requests_and_not_on_upgrades() {
    let house = House::new().await;
    let (member, _) = due(&house).await;
    let upgrade = head(&member, Method::GET).header("upgrade", "websocket").header("origin", "https://app.example.com");
    let Admit::Identified { cookies, .. } = house.admit(upgrade.body(()).expect("a request"), "api").await else {
        panic!("not admitted")
    };
    assert!(cookies.is_empty());
    let post = head(&member, Method::POST).body(()).expect("a request");
    let Admit::Identified { cookies, .. } = house.admit(post, "api").await else { panic!("not admitted") };
    assert!(cookies.iter().all(http::HeaderValue::is_sensitive), "kept out of compression tables");
    let cookies: Vec<String> = cookies.iter().map(|cookie| cookie.to_str().expect("ASCII").to_owned()).collect();
    assert_eq!(cookies.len(), 2);
    assert_ne!(sole(&cookies, SESSION), "");
    // The same browser again, as it was: still let pass, and given nothing.
    let Admit::Identified { cookies, .. } = house.admit(head(&member, Method::POST).body(()).expect("a request"), "api").await
    else {
        panic!("not admitted")
    };
    assert!(cookies.is_empty());
    house.clock.advance(12 * HOURS);
    let after = house.admit(head(&member, Method::GET).body(()).expect("a request"), "api").await;
    assert!(matches!(after, Admit::Anonymous), "half a day later it is nobody's");
}

#[tokio::test]
async fn a_refused_request_renews_nothing() {
    let house = House::new().await;
    let (member, _) = due(&house).await;
    let forged = Request::builder()
        .method(Method::POST)
        .uri("/api/notes")
        .header("cookie", format!("{SESSION}={}", member.cookie(SESSION)))
        .body(())
        .expect("a request");
    assert!(matches!(house.admit(forged, "api").await, Admit::Refused(_)));
    let Admit::Identified { cookies, .. } = house.admit(head(&member, Method::GET).body(()).expect("a request"), "api").await
    else {
        panic!("not admitted")
    };
    assert_eq!(cookies.len(), 2, "it was still to be had");
}

#[tokio::test]
async fn a_store_that_does_not_answer_renews_nothing_and_ends_nothing() {
    let house = House::new().await;
    let (mut member, _) = due(&house).await;
    let session = member.cookie(SESSION).to_owned();
    member.ask(Method::HEAD, "/api/auth/logout").send().await;
    let known = house.admit(head(&member, Method::GET).header("upgrade", "x").body(()).expect("a request"), "api").await;
    assert!(matches!(known, Admit::Identified { .. }), "the session is in the cache now");
    house.break_store().await;
    let answer = member.get("/api/auth/me").await;
    assert_eq!((answer.status, answer.set_cookies().len()), (StatusCode::OK, 0));
    assert_eq!(member.cookie(SESSION), session);
}

#[tokio::test]
async fn only_a_remembered_session_outlives_the_browser() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let sign_in = async |remember: serde_json::Value| {
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "remember": remember});
        Client::new(&house).post_json("/api/auth/login", &body).await
    };
    for plain in [json!(false), json!(null)] {
        let cookies = sign_in(plain).await.set_cookies();
        assert!(!sole(&cookies, SESSION).contains("Max-Age") && !sole(&cookies, CSRF).contains("Max-Age"), "{cookies:?}");
    }
    let cookies = sign_in(json!(true)).await.set_cookies();
    for name in [SESSION, CSRF] {
        assert!(sole(&cookies, name).ends_with("; Max-Age=2592000"), "thirty days: {cookies:?}");
    }
    for neither in [json!("true"), json!(1), json!([true]), json!({})] {
        let answer = sign_in(neither.clone()).await;
        assert_eq!((answer.status, answer.set_cookies().len()), (StatusCode::UNAUTHORIZED, 0), "{neither}");
    }
    // A renewed one keeps what is left.
    let mut browser = Client::new(&house);
    browser.post_json("/api/auth/login", &json!({"email": "ada@example.com", "password": PASSWORD, "remember": true})).await;
    house.clock.advance(24 * HOURS);
    let cookies = browser.get("/api/auth/me").await.set_cookies();
    for name in [SESSION, CSRF] {
        assert!(sole(&cookies, name).ends_with("; Max-Age=2505600"), "twenty-nine: {cookies:?}");
    }
}

#[tokio::test]
async fn the_box_on_the_page_remembers_too() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut browser = Client::new(&house);
    let page = browser.get("/account/sign-in").await;
    assert!(page.text().contains(r#"name="remember""#));
    let token = browser.cookie(CSRF).to_owned();
    let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("password", PASSWORD), ("remember", "yes")];
    let cookies = browser.post_form("/account/sign-in", &fields).await.set_cookies();
    assert!(sole(&cookies, SESSION).ends_with("; Max-Age=2592000"), "{cookies:?}");
}

#[tokio::test]
async fn a_sign_in_makes_the_browser_known_and_signing_out_makes_it_forget() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut browser = Client::new(&house);
    let cookies = browser.sign_in("ada@example.com", PASSWORD).await.set_cookies();
    let device = sole(&cookies, DEVICE);
    assert!(device.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=7776000"), "ninety days: {device}");
    let value = browser.cookie(DEVICE).to_owned();
    // By itself it opens nothing.
    for name in [SESSION, DEVICE] {
        let mut other = Client::new(&house);
        other.jar.insert(name.into(), value.clone());
        assert_eq!(other.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    browser.sign_in("ada@example.com", PASSWORD).await;
    assert_eq!(browser.cookie(DEVICE), value, "it is the same browser");
    let answer = browser.post_empty("/api/auth/logout").await;
    assert!(answer.field("clear-site-data").contains("cookies"), "which takes it along");
}

#[tokio::test]
async fn guesses_from_elsewhere_slow_strangers_and_not_the_known_browser() {
    let house = House::new().await;
    let mut owner = house.member("ada@example.com").await;
    let guess = async |from: u8, email: &str| {
        let mut client = Client::new(&house).at([198, 51, 100, from]);
        client.sign_in(email, "wrong wrong wrong wrong").await
    };
    for from in 0..10 {
        assert_eq!(guess(from, "ada@example.com").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(guess(from, "nobody@example.com").await.status, StatusCode::UNAUTHORIZED);
    }
    let (known, unknown) = (guess(20, "ada@example.com").await, guess(20, "nobody@example.com").await);
    assert_eq!((known.status, known.field("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1"));
    assert_eq!(known.fingerprint(), unknown.fingerprint());
    let mut twice = Client::new(&house).at([198, 51, 100, 99]);
    let both = format!("{DEVICE}={0}; {DEVICE}={0}", owner.cookie(DEVICE));
    let body = json!({"email": "ada@example.com", "password": PASSWORD}).to_string();
    let answer = twice.ask(Method::POST, "/api/auth/login").field("cookie", &both).body("application/json", body).send().await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "a cookie that comes twice is none");
    assert_eq!(owner.sign_in("ada@example.com", PASSWORD).await.status, StatusCode::OK);
}

#[tokio::test]
async fn ses_11_both_clocks_end_a_session_on_the_server_and_neither_runs_back() {
    let house = House::new().await;
    let start = doorward_kit::Clock::now(&*house.clock);
    let me = async |client: &mut Client<'_>| client.get("/api/auth/me").await.status;
    let mut idle = house.member("ada@example.com").await;
    house.clock.advance(24 * HOURS - Duration::from_micros(1));
    let mut busy = house.signed_in("ada@example.com").await;
    house.clock.advance(Duration::from_micros(1));
    assert_eq!(me(&mut idle).await, StatusCode::UNAUTHORIZED, "a day without a request");
    for hour in 1..=7 * 24 {
        assert_eq!(me(&mut busy).await, StatusCode::OK, "hour {hour}");
        house.clock.advance(HOURS);
    }
    assert_eq!(me(&mut busy).await, StatusCode::UNAUTHORIZED, "a week, however busy and however often its cookie was replaced");
    // Just before the idle timeout, over and over: awake, but not for ever.
    let mut last = house.signed_in("ada@example.com").await;
    let mut days = 0;
    while me(&mut last).await == StatusCode::OK {
        days += 1;
        house.clock.advance(24 * HOURS - Duration::from_secs(1));
        assert!(days < 9, "it never ends");
    }
    assert!(days >= 7, "ended on day {days}");
    house.clock.set(start + 25 * HOURS);
    for client in [&mut idle, &mut busy, &mut last] {
        assert_eq!(me(client).await, StatusCode::UNAUTHORIZED, "a clock set back revives nothing");
    }
}
