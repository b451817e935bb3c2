//! The way to a provider and back, as the API and the pages take it.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, CSRF, Client};
use crate::house::House;

const START: &str = "/api/auth/oauth/elsewhere/start";
const CALLBACK: &str = "/api/auth/oauth/elsewhere/callback";
const PAGE: &str = "/account/oauth/elsewhere";
const COOKIE: &str = "__Host-doorward_provider";

/// The state of a way that was begun.
fn state_of(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let url = answer.json()["authorization_url"].as_str().expect("a URL").to_owned();
    url.split_once("state=").expect("a state").1.to_owned()
}

fn set_provider(answer: &Answer) -> Vec<String> {
    answer.set_cookies().into_iter().filter(|cookie| cookie.starts_with(COOKIE)).collect()
}

async fn finish(client: &mut Client<'_>, body: &Value) -> Answer {
    client.post_json(CALLBACK, body).await
}

/// Targets that nobody has listed, in every disguise of OAUTH-07.
const EVIL: [&str; 12] = [
    "//evil.test",
    "/\\evil.test",
    "https:evil.test",
    "https://evil.test",
    "/account/../..//evil.test",
    "/account\r\nLocation: //evil.test",
    "%2f%2fevil.test",
    "javascript:alert(1)",
    "/account/",
    "/account?next=//evil.test",
    "/Account",
    "",
];

#[tokio::test]
async fn oauth_07_no_target_but_a_listed_one_is_taken_at_the_start_or_on_the_way_back() {
    let house = House::shared().await;
    let mut client = Client::new(house);
    client.get("/account/sign-in").await;
    for next in EVIL {
        let answer = client.post_json(START, &json!({"next": next})).await;
        assert_eq!((answer.status, &*answer.detail()), (StatusCode::BAD_REQUEST, "Invalid redirect"), "{next:?}");
        assert!(set_provider(&answer).is_empty(), "{next:?}");
        // A page knows better than to fail: it leaves out what it may not lead to.
        let token = client.cookie(CSRF).to_owned();
        let page = client.post_form(&format!("{PAGE}/start"), &[("csrf_token", &token), ("next", next)]).await;
        assert_eq!(page.status, StatusCode::OK, "{next:?}");
        assert!(!page.text().contains("evil"), "{next:?}");
        // On the way back nothing is asked where to: what is told all the same is not looked at.
        let state = state_of(&client.post_json(START, &json!({"next": "/account"})).await);
        let answer = finish(&mut client, &json!({"code": "x", "state": state, "next": next})).await;
        assert_eq!((answer.status, &*answer.detail()), (StatusCode::BAD_REQUEST, "OAuth failed"), "{next:?}");
        assert!(answer.field("location").is_empty());
        let token = client.cookie(CSRF).to_owned();
        let fields = [("csrf_token", &*token), ("code", "x"), ("state", "x"), ("next", next)];
        let page = client.post_form(PAGE, &fields).await;
        assert_eq!((page.status, page.field("location")), (StatusCode::BAD_REQUEST, ""), "{next:?}");
        assert!(!page.text().contains("evil"), "{next:?}");
    }
}

#[tokio::test]
async fn a_link_is_begun_and_ended_with_the_token_of_its_session() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let knock = async |member: &mut Client<'_>, path: &str, body: &Value| {
        member.ask(Method::POST, path).own().body("application/json", body.to_string()).send().await
    };
    let wish = json!({"mode": "link"});
    let answer = knock(&mut member, START, &wish).await;
    assert_eq!((answer.status, &*answer.detail()), (StatusCode::FORBIDDEN, "CSRF failed"));
    assert_eq!(Client::new(&house).post_json(START, &wish).await.status, StatusCode::UNAUTHORIZED, "nobody's account");
    let started = member.post_json(START, &wish).await;
    let state = state_of(&started);
    let [cookie] = &set_provider(&started)[..] else { panic!("one cookie") };
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=600"), "{cookie}");
    let body = json!({"code": "x", "state": state});
    let answer = knock(&mut member, CALLBACK, &body).await;
    assert_eq!((answer.status, &*answer.detail()), (StatusCode::FORBIDDEN, "CSRF failed"));
    assert!(set_provider(&answer).is_empty(), "it is not over");
    let answer = finish(&mut member, &body).await;
    assert_eq!((answer.status, &*answer.detail()), (StatusCode::BAD_REQUEST, "OAuth failed"));
    let over = format!("{COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
    assert_eq!(answer.set_cookies(), [over], "and nothing else is set");
}

#[tokio::test]
async fn who_has_to_wait_keeps_the_way_that_was_begun() {
    let house = House::with("auth_oauth = \"1/min\"").await;
    let mut client = Client::new(&house);
    let state = state_of(&client.post_json(START, &json!({})).await);
    let answer = finish(&mut client, &json!({"code": "x", "state": state})).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.set_cookies().is_empty(), "{:?}", answer.set_cookies());
}

#[tokio::test]
async fn oauth_20_a_provider_that_is_not_configured_is_not_available_and_nothing_says_why() {
    let house = House::shared().await;
    let mut client = Client::new(house);
    let answer = client.post_json("/api/auth/oauth/google/start", &json!({})).await;
    assert_eq!((answer.status, answer.text()), (StatusCode::SERVICE_UNAVAILABLE, "{\"detail\":\"Service unavailable\"}"));
    assert!(answer.set_cookies().is_empty());
    assert_eq!(client.get("/account/oauth/google").await.status, StatusCode::NOT_FOUND);
    let answer = client.post_json("/api/auth/oauth/google/callback", &json!({"code": "x", "state": "x"})).await;
    assert_eq!((answer.status, &*answer.detail()), (StatusCode::BAD_REQUEST, "OAuth failed"));
}
