//! How cookies are set.

use crate::house::{Act, House};

async fn failures(cookies: &'static [&'static str]) -> Vec<String> {
    let house = House::tampered(|asked, reply| {
        let add = |reply: crate::house::Reply| cookies.iter().fold(reply, |reply, cookie| reply.add("set-cookie", cookie));
        Act::Reply(if asked.is_get("/") { add(reply) } else { reply })
    })
    .await;
    house.look_quickly().await.headers.failures
}

#[tokio::test]
async fn cookies_as_the_policy_sets_them_pass() {
    let right = &[
        "__Host-doorward_session=v; Path=/; Secure; HttpOnly; SameSite=Lax",
        "__Host-doorward_csrf=v; Path=/; Secure; SameSite=Strict",
        "theme=dark; Secure; SameSite=Lax",
    ];
    assert_eq!(failures(right).await, Vec::<String>::new());
}

#[tokio::test]
async fn each_attribute_that_is_missing_or_weak_is_named() {
    let cases: &[(&'static [&'static str], &str)] = &[
        (&["__Host-doorward_session=v; Path=/; HttpOnly; SameSite=Lax"], "__Host-doorward_session: Secure is missing"),
        (&["__Host-doorward_session=v; Path=/; Secure; SameSite=Lax"], "__Host-doorward_session: HttpOnly is missing"),
        (&["__Host-doorward_session=v; Path=/; Secure; HttpOnly"], "__Host-doorward_session: SameSite is not Lax"),
        (&["__Host-doorward_session=v; Path=/x; Secure; HttpOnly; SameSite=Lax"], "__Host-doorward_session: Path is not /"),
        (
            &["__Host-doorward_session=v; Path=/; Domain=app.test; Secure; HttpOnly; SameSite=Lax"],
            "__Host-doorward_session: Domain must not be set",
        ),
        (&["__Host-doorward_csrf=v; Path=/; Secure; SameSite=Lax"], "__Host-doorward_csrf: SameSite is not Strict"),
        (
            &["__Host-doorward_csrf=v; Path=/; Secure; HttpOnly; SameSite=Strict"],
            "__Host-doorward_csrf: HttpOnly keeps the site's own script away",
        ),
        (&["appsession=v; Secure; SameSite=Lax"], "appsession: HttpOnly is missing from a cookie that looks like a session"),
        (&["theme=dark; Secure; SameSite=None"], "theme: SameSite is neither Lax nor Strict"),
        (&["theme=dark; Secure; SameSite=Lax; SameSite=None"], "theme: SameSite is neither Lax nor Strict"),
        (
            &["theme=dark; Secure; SameSite=Lax", "theme=light; Secure; SameSite=Lax"],
            "theme: is set more than once in one answer",
        ),
    ];
    for (cookies, reason) in cases {
        let found = failures(cookies).await;
        assert_eq!(found[0], format!("root-get: set-cookie: {reason}"), "{cookies:?}");
    }
}
