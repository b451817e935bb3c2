//! The signed assertion: what an upstream can check by itself.

use std::time::Duration;

use doorward_app::Admit;
use doorward_kit::ring::{RingChange, Rotation};
use doorward_kit::{Clock as _, KeyRing};
use http::Request;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::Value;

use crate::client::{Client, SESSION};
use crate::house::House;

async fn assertion(house: &House, client: &Client<'_>, route: &str) -> String {
    let cookie = format!("{SESSION}={}", client.cookie(SESSION));
    let request = Request::get("/x").header("cookie", cookie).body(()).expect("a request");
    let Admit::Identified { fields, .. } = house.admit(request, route).await else { panic!("not identified") };
    let found = fields.iter().find(|(name, _)| name == "x-doorward-assertion").expect("an assertion");
    found.1.to_str().expect("ASCII").to_owned()
}

/// As an upstream would check it: key from the JWK set, issuer, audience.
fn check(keys: &JwkSet, token: &str, audience: &str) -> Result<Value, jsonwebtoken::errors::Error> {
    let header = jsonwebtoken::decode_header(token)?;
    let key = keys.find(&header.kid.expect("a key id")).expect("a known key");
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_issuer(&["https://app.example.com"]);
    rules.set_audience(&[audience]);
    // The house has its own clock; life times are compared by hand.
    rules.validate_exp = false;
    Ok(jsonwebtoken::decode::<Value>(token, &DecodingKey::from_jwk(key)?, &rules)?.claims)
}

#[tokio::test]
async fn assertions_verify_with_the_published_key_for_their_upstream_alone() {
    let house = House::new().await;
    let mut member = house.member("ada@example.com").await;
    let answer = Client::new(&house).get("/.well-known/doorward/jwks.json").await;
    assert_eq!(answer.field("content-type"), "application/jwk-set+json");
    assert!(!answer.text().contains("\"d\""), "no private part");
    let keys: JwkSet = serde_json::from_str(answer.text()).expect("a JWK set");
    let token = assertion(&house, &member, "api").await;
    let claims = check(&keys, &token, "api").expect("genuine");
    let me = member.get("/api/auth/me").await.json();
    assert_eq!((&claims["sub"], &claims["email"]), (&me["id"], &me["email"]));
    let life = claims["exp"].as_i64().expect("an end") - claims["iat"].as_i64().expect("a start");
    assert!(0 < life && life <= 60, "{life} s");
    assert!(check(&keys, &token, "members").is_err(), "for another upstream it is nothing");
    let mut forged = token.clone().into_bytes();
    let at = token.find('.').expect("a header") + 5;
    forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
    assert!(check(&keys, &String::from_utf8(forged).expect("text"), "api").is_err());
}

#[tokio::test]
async fn assertions_are_signed_again_before_they_grow_old() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let other = house.signed_in("ada@example.com").await;
    let first = assertion(&house, &member, "api").await;
    assert_eq!(assertion(&house, &member, "api").await, first, "within half a minute it is the same");
    assert_ne!(assertion(&house, &member, "members").await, first);
    assert_ne!(assertion(&house, &other, "api").await, first);
    house.clock.advance(Duration::from_secs(30));
    assert_ne!(assertion(&house, &member, "api").await, first);
}

/// The key set, as an upstream fetches it.
async fn key_set(house: &House) -> JwkSet {
    serde_json::from_str(Client::new(house).get("/.well-known/doorward/jwks.json").await.text()).expect("a JWK set")
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_the_former_one_until_it_retires() {
    let house = House::new().await;
    let member = house.member("ada@example.com").await;
    let (first, set) = (assertion(&house, &member, "api").await, key_set(&house).await);
    assert_eq!(set.keys.len(), 1);
    let now = house.clock.now();
    let (from, until) = (now + Duration::from_secs(10), now + Duration::from_secs(600));
    let material = b"bWFzdGVyLXEzOHZFalJXZUpxN3pKazJtWjh5SzF2";
    let text = KeyRing::rotated(crate::house::MASTER, &Rotation { material, from, until, now }).expect("rotated");
    assert_eq!(house.keys.replace(KeyRing::parse(&text).expect("a ring")), RingChange::Replaced);
    let kept = key_set(&house).await;
    assert_eq!(kept.keys.len(), 2, "the one to come as well");
    assert_eq!(assertion(&house, &member, "api").await, first, "which does not sign yet");
    house.clock.advance(Duration::from_secs(10));
    let second = assertion(&house, &member, "api").await;
    assert_ne!(second, first, "what was signed with the former key is not handed out again");
    for token in [&first, &second] {
        check(&kept, token, "api").expect("a set that was fetched before the change knows both");
        check(&key_set(&house).await, token, "api").expect("as does one that was fetched after it");
    }
    assert!(set.find(&jsonwebtoken::decode_header(&second).expect("a header").kid.expect("a key id")).is_none());
    house.clock.advance(Duration::from_secs(590));
    let last = key_set(&house).await;
    assert_eq!(last.keys.len(), 1);
    let again = house.signed_in("ada@example.com").await;
    check(&last, &assertion(&house, &again, "api").await, "api").expect("genuine");
}
