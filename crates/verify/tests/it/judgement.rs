//! Values are judged by what they mean.

use doorward_policy::{Audience, HeaderPolicy};

use crate::house::{Act, House};

const CSP: &str = "content-security-policy";

fn page_csp() -> String {
    let policy = HeaderPolicy::guide();
    let rule = policy.rules(Audience::PublicPage).iter().find(|rule| rule.name == CSP).expect("a rule");
    rule.value.to_str().expect("text").to_owned()
}

/// Failures of a site whose root sends `value` as `name`.
async fn with(name: &'static str, value: String) -> Vec<String> {
    let house = House::tampered(move |asked, reply| {
        let root = asked.secure && asked.target == "/" && asked.host.starts_with("app.test");
        Act::Reply(if root { reply.set(name, &value) } else { reply })
    })
    .await;
    house.look_quickly().await.headers.failures
}

#[tokio::test]
async fn ver_03_a_policy_weakened_by_one_source_fails_and_is_named() {
    let failures = with(CSP, page_csp().replace("script-src 'self'", "script-src 'self' 'unsafe-inline'")).await;
    assert!(failures[0].starts_with("root-get: content-security-policy: "), "{failures:?}");
    assert!(failures[0].contains("script-src") && failures[0].contains("'unsafe-inline'"), "{failures:?}");
    assert_eq!(failures.len(), 4, "GET, HEAD, OPTIONS and HTTP/2");
}

#[tokio::test]
async fn ver_03_directives_and_sources_in_another_order_pass() {
    let mut parts: Vec<String> = page_csp().split(';').map(|part| part.trim().to_owned()).collect();
    parts.reverse();
    let turned = parts.join(" ;  ").replace("img-src 'self' data:", "IMG-SRC data:   'self'");
    assert_ne!(turned, page_csp());
    assert_eq!(with(CSP, turned).await, Vec::<String>::new());
}

#[tokio::test]
async fn ver_03_presence_is_not_enough() {
    let cases = [
        ("strict-transport-security", "max-age=0"),
        ("strict-transport-security", "max-age=63072000"),
        ("strict-transport-security", "x-max-age=63072000; includeSubDomains"),
        ("x-content-type-options", "sniff"),
        ("permissions-policy", "geolocation 'none'"),
        (CSP, ""),
    ];
    for (name, value) in cases {
        let failures = with(name, value.to_owned()).await;
        assert!(failures.iter().any(|line| line.starts_with(&format!("root-get: {name}: "))), "{name}: {value}");
    }
}

#[tokio::test]
async fn ver_03_a_name_inside_another_value_is_not_the_header() {
    let house = House::tampered(|asked, reply| {
        let decoy = "x-frame-options: DENY, strict-transport-security: max-age=63072000; includeSubDomains";
        Act::Reply(if asked.is_get("/") { reply.without("x-frame-options").add("x-note", decoy) } else { reply })
    })
    .await;
    let failures = house.look_quickly().await.headers.failures;
    assert!(failures.contains(&"root-get: x-frame-options: missing".to_owned()), "{failures:?}");
}

#[tokio::test]
async fn forbidden_headers_are_found_wherever_they_come_from() {
    let house = House::tampered(|asked, reply| {
        Act::Reply(if asked.is_get("/api/auth/me") {
            reply.add("x-powered-by", "PHP/5.3").add("access-control-allow-origin", "*")
        } else {
            reply
        })
    })
    .await;
    let failures = house.look_quickly().await.headers.failures;
    assert_eq!(failures, ["api-401: x-powered-by: must not be sent", "api-401: access-control-allow-origin: must not be sent"]);
}

#[tokio::test]
async fn hsts_over_plain_http_and_an_api_that_redirects_are_deviations() {
    let house = House::tampered(|asked, reply| {
        Act::Reply(match (asked.secure, asked.target.as_str()) {
            (false, "/api/health") => reply.status(308).add("strict-transport-security", "max-age=1"),
            _ => reply,
        })
    })
    .await;
    let failures = house.look_quickly().await.headers.failures;
    assert_eq!(failures, ["http-api: status: is 308 instead of 403", "http-api: strict-transport-security: must not be sent"]);
}

#[tokio::test]
async fn a_redirect_elsewhere_is_a_deviation() {
    let house = House::tampered(|asked, reply| {
        Act::Reply(if asked.secure { reply } else { reply.set("location", "https://evil.test/account/sign-in") })
    })
    .await;
    let failures = house.look_quickly().await.headers.failures;
    assert_eq!(failures[0], "http-redirect: location: leads elsewhere");
}

#[tokio::test]
async fn error_bodies_of_another_shape_are_deviations() {
    for (body, reason) in [
        ("<h1>no</h1>", "the body is not a JSON object"),
        ("{\"detail\":[1]}", "detail is not a string"),
        ("{\"detail\":\"x\",\"trace\":\"y\"}", "the body has members besides detail"),
        ("{\"error\":\"x\"}", "detail is missing"),
    ] {
        let house = House::tampered(move |asked, mut reply| {
            if asked.is_get("/api/auth/me") {
                reply.body = body.into();
            }
            Act::Reply(reply)
        })
        .await;
        assert_eq!(house.look_quickly().await.headers.failures, [format!("api-401: body: {reason}")]);
    }
}
