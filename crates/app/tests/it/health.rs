//! What the world may know of our state.

use http::StatusCode;

use crate::client::Client;
use crate::house::House;

#[tokio::test]
async fn expo_05_health_says_three_words_up_or_down() {
    let house = House::new().await;
    let mut client = Client::new(&house);
    let up = client.get("/api/health").await;
    assert_eq!((up.status, up.text()), (StatusCode::OK, r#"{"ok":true,"service":"doorward","db_ok":true}"#));
    house.break_store().await;
    let down = client.get("/api/health").await;
    assert_eq!(
        (down.status, down.text()),
        (StatusCode::SERVICE_UNAVAILABLE, r#"{"ok":false,"service":"doorward","db_ok":false}"#)
    );
}

#[tokio::test]
async fn ses_19_a_store_that_does_not_answer_is_503_and_never_anonymous() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let mut uncached = Client::new(&house);
    uncached.jar.insert(crate::client::SESSION.into(), "A".repeat(43));
    house.break_store().await;
    let answers = [
        uncached.get("/api/auth/me").await,
        uncached.get("/account").await,
        uncached.post_empty("/api/auth/logout").await,
        client.post_empty("/api/auth/logout").await,
        client.sign_in("ada@example.com", crate::client::PASSWORD).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.text());
        assert_eq!(answer.field("retry-after"), "1");
        assert!(answer.set_cookies().is_empty());
    }
    let cookie = format!("{}={}", crate::client::SESSION, "A".repeat(43));
    let request = http::Request::get("/api/notes").header("cookie", cookie).body(()).expect("a request");
    let admit = house.admit(request, "api").await;
    assert!(matches!(admit, doorward_app::Admit::Refused(doorward_app::Refused::Unavailable)), "{admit:?}");
}

#[tokio::test]
async fn the_process_can_end_while_the_store_does_not_answer() {
    let house = House::new().await;
    house.break_store().await;
    let forged =
        Client::new(&house).ask(http::Method::POST, "/api/auth/login").field("sec-fetch-site", "cross-site").send().await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN, "an entry waits for the store");
    tokio::time::timeout(std::time::Duration::from_secs(60), house.end()).await.expect("it gives up");
}
