//! The way back from a provider, and what nobody learns by it: who an address or a provider's account belongs to.

use doorward_testkit::real::Return;
use doorward_testkit::{CSRF_COOKIE, Client, Reply, Request, SESSION_COOKIE};
use serde_json::{Value, json};

use super::provider_lies::{CALLBACK, START, Stage, answer_of};
use crate::site::constant_part;

const PAGE: &str = "/account/oauth/mirage";
/// What a provider writes, and nobody else may.
const TOLD: &str = "canary-words-of-the-provider-4Tz";

impl Stage {
    #[track_caller]
    fn sent_there_and_back(&self, client: &mut Client, wish: &Value) -> Return {
        let request = Request::post(START).json(wish);
        let request = if client.cookie(CSRF_COOKIE).is_some() { request.csrf() } else { request };
        let url = client.send(&request).expect(200).json()["authorization_url"].as_str().expect("a URL").to_owned();
        self.mock.authorize(&url)
    }

    fn tokens_asked_for(&self) -> usize {
        self.mock.asked().iter().filter(|line| line.contains("/token")).count()
    }
}

/// The address that the provider sends a browser to.
fn came_back(back: &Return) -> String {
    format!("{PAGE}?code={}&state={}", back.parameter("code"), back.parameter("state"))
}

/// The form of a page, with what its hidden fields hold.
fn fields(page: &str) -> Vec<(String, String)> {
    let inputs = page.split("<input type=\"hidden\" ").skip(1).map(|rest| rest.split('>').next().unwrap_or_default());
    let part = |input: &str, name: &str| {
        let (_, rest) = input.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{input}"));
        rest.split('"').next().unwrap_or_default().to_owned()
    };
    inputs.map(|input| (part(input, "name"), part(input, "value"))).collect()
}

fn send_form(client: &mut Client, page: &Reply) -> Reply {
    let fields = fields(&page.text());
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.send(&Request::post(PAGE).form(&fields).header("Sec-Fetch-Site", "same-origin"))
}

#[test]
fn oauth_17_the_page_that_is_come_back_to_does_nothing_until_its_form_is_sent() {
    let stage = Stage::start();
    let mut client = stage.house.client();
    let back = stage.sent_there_and_back(&mut client, &json!({}));
    // Anybody may look at the page, as often as they like, with any cookies: nobody is asked, nothing is spent.
    for _ in 0..2 {
        for mut looks in [client.twin(), stage.house.client()] {
            let page = looks.get(&came_back(&back)).expect(200);
            assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "{page:?}");
            assert_eq!(page.header("cache-control"), Some("no-store"), "{page:?}");
            assert!(page.set_cookies(SESSION_COOKIE).is_empty(), "{page:?}");
        }
    }
    assert_eq!(stage.tokens_asked_for(), 0, "{:?}", stage.mock.asked());
    stage.house.client().get(CALLBACK).expect(405);
    // A form or a script of another site takes nobody anywhere (CSRF-06 … 09).
    for (name, value) in [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.test")] {
        let request = Request::post(CALLBACK).json(&answer_of(&back)).header(name, value);
        client.twin().send(&request).expect(403);
        let code = back.parameter("code");
        let form = [("csrf_token", "x"), ("code", code.as_str())];
        client.twin().send(&Request::post(PAGE).form(&form).header(name, value)).expect(403);
    }
    assert_eq!(stage.tokens_asked_for(), 0, "{:?}", stage.mock.asked());
    let page = client.get(&came_back(&back)).expect(200);
    let done = send_form(&mut client, &page).expect(303);
    assert_eq!(done.header("location"), Some("/account"));
    assert_eq!(done.set_cookies(SESSION_COOKIE).len(), 1, "{done:?}");
    assert_eq!(stage.tokens_asked_for(), 1);
    // Neither is in any line of the log, at its loudest.
    let log = stage.house.stderr();
    for secret in [back.parameter("code"), back.parameter("state")] {
        assert!(!log.contains(&secret), "{secret} is in the log");
    }
}

#[test]
fn oauth_18_denied_cancelled_and_tampered_are_one_failure_without_a_word_of_the_provider() {
    let stage = Stage::start();
    let mut pages = Vec::new();
    for error in ["access_denied", "login_required", "server_error", TOLD] {
        let mut client = stage.house.client();
        let back = stage.sent_there_and_back(&mut client, &json!({}));
        let state = back.parameter("state");
        let query = format!("error={error}&error_description={TOLD}&error_uri=https%3A%2F%2Fevil.test%2F{TOLD}&state={state}");
        let page = client.get(&format!("{PAGE}?{query}")).expect(200);
        assert!(!page.text().contains(TOLD) && !page.text().contains("evil.test"), "{page:?}");
        let failed = send_form(&mut client, &page);
        assert_eq!(failed.status, 400, "{failed:?}");
        assert!(failed.set_cookies(SESSION_COOKIE).is_empty(), "{failed:?}");
        pages.push(constant_part(&failed));
    }
    let mut answers = Vec::new();
    for body in
        [json!({"error": "access_denied"}), json!({"error": TOLD, "error_description": TOLD}), json!({"code": "tampered"})]
    {
        let mut client = stage.house.client();
        let back = stage.sent_there_and_back(&mut client, &json!({}));
        let mut body = body;
        body["state"] = json!(back.parameter("state"));
        let reply = client.post_json(CALLBACK, &body);
        assert_eq!((reply.status, &*reply.text()), (400, "{\"detail\":\"OAuth failed\"}"), "{reply:?}");
        answers.push(constant_part(&reply));
    }
    for (seen, kind) in [(&pages, "page"), (&answers, "answer")] {
        assert!(seen.iter().all(|one| *one == seen[0]), "one {kind}: {seen:#?}");
    }
    assert!(!stage.house.stderr().contains(TOLD), "the provider's words are in the log");
}

#[test]
fn enum_09_whose_a_providers_account_or_an_address_is_is_told_to_nobody() {
    let stage = Stage::start();
    // The provider's one account is linked with somebody here.
    let mut owner = stage.house.client();
    let back = stage.sent_there_and_back(&mut owner, &json!({}));
    owner.post_json(CALLBACK, &answer_of(&back)).expect(200);
    let mut member = stage.house.member("mia@app.test");
    let link = |member: &mut Client, orders: &Value, spoil: bool| {
        stage.mock.order(orders);
        let back = stage.sent_there_and_back(member, &json!({"mode": "link"}));
        let mut body = answer_of(&back);
        if spoil {
            body["code"] = json!("A".repeat(40));
        }
        let reply = member.send(&Request::post(CALLBACK).csrf().json(&body));
        assert_eq!(reply.status, 400, "{reply:?}");
        constant_part(&reply)
    };
    let held = link(&mut member, &json!({}), false);
    assert_eq!(held, link(&mut member, &json!({}), true), "as a code that is none");
    assert_eq!(held, link(&mut member, &json!({"claims": {"nonce": "evil"}}), false), "as a lie");
    // An address that has an account here and one that has none, neither of them proved by the provider.
    let sign_in = |email: &str| {
        stage.mock.order(&json!({"claims": {"sub": "stranger", "email": email, "email_verified": false}}));
        let mut client = stage.house.client();
        let started = client.post_json(START, &json!({})).expect(200);
        let back = stage.mock.authorize(started.json()["authorization_url"].as_str().unwrap());
        let reply = client.post_json(CALLBACK, &answer_of(&back));
        assert_eq!(reply.status, 400, "{email}: {reply:?}");
        (constant_part(&reply), started.names())
    };
    assert_eq!(sign_in("mia@app.test"), sign_in("nobody@app.test"));
}
