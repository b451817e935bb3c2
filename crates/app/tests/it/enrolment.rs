//! Members with second factors, and what they show.

use std::time::Duration;

use doorward_kit::Clock as _;
use doorward_testkit::Totp;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, Says};
use crate::client::{Answer, CSRF, Client};
use crate::house::House;

pub(crate) const PENDING: &str = "__Host-doorward_pending";

/// An authenticator app on a phone.
pub(crate) struct Phone(Totp);

impl Phone {
    /// The next code: half a minute passes, since each is good once.
    pub(crate) fn code(&self, house: &House) -> String {
        house.clock.advance(Duration::from_secs(30));
        self.0.code_at(house.clock.now().as_second().try_into().expect("after 1970"))
    }

    /// Six digits that are none of the codes around now.
    pub(crate) fn wrong_code(&self, house: &House) -> String {
        let now: u64 = house.clock.now().as_second().try_into().expect("after 1970");
        let right: Vec<_> = (0..5).map(|step| self.0.code_at(now + 60 - step * 30)).collect();
        (0..10).map(|digit| digit.to_string().repeat(6)).find(|code| !right.contains(code)).expect("six of ten")
    }
}

/// A request with the token and a body, by any method.
pub(crate) async fn change(client: &mut Client<'_>, method: Method, path: &str, body: &Value) -> Answer {
    let token = client.cookie(CSRF).to_owned();
    let ask = client.ask(method, path).own().field("x-csrf-token", &token);
    ask.body("application/json", body.to_string()).send().await
}

/// Enrols an app, as a single-page app would; gives the recovery codes too.
pub(crate) async fn enrol_app(client: &mut Client<'_>, house: &House) -> (Phone, Vec<String>) {
    let offer = client.post_empty("/api/auth/factors/totp").await;
    assert_eq!(offer.status, StatusCode::OK, "{}", offer.text());
    let offer = offer.json();
    let phone = Phone(Totp::scan(offer["uri"].as_str().expect("a uri")));
    let body = json!({"enrolment": offer["enrolment"], "code": phone.code(house)});
    let done = client.post_json("/api/auth/factors/totp/confirm", &body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text());
    let codes = done.json()["recovery_codes"].as_array().cloned().unwrap_or_default();
    (phone, codes.iter().map(|code| code.as_str().expect("text").to_owned()).collect())
}

/// A member with an app.
pub(crate) async fn member_with_app<'h>(house: &'h House, email: &str) -> (Client<'h>, Phone, Vec<String>) {
    let mut client = house.member(email).await;
    let (phone, codes) = enrol_app(&mut client, house).await;
    (client, phone, codes)
}

/// What the site's own pages say of themselves.
pub(crate) fn says() -> Says<'static> {
    Says { origin: "https://app.example.com", site: "app.example.com", ..Says::default() }
}

/// Enrols a passkey.
pub(crate) async fn enrol_passkey(client: &mut Client<'_>, name: &str) -> (Authenticator, Answer) {
    let offer = client.post_empty("/api/auth/factors/passkey/options").await;
    assert_eq!(offer.status, StatusCode::OK, "{}", offer.text());
    let offer = offer.json();
    let mut authenticator = Authenticator::new();
    let credential = authenticator.make(public_key(&offer), &says());
    let body = json!({"enrolment": offer["enrolment"], "name": name, "credential": credential});
    let done = client.post_json("/api/auth/factors/passkey", &body).await;
    assert_eq!(done.status, StatusCode::CREATED, "{}", done.text());
    (authenticator, done)
}

/// The options without the envelope that browsers do not see.
pub(crate) fn public_key(offer: &Value) -> &Value {
    offer["options"].get("publicKey").unwrap_or(&offer["options"])
}

/// The answer of a passkey to an offer of options.
pub(crate) fn signed(authenticator: &mut Authenticator, offer: &Answer) -> Value {
    assert_eq!(offer.status, StatusCode::OK, "{}", offer.text());
    let offer = offer.json();
    json!({"challenge": offer["challenge"], "credential": authenticator.sign(public_key(&offer), &says())})
}
