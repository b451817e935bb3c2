//! How sessions begin and end.

use http::{Method, StatusCode};
use serde_json::json;

use crate::client::{CSRF, Client, PASSWORD, SESSION};
use crate::house::House;

#[tokio::test]
async fn sign_in_sets_exactly_the_three_cookies_and_answers_with_the_account() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let mut client = Client::new(&house);
    let answer = client.sign_in("Ada@Example.com", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
    let cookies = answer.set_cookies();
    assert_eq!(cookies.len(), 3, "{cookies:?}");
    let (session, csrf) = (client.cookie(SESSION).to_owned(), client.cookie(CSRF).to_owned());
    assert_eq!(cookies[0], format!("{SESSION}={session}; Path=/; Secure; HttpOnly; SameSite=Lax"));
    assert_eq!(cookies[1], format!("{CSRF}={csrf}; Path=/; Secure; SameSite=Strict"));
    let me = answer.json();
    let mut names: Vec<_> = me.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["avatar_url", "bio", "display_name", "email", "email_verified", "id", "roles"]);
    assert_eq!(me["email_verified"], json!(true));
    assert_eq!(client.get("/api/auth/me").await.json(), me);
    assert!(!answer.text().contains(&session) && !answer.text().contains(&csrf));
}

#[tokio::test]
async fn signing_in_again_ends_the_presented_session() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let first = client.cookie(SESSION).to_owned();
    house.sign_in(&mut client, "ada@example.com").await;
    assert_ne!(client.cookie(SESSION), first);
    let mut old = Client::new(&house);
    old.jar.insert(SESSION.into(), first);
    assert_eq!(old.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn ses_08_a_credential_counts_only_in_its_cookie_and_only_when_we_made_it() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let value = member.cookie(SESSION).to_owned();
    for path in [
        format!("/api/auth/me?session={value}"),
        format!("/api/auth/me?{SESSION}={value}"),
        format!("/api/auth/me?access_token={value}"),
    ] {
        assert_eq!(Client::new(&house).get(&path).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for (name, text) in [
        ("authorization", format!("Bearer {value}")),
        ("authorization", format!("Basic {value}")),
        ("x-session", value.clone()),
        ("x-session-id", value.clone()),
        (SESSION, value.clone()),
        ("x-doorward-session", value.clone()),
        ("x-doorward-user", "1".into()),
        ("cookie2", format!("{SESSION}={value}")),
    ] {
        let mut client = Client::new(&house);
        let answer = client.ask(Method::GET, "/api/auth/me").field(name, &text).send().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{name}");
    }
    let chosen = "A".repeat(43);
    for made_up in [chosen.as_str(), "1", "", "admin", "00000000-0000-4000-8000-000000000000"] {
        let mut client = Client::new(&house);
        client.jar.insert(SESSION.into(), made_up.into());
        assert_eq!(client.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED, "{made_up:?}");
        let mut client = Client::new(&house);
        client.jar.insert(SESSION.into(), made_up.into());
        house.sign_in(&mut client, "ada@example.com").await;
        assert_ne!(client.cookie(SESSION), made_up, "a value that somebody chose is never adopted");
    }
    let mut body = Client::new(&house);
    let answer = body.post_json("/api/auth/login", &json!({"session": value, "email": "x", "password": "y"})).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn sign_out_ends_the_session_on_the_server_and_clears_with_the_same_attributes() {
    let house = House::new().await;
    let mut client = house.member("ada@example.com").await;
    let value = client.cookie(SESSION).to_owned();
    let answer = client.post_empty("/api/auth/logout").await;
    assert_eq!((answer.status, answer.text()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(
        answer.set_cookies(),
        [
            format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"),
            format!("{CSRF}=; Path=/; Secure; SameSite=Strict; Max-Age=0"),
        ]
    );
    let mut replay = Client::new(&house);
    replay.jar.insert(SESSION.into(), value);
    assert_eq!(replay.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn ses_10_signing_out_without_a_live_session_is_one_answer() {
    let house = House::new().await;
    let mut ended = house.member("ada@example.com").await;
    let ended_jar = ended.jar.clone();
    ended.post_empty("/api/auth/logout").await;
    let mut expired = house.signed_in("ada@example.com").await;
    let expired_jar = expired.jar.clone();
    assert_eq!(expired.get("/api/auth/me").await.status, StatusCode::OK);
    house.clock.advance(std::time::Duration::from_secs(8 * 86_400));
    let foreign = [(SESSION.to_owned(), "A".repeat(43)), (CSRF.to_owned(), "x".to_owned())].into();
    let mut seen = Vec::new();
    for jar in [Default::default(), ended_jar, expired_jar, foreign] {
        let mut client = Client::new(&house);
        for _ in 0..3 {
            client.jar.clone_from(&jar);
            seen.push(client.post_empty("/api/auth/logout").await.fingerprint());
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert!(seen[0].starts_with("401") && seen[0].ends_with(r#"{"detail":"Not authenticated"}"#), "{}", seen[0]);
}

#[tokio::test]
async fn ses_18_sign_out_and_nothing_else_clears_site_data() {
    let house = House::new().await;
    let expected = r#""cache", "cookies", "storage""#;
    let mut client = house.member("ada@example.com").await;
    for path in ["/api/auth/csrf", "/api/auth/me", "/account", "/api/health", "/account/sign-in", "/nope"] {
        assert_eq!(client.get(path).await.field("clear-site-data"), "", "{path}");
    }
    assert_eq!(client.sign_in("ada@example.com", PASSWORD).await.field("clear-site-data"), "");
    let refused = client.ask(Method::POST, "/api/auth/logout").field("sec-fetch-site", "cross-site").send().await;
    assert_eq!((refused.status, refused.field("clear-site-data")), (StatusCode::FORBIDDEN, ""));
    assert_eq!(client.ask(Method::GET, "/api/auth/logout").send().await.field("clear-site-data"), "");
    assert_eq!(client.post_empty("/api/auth/logout").await.field("clear-site-data"), expected);
    assert_eq!(client.post_empty("/api/auth/logout").await.field("clear-site-data"), "", "401: nothing to clear");
    let mut page = house.signed_in("ada@example.com").await;
    page.get("/account").await;
    let token = page.cookie(CSRF).to_owned();
    assert_eq!(page.post_form("/account/sign-out", &[("csrf_token", &token)]).await.field("clear-site-data"), expected);
}

#[tokio::test]
async fn ses_20_nothing_but_signing_in_makes_a_session() {
    let house = House::new().await;
    let mut client = Client::new(&house);
    for route in doorward_app::route::ROUTES.iter().filter(|route| route.method == Method::GET) {
        let answer = client.get(&route.path.replace("{name}", "x")).await;
        assert!(!answer.set_cookies().iter().any(|cookie| cookie.starts_with(SESSION)), "{}", route.path);
    }
    client.post_json("/api/auth/register", &json!({"email": "ada@example.com", "password": PASSWORD})).await;
    let token = house.token_for("ada@example.com").await;
    for path in
        ["/account/verify".to_owned(), format!("/account/verify?token={token}"), format!("/api/auth/verify-email?token={token}")]
    {
        client.get(&path).await;
        client.ask(Method::HEAD, &path).send().await;
    }
    let answer = client.post_json("/api/auth/verify-email", &json!({"token": token})).await;
    assert_eq!((answer.status, answer.set_cookies().len()), (StatusCode::OK, 0), "verified, by POST alone, and not signed in");
    assert_eq!((client.cookie(SESSION), house.session_count().await), ("", 0));
    house.sign_in(&mut client, "ada@example.com").await;
    assert_eq!(house.session_count().await, 1);
}
