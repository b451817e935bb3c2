//! The link of a notice and the list of known browsers, over HTTP: an outsider learns nothing, the owner is out of nobody's reach.

use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{CSRF, Client};
use crate::house::House;

const ADA: &str = "ada@example.com";
const DEVICE: &str = "__Host-doorward_device";

/// The code of the latest mail that carries a link to a page.
async fn code(house: &House, page: &str) -> String {
    while house.deliver().await > 0 {}
    let mark = format!("/account/{page}#token=");
    let mails = house.mails();
    let mail = mails.iter().rev().find(|mail| mail.contains(&mark)).expect("a mail with the link");
    let (_, rest) = mail.split_once(&mark).expect("a link");
    rest.split_whitespace().next().expect("a code").to_owned()
}

#[tokio::test]
async fn the_link_of_a_notice_ends_every_session_by_script_and_without() {
    let house = House::new().await;
    let mut owner = house.member(ADA).await;
    let mut thief = house.signed_in(ADA).await;
    // A wrong code is refused like any other, and nothing happens.
    let mut stranger = Client::new(&house);
    for body in [json!({}), json!({"token": 7}), json!({"token": "x"}), json!({"token": "A".repeat(43)})] {
        let answer = stranger.post_json("/api/auth/end-sessions", &body).await;
        assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "Invalid or expired token".into()));
    }
    assert_eq!(thief.get("/api/auth/me").await.status, StatusCode::OK);
    let body = json!({"token": code(&house, "end-sessions").await});
    let ended = stranger.post_json("/api/auth/end-sessions", &body).await;
    assert_eq!((ended.status, ended.detail()), (StatusCode::OK, "All sessions ended".into()));
    assert!(ended.set_cookies().is_empty(), "nobody is signed in by it");
    for client in [&mut owner, &mut thief] {
        assert_eq!(client.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(stranger.post_json("/api/auth/end-sessions", &body).await.status, StatusCode::BAD_REQUEST, "once");
    code(&house, "reset").await;

    // The page: the whole link may be pasted, a wrong one shows the form again.
    house.signed_in(ADA).await;
    let mut thief = house.signed_in(ADA).await;
    let link = format!("https://app.example.com/account/end-sessions#token={}", code(&house, "end-sessions").await);
    let mut browser = Client::new(&house);
    let shown = browser.get("/account/end-sessions").await;
    assert!(shown.status == StatusCode::OK && shown.text().contains("data-from-fragment"));
    let token = browser.cookie(CSRF).to_owned();
    let unproved = browser.post_form("/account/end-sessions", &[("token", &link)]).await;
    assert_eq!(unproved.status, StatusCode::FORBIDDEN, "without the hidden field");
    let wrong = browser.post_form("/account/end-sessions", &[("csrf_token", &token), ("token", "x")]).await;
    assert!(wrong.status == StatusCode::BAD_REQUEST && wrong.text().contains("data-from-fragment"));
    assert_eq!(thief.get("/api/auth/me").await.status, StatusCode::OK);
    let done = browser.post_form("/account/end-sessions", &[("csrf_token", &token), ("token", &link)]).await;
    assert!(done.status == StatusCode::OK && done.text().contains("Signed out everywhere"), "{}", done.text());
    assert_eq!(thief.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn known_browsers_are_shown_to_their_owner_alone_and_forgotten_one_by_one() {
    let house = House::new().await;
    let mut ada = house.member(ADA).await;
    let mut second = Client::new(&house);
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let body = json!({"email": ADA, "password": crate::client::PASSWORD}).to_string();
    let ask = second.ask(Method::POST, "/api/auth/login").own().field("user-agent", firefox);
    assert_eq!(ask.body("application/json", body).send().await.status, StatusCode::OK);
    let page = ada.get("/account/sessions").await;
    let known = page.text().split_once("Browsers that are known").expect("the list").1.to_owned();
    assert_eq!(known.matches("/account/sessions/forget").count(), 2);
    assert!(!known.contains(ada.cookie(DEVICE)) && !known.contains(second.cookie(DEVICE)));
    let (_, rest) = known.split_once("name=\"id\" value=\"").expect("a reference");
    let newest = rest.split('"').next().expect("its end").to_owned();

    let mut eve = house.member("eve@example.com").await;
    assert!(!eve.get("/account/sessions").await.text().contains(&newest));
    for (client, expected) in [(&mut eve, StatusCode::NOT_FOUND), (&mut ada, StatusCode::SEE_OTHER)] {
        client.get("/account/sessions").await;
        let token = client.cookie(CSRF).to_owned();
        for id in ["x", "00000000-0000-4000-8000-000000000000"] {
            let answer = client.post_form("/account/sessions/forget", &[("csrf_token", &token), ("id", id)]).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}");
        }
        let answer = client.post_form("/account/sessions/forget", &[("csrf_token", &token), ("id", &newest)]).await;
        assert_eq!(answer.status, expected);
    }
    let page = ada.get("/account/sessions").await;
    assert_eq!(page.text().matches("/account/sessions/forget").count(), 1);
    assert_eq!(second.get("/api/auth/me").await.status, StatusCode::OK, "a browser is no session");
}
