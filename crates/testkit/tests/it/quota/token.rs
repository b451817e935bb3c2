//! Routes that take a token, refuse a forged request or ask for a password again: their limits as they are by default, and the common one.

use doorward_testkit::{House, Request, assert_detail};
use serde_json::{Value, json};

use super::{ADA, LONG_ENOUGH, NO_TOKEN, caller, post};

/// The route of each request with what a caller may do before it is stopped: the defaults of table (a).
#[test]
fn app_rl_12_routes_that_take_a_token_are_limited_by_default() {
    let house = House::builder().default_limits().start();
    let member = house.member(ADA);
    let token_alone = || json!({"token": NO_TOKEN});
    let routes = [
        ("/api/auth/verify-email", 10, 400, token_alone()),
        ("/api/auth/reset-password", 10, 400, json!({"token": NO_TOKEN, "password": LONG_ENOUGH})),
        ("/api/auth/email/confirm", 10, 400, token_alone()),
        ("/api/auth/email/undo", 10, 400, token_alone()),
        ("/api/auth/end-sessions", 10, 400, token_alone()),
        ("/api/auth/login/second-factor", 10, 401, json!({"code": "123456"})),
        ("/api/auth/oauth/{provider}/callback", 5, 400, json!({"code": "x", "state": NO_TOKEN})),
    ];
    let own = [
        ("/api/auth/factors/totp/confirm", 20, json!({"enrolment": NO_TOKEN, "code": "123456"})),
        // Codes that are wrong one after the other are slowed before that.
        ("/api/auth/step-up", 10, json!({"current_password": "wrong wrong wrong wrong"})),
    ];
    let named = routes.iter().map(|(path, ..)| *path).chain(own.iter().map(|(path, ..)| *path));
    assert_eq!(takers(&house), sorted(named.map(str::to_owned).collect()), "a route has no case");
    for (number, (path, quota, status, body)) in routes.iter().enumerate() {
        let path = &path.replace("{provider}", "nowhere");
        let mut client = house.client_from(caller(number, 1));
        for n in 0..*quota {
            assert_eq!(client.post_json(path, body).status, *status, "{path}, request {n}");
        }
        assert_detail(&client.post_json(path, body), 429, "Rate limited");
        // Shapes that cannot be tokens are attempts as well.
        assert_eq!(client.post_json(path, &json!({"token": "x", "password": LONG_ENOUGH})).status, 429, "{path}");
    }
    // A session that guesses codes: refused for the code, and then for the number of them.
    for (number, (path, quota, body)) in own.iter().enumerate() {
        let mut client = member.twin_from(caller(20 + number, 1));
        for n in 0..*quota {
            let reply = client.send(&post(path, body).csrf());
            assert!(matches!(reply.status, 400 | 401), "{path}, request {n}: {reply:?}");
        }
        assert_detail(&client.send(&post(path, body).csrf()), 429, "Rate limited");
    }
    // A session that is renewed over and over.
    let mut client = member.twin_from(caller(10, 1));
    for n in 0..30 {
        assert_eq!(client.send(&Request::post("/api/auth/refresh").csrf()).status, 200, "refresh {n}");
    }
    assert_eq!(client.send(&Request::post("/api/auth/refresh").csrf()).status, 429);
    // A stolen session that guesses the password, in the end even with the right one.
    let mut client = client.twin_from(caller(11, 1));
    let guess =
        |current: &str| post("/api/auth/password", &json!({"current_password": current, "new_password": LONG_ENOUGH})).csrf();
    for n in 0..5 {
        assert_eq!(client.send(&guess("wrong wrong wrong wrong")).status, 401, "guess {n}");
    }
    assert_eq!(client.send(&guess(house.password())).status, 429);
    // Forged requests of every kind have one count, and whoever proves that a request is the site's own is not held to it.
    let mut client = client.twin_from(caller(12, 1));
    let change = || Request::new("PATCH", "/api/auth/me").json(&json!({"bio": "x"}));
    for request in [
        change(),
        change().header("X-CSRF-Token", "x"),
        change().csrf().header("Origin", "https://evil.test"),
        change().csrf().header("Sec-Fetch-Site", "cross-site"),
        post("/api/auth/login", &json!({"email": ADA, "password": "x"})).header("Origin", "null"),
    ] {
        assert_detail(&client.send(&request), 403, "CSRF failed");
    }
    assert_detail(&client.send(&change()), 429, "Rate limited");
    assert_eq!(client.send(&change().csrf()).status, 200, "the owner goes on");
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// Routes whose body has a token or a code, or that are called back, as the description of the API tells.
fn takers(house: &House) -> Vec<String> {
    let description: Value = serde_json::from_slice(&house.command(&["openapi"]).stdout).unwrap();
    let takes = |path: &str, operation: &Value| {
        let properties = &operation["requestBody"]["content"]["application/json"]["schema"]["properties"];
        path.contains("callback") || ["token", "code", "state"].iter().any(|name| properties.get(name).is_some())
    };
    let paths = description["paths"].as_object().unwrap();
    let found = paths.iter().filter(|(path, operations)| operations.as_object().unwrap().values().any(|one| takes(path, one)));
    sorted(found.map(|(path, _)| path.clone()).collect())
}

#[test]
fn reset_10_resets_are_limited_by_caller_and_in_total() {
    let house = House::builder().limit("reset_password", "3/h").limit("reset_password_total", "5/h").start();
    house.add_member(ADA);
    house.client().post_json("/api/auth/forgot-password", &json!({"email": ADA})).expect(200);
    let link = house.mailbox().wait_for_nth(ADA, 2).token();
    assert_eq!(link.len(), 43, "256 bits, six to a character: guessing is moot whatever the limits are");
    let reset = |from: u8, token: &str| {
        let body = json!({"token": token, "password": LONG_ENOUGH});
        house.client_from(caller(0, from)).post_json("/api/auth/reset-password", &body)
    };
    for n in 0..3 {
        assert_eq!(reset(1, NO_TOKEN).status, 400, "{n}");
    }
    // Whoever is over the own quota takes nothing more of the common one.
    for n in 0..10 {
        assert_eq!(reset(1, NO_TOKEN).status, 429, "{n}");
    }
    assert_eq!((reset(2, NO_TOKEN).status, reset(2, "malformed").status), (400, 400));
    let spread = reset(3, NO_TOKEN);
    assert_detail(&spread, 429, "Rate limited");
    assert!(spread.header("retry-after").unwrap().parse::<u64>().unwrap() <= 3600);
    assert_eq!(reset(4, &link).status, 429, "nothing tells a good token from a bad one");
    let output = house.command(&["audit", "search", "--event", "ratelimit.exceeded", "--json"]);
    let entries = String::from_utf8(output.stdout).unwrap();
    assert_eq!(entries.lines().filter(|line| line.contains("\"reset_password_total\"")).count(), 1, "told once: {entries}");
    // Other ways are open, and so is this one for whoever looks at another scope.
    house.client_from(caller(0, 3)).post_json("/api/auth/forgot-password", &json!({"email": ADA})).expect(200);
    let _ = house.sign_in(ADA);
}
