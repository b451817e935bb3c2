//! Limits of the application, as a client meets them.

use doorward_testkit::{House, OUTSIDE, Request};
use serde_json::json;

#[test]
fn app_rl_05_attempts_count_whatever_their_body_is() {
    let house = House::builder().limit("auth_login", "5/h").start();
    house.add_member("ada@app.test");
    let post = || Request::post("/api/auth/login");
    let malformed = [
        post().body("application/json", "{"),
        post().body("application/json", ""),
        post().body("application/json", "{\"email\": 1}"),
        post().body("text/plain", "hello"),
        post().json(&json!({"email": "ada@app.test", "password": "x", "unknown": true})),
    ];
    for request in &malformed {
        let status = house.client().send(request).status;
        assert!((400..429).contains(&status), "{request:?}: {status}");
    }
    let right = json!({"email": "ada@app.test", "password": house.password()});
    assert_eq!(house.client().post_json("/api/auth/login", &right).status, 429);
    assert_eq!(
        house.client_from(OUTSIDE).post_json("/api/auth/login", &right).status,
        200,
        "another caller has a count of its own"
    );
}

#[test]
fn app_rl_10_signing_in_to_an_own_account_washes_no_guesses_away() {
    let house = House::builder().limit("auth_login", "6/h").start();
    house.add_member("mallory@app.test");
    house.add_member("ada@app.test");
    let attempt = |email: &str, password: &str| {
        house.client().post_json("/api/auth/login", &json!({"email": email, "password": password})).status
    };
    for guess in 0..3 {
        assert_eq!(attempt("ada@app.test", &format!("a wrong but long guess {guess}")), 401);
        assert_eq!(attempt("mallory@app.test", house.password()), 200);
    }
    assert_eq!(attempt("ada@app.test", "a wrong but long guess"), 429);
    assert_eq!(attempt("mallory@app.test", house.password()), 429);
}

/// Fields that tell of quotas are optional and none is sent: a refusal's `Retry-After` is all that anybody learns of a counter.
#[test]
fn app_rl_09_no_answer_tells_how_much_of_a_quota_is_left() {
    let house = House::builder().limit("auth_login", "2/h").limit("edge_auth", "8/h").start();
    house.add_member("ada@app.test");
    let mut client = house.client_from(OUTSIDE);
    let mut statuses = Vec::new();
    let answers = ["ada@app.test", "nobody@app.test", "ada@app.test"]
        .map(|email| client.post_json("/api/auth/login", &json!({"email": email, "password": "a wrong but long guess"})));
    let more = (0..7).map(|_| client.get("/api/auth/me"));
    for reply in answers.into_iter().chain(more.collect::<Vec<_>>()) {
        let told = reply.headers.iter().find(|(name, _)| name.to_lowercase().contains("ratelimit"));
        assert_eq!(told, None, "{reply:?}");
        statuses.push(reply.status);
    }
    assert_eq!(statuses, [401, 401, 429, 401, 401, 401, 401, 401, 429, 429], "limits of both kinds were met");
}

#[test]
fn what_a_foreign_page_sends_uses_up_no_quota_however_long_it_is() {
    let house = House::builder().limit("auth_login", "3/h").start();
    house.add_member("ada@app.test");
    for (length, status) in [(10, 403), (9 * 1024, 413)] {
        for _ in 0..5 {
            let forged =
                Request::post("/api/auth/login").body("text/plain", "x".repeat(length)).header("Sec-Fetch-Site", "cross-site");
            assert_eq!(house.client().send(&forged).status, status, "{length} octets");
        }
    }
    let right = json!({"email": "ada@app.test", "password": house.password()});
    assert_eq!(house.client().post_json("/api/auth/login", &right).status, 200);
}
