//! `next`: nothing but a path of this site.

use doorward_policy::redirect::LocalTarget;
use http::StatusCode;
use proptest::prelude::*;

use crate::client::{CSRF, Client, PASSWORD};
use crate::house::House;

const FOREIGN: &[&str] = &[
    "https://evil.test",
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    " /account",
    "\t//evil.test",
    "/%2f/evil.test",
    "/%5cevil.test",
    "/.//evil.test",
    "/..//evil.test",
    "/a/../../evil",
    "/%2e%2e/x",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.test",
    "@evil.test",
    ":443",
    "?x",
    "#x",
    "/a#b",
    "/a\r\nSet-Cookie: x=1",
    "/\u{e9}",
    "/a;b",
    "/%00",
    "",
];

#[tokio::test]
async fn after_sign_in_only_local_targets_are_followed() {
    let house = House::new().await;
    house.member("ada@example.com").await;
    let long = format!("/{}", "a".repeat(512));
    let mut cases: Vec<(&str, &str)> = FOREIGN.iter().map(|next| (*next, "/account")).collect();
    cases.extend([("/notes?page=2", "/notes?page=2"), ("/", "/"), ("/a/b-c_d~e", "/a/b-c_d~e"), (long.as_str(), "/account")]);
    for (next, expected) in cases {
        let mut client = Client::new(&house);
        let query = crate::client::form(&[("next", next)]);
        let page = client.get(&format!("/account/sign-in?{query}")).await;
        assert!(page.text().contains(&format!(r#"name="next" value="{expected}""#)), "{next:?} in the form");
        let token = client.cookie(CSRF).to_owned();
        let fields = [("csrf_token", token.as_str()), ("email", "ada@example.com"), ("password", PASSWORD), ("next", next)];
        let answer = client.post_form("/account/sign-in", &fields).await;
        assert_eq!((answer.status, answer.field("location")), (StatusCode::SEE_OTHER, expected), "{next:?}");
        let again = client.get(&format!("/account/sign-in?{query}")).await;
        assert_eq!((again.status, again.field("location")), (StatusCode::SEE_OTHER, expected), "{next:?} when signed in");
    }
}

proptest! {
    #[test]
    fn a_local_target_never_leaves_the_site(raw in prop_oneof!["\\PC{0,40}", "[/\\\\a-z.%?#@:\\t\\r\\n ]{0,24}", "/[!-~]{0,40}"]) {
        if let Some(target) = LocalTarget::parse(&raw) {
            let text = target.as_str();
            prop_assert!(text.starts_with('/') && !text.starts_with("//"));
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\'));
            // As a browser resolves it (RFC 3986 §5.2): an absolute path replaces the path and nothing before it.
            let uri: http::Uri = format!("https://app.example.com{text}").parse().expect("a URI");
            prop_assert_eq!(uri.host(), Some("app.example.com"));
            prop_assert_eq!(text, raw);
        }
    }
}
