//! What the owner of an account does with it, over HTTP: profile, password, sessions, a copy of the data, the end.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::client::{Answer, CSRF, Client, PASSWORD, SESSION};
use crate::house::House;

const NEW: &str = "eleven calm otters under Bergen";

async fn change(client: &mut Client<'_>, method: Method, path: &str, body: &Value) -> Answer {
    let token = client.cookie(CSRF).to_owned();
    let ask = client.ask(method, path).own().field("x-csrf-token", &token);
    ask.body("application/json", body.to_string()).send().await
}

#[tokio::test]
async fn a_profile_takes_its_three_fields_and_refuses_every_other() {
    let house = House::new().await;
    let mut member = house.named_member("ada@example.com", "Ada").await;
    let before = member.get("/api/auth/me").await.json();
    for privileged in
        ["is_admin", "email", "id", "is_email_verified", "email_verified", "password_hash", "roles", "__proto__", ""]
    {
        let body = json!({privileged: "eve@example.com", "bio": "changed"});
        let answer = change(&mut member, Method::PATCH, "/api/auth/me", &body).await;
        assert_eq!((answer.status, answer.detail()), (StatusCode::BAD_REQUEST, "Invalid request".into()), "{privileged}");
        assert_eq!(member.get("/api/auth/me").await.json(), before, "{privileged}");
    }
    let body = json!({"display_name": "Ada L.", "avatar_url": "https://img.example.com/a.png", "bio": "Counts."});
    let answer = change(&mut member, Method::PATCH, "/api/auth/me", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json(), member.get("/api/auth/me").await.json());
    assert_eq!((&answer.json()["bio"], &answer.json()["email"]), (&json!("Counts."), &json!("ada@example.com")));
    let cleared = change(&mut member, Method::PATCH, "/api/auth/me", &json!({"avatar_url": null})).await.json();
    assert_eq!((&cleared["avatar_url"], &cleared["bio"]), (&Value::Null, &json!("Counts.")), "null clears, absent keeps");
    let same = change(&mut member, Method::PATCH, "/api/auth/me", &json!({})).await.json();
    assert_eq!(same, cleared);
}

#[tokio::test]
async fn a_changed_password_gives_this_browser_a_new_session_and_takes_all_others() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mut other = house.signed_in("ada@example.com").await;
    let (session, csrf) = (member.cookie(SESSION).to_owned(), member.cookie(CSRF).to_owned());
    let wrong = json!({"current_password": "not the one that it is", "new_password": NEW});
    let refused = change(&mut member, Method::POST, "/api/auth/password", &wrong).await;
    assert_eq!((refused.status, refused.detail()), (StatusCode::UNAUTHORIZED, "Invalid credentials".into()));
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let answer = change(&mut member, Method::POST, "/api/auth/password", &body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(member.cookie(SESSION) != session && member.cookie(CSRF) != csrf, "both cookies are new");
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::OK);
    assert_eq!(other.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(Client::new(&house).sign_in("ada@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(Client::new(&house).sign_in("ada@example.com", NEW).await.status, StatusCode::OK);
}

#[tokio::test]
async fn sessions_are_listed_by_reference_and_end_one_by_one() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mut other = house.signed_in("ada@example.com").await;
    let mut stranger = house.member("eve@example.com").await;
    let answer = member.get("/api/auth/sessions").await;
    let list = answer.json()["sessions"].as_array().expect("a list").clone();
    assert_eq!(list.len(), 2);
    assert_eq!(list.iter().filter(|entry| entry["is_current"] == json!(true)).count(), 1);
    for entry in &list {
        let mut names: Vec<_> = entry.as_object().expect("an object").keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["created_at", "expires_at", "id", "ip", "is_current", "is_two_factor", "last_seen_at", "user_agent"]);
        assert_eq!(entry["ip"], json!("192.0.2.0/24"), "a network, not an address");
    }
    for value in [member.cookie(SESSION), other.cookie(SESSION)] {
        assert!(!answer.text().contains(value), "an id is no credential");
    }
    let foreign = list.iter().find(|entry| entry["is_current"] == json!(false)).expect("the other")["id"].clone();
    let path = format!("/api/auth/sessions/{}", foreign.as_str().expect("an id"));
    let theirs = change(&mut stranger, Method::DELETE, &path, &json!({})).await;
    let nobodys = "/api/auth/sessions/00000000-0000-4000-8000-000000000000";
    let unknown = change(&mut stranger, Method::DELETE, nobodys, &json!({})).await;
    assert_eq!(theirs.fingerprint(), unknown.fingerprint(), "another's is like none");
    assert_eq!((theirs.status, other.get("/api/auth/me").await.status), (StatusCode::NOT_FOUND, StatusCode::OK));
    assert_eq!(change(&mut member, Method::DELETE, &path, &json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(other.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    let mut third = house.signed_in("ada@example.com").await;
    assert_eq!(member.post_empty("/api/auth/sessions/revoke-others").await.status, StatusCode::NO_CONTENT);
    assert_eq!(third.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_copy_of_the_data_is_a_file_without_secrets() {
    let house = House::new().await;
    let mut member = house.named_member("ada@example.com", "Ada").await;
    let answer = member.post_empty("/api/auth/me/export").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.field("content-disposition"), "attachment; filename=\"account.json\"");
    assert_eq!(answer.json()["account"]["email"], json!("ada@example.com"));
    assert_eq!(answer.json()["sessions"].as_array().expect("a list").len(), 1);
    assert_eq!(answer.json()["browsers"].as_array().expect("a list").len(), 1);
    assert_eq!((&answer.json()["factors"], &answer.json()["providers"]), (&json!([]), &json!([])));
    for secret in ["$argon2", member.cookie(SESSION), member.cookie(CSRF), member.cookie("__Host-doorward_device"), PASSWORD] {
        assert!(!secret.is_empty());
        assert!(!answer.text().contains(secret));
    }
}

#[tokio::test]
async fn a_deleted_account_is_gone_here_and_in_the_browser() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let mut other = house.signed_in("ada@example.com").await;
    let wrong = change(&mut member, Method::DELETE, "/api/auth/me", &json!({"current_password": "wrong"})).await;
    assert_eq!((wrong.status, wrong.detail()), (StatusCode::UNAUTHORIZED, "Invalid credentials".into()));
    assert_eq!(member.get("/api/auth/me").await.status, StatusCode::OK);
    let gone = change(&mut member, Method::DELETE, "/api/auth/me", &json!({"current_password": PASSWORD})).await;
    assert_eq!((gone.status, gone.text()), (StatusCode::NO_CONTENT, ""));
    assert_eq!((member.cookie(SESSION), member.cookie(CSRF)), ("", ""));
    assert_eq!(other.get("/api/auth/me").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(Client::new(&house).sign_in("ada@example.com", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}
