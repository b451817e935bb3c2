//! OAUTH-03 and OAUTH-04: tokens that are not the issuer's, not for this site, or not of this sign-in.

use aws_lc_rs::rsa::KeySize;
use serde_json::{Value, json};

use crate::support::{Answer, Key, RSA, Scene, b64};

const NOW: i64 = 1_800_000_000;

/// What becomes of a token with one claim set, or left out.
async fn with(scene: &Scene, claim: &str, value: Option<Value>) -> &'static str {
    let mut claims = scene.claims();
    match value {
        Some(value) => claims[claim] = value,
        None => drop(claims.as_object_mut().unwrap().remove(claim)),
    }
    scene.issue_claims(&claims);
    scene.refused().await
}

/// The attack: a token of another sign-in, which somebody has got hold of, is brought here.
#[tokio::test]
async fn oauth_03_a_token_of_another_sign_in_is_refused() {
    let scene = Scene::new().await;
    for other in [json!("another"), json!(""), json!("NONCE-OF-THIS-SIGN-IN"), json!("nonce-of-this-sign-in ")] {
        assert_eq!(with(&scene, "nonce", Some(other.clone())).await, "nonce", "{other}");
    }
    assert_eq!(with(&scene, "nonce", None).await, "nonce");
    assert_eq!(with(&scene, "nonce", Some(json!(null))).await, "nonce");
    assert_ne!(with(&scene, "nonce", Some(json!(["nonce-of-this-sign-in"]))).await, "accepted");
    assert_eq!(with(&scene, "locale", Some(json!("en"))).await, "accepted", "the same with another claim");
}

#[tokio::test]
async fn oauth_04_claims_that_do_not_hold_are_refused() {
    let scene = Scene::new().await;
    for (claim, value, word) in [
        ("iss", json!("https://evil.example"), "token_issuer"),
        ("iss", json!(format!("{}/", scene.issuer)), "token_issuer"),
        ("aud", json!("other"), "audience"),
        ("aud", json!([]), "audience"),
        ("aud", json!(["other"]), "audience"),
        // Whoever else it is for could bring it here.
        ("aud", json!(["client", "other"]), "audience"),
        ("aud", json!(["client", "client"]), "audience"),
        ("azp", json!("other"), "authorized_party"),
        ("exp", json!(NOW), "expired"),
        ("exp", json!(NOW - 1), "expired"),
        ("exp", json!(0), "expired"),
        ("iat", json!(NOW + 61), "issued_at"),
        ("iat", json!(NOW - 601), "issued_at"),
        ("sub", json!(""), "subject"),
        ("sub", json!("a".repeat(256)), "subject"),
        ("sub", json!("a\u{0}b"), "subject"),
    ] {
        assert_eq!(with(&scene, claim, Some(value.clone())).await, word, "{claim} {value}");
    }
    for claim in ["iss", "sub", "aud", "exp", "iat"] {
        assert_ne!(with(&scene, claim, None).await, "accepted", "{claim} left out");
        for value in [json!(null), json!({}), json!(true), json!([1]), json!("")] {
            assert_ne!(with(&scene, claim, Some(value.clone())).await, "accepted", "{claim} {value}");
        }
    }
    // What still holds, so that the above is not refused for another reason.
    for (claim, value) in [
        ("aud", json!(["client"])),
        ("azp", json!("client")),
        ("exp", json!(NOW + 1)),
        ("iat", json!(NOW + 60)),
        ("iat", json!(NOW - 600)),
        ("sub", json!("a".repeat(255))),
    ] {
        assert_eq!(with(&scene, claim, Some(value.clone())).await, "accepted", "{claim} {value}");
    }
}

/// Several audiences are no better for an authorized party: the party is named by whoever made the token.
#[tokio::test]
async fn oauth_04_several_audiences_are_refused_with_an_authorized_party_too() {
    let scene = Scene::new().await;
    let mut claims = scene.claims();
    (claims["aud"], claims["azp"]) = (json!(["client", "other"]), json!("client"));
    scene.issue_claims(&claims);
    assert_eq!(scene.refused().await, "audience");
}

#[tokio::test]
async fn oauth_04_a_signature_is_by_a_key_of_the_issuer_and_by_an_algorithm_that_is_taken() {
    let scene = Scene::new().await;
    let other = Key::rsa(KeySize::Rsa2048);
    let payload = scene.claims().to_string();
    let public = RSA.jwk("one");
    let spki = Key::Hmac(public["n"].as_str().unwrap().as_bytes().to_vec());
    let secret = Key::Hmac(b"s3cr3t /+".to_vec());
    for (key, header, word) in [
        (&other, json!({ "alg": "RS256", "kid": "one" }), "token_unverified"),
        (&other, json!({ "alg": "RS256", "kid": "two" }), "unknown_key"),
        (&other, json!({ "alg": "RS256" }), "token_unverified"),
        (&Key::None, json!({ "alg": "none", "kid": "one" }), "algorithm"),
        (&Key::None, json!({ "alg": "none" }), "algorithm"),
        (&Key::None, json!({ "alg": "NONE" }), "algorithm"),
        (&Key::None, json!({ "alg": "RS256", "kid": "one" }), "token_unverified"),
        // The public key, or what we prove ourselves with, as somebody's shared secret.
        (&spki, json!({ "alg": "HS256", "kid": "one" }), "algorithm"),
        (&secret, json!({ "alg": "HS256" }), "algorithm"),
        (&secret, json!({ "alg": "RS256", "kid": "one" }), "token_unverified"),
        (&RSA, json!({ "alg": "PS256", "kid": "one" }), "algorithm"),
        (&RSA, json!({ "alg": "RS384", "kid": "one" }), "algorithm"),
        (&RSA, json!({ "alg": "ES256", "kid": "one" }), "unknown_key"),
        (&RSA, json!({ "alg": null, "kid": "one" }), "algorithm"),
        (&RSA, json!({ "kid": "one" }), "token_header"),
        (&RSA, json!({ "alg": ["RS256"], "kid": "one" }), "algorithm"),
        (&RSA, json!({ "alg": "RSA-OAEP", "enc": "A256GCM", "kid": "one" }), "algorithm"),
    ] {
        scene.issue(&key.token(&header, payload.as_bytes()));
        assert_eq!(scene.refused().await, word, "{header}");
    }
}

/// The attack: the token brings the key along that it is signed with, or says where it lies.
#[tokio::test]
async fn oauth_04_a_token_that_brings_a_key_along_is_refused() {
    let scene = Scene::new().await;
    let (trap, own) = (Scene::new().await, Key::rsa(KeySize::Rsa2048));
    trap.show_keys(&[own.jwk("one")]);
    let at = format!("{}/keys", trap.issuer);
    for (name, value) in [
        ("jku", json!(at)),
        ("jwk", own.jwk("one")),
        ("x5u", json!(at)),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
        ("jku", json!(null)),
    ] {
        // By the stranger's key, and by the issuer's own: the member alone is reason enough.
        for key in [&own, &*RSA] {
            let mut header = scene.header();
            header[name] = value.clone();
            scene.issue(&key.token(&header, scene.claims().to_string().as_bytes()));
            assert_eq!(scene.refused().await, "token_header", "{name}");
        }
    }
    assert_eq!(trap.server.connections(), 0);
    let mut header = scene.header();
    header["x5t"] = json!("thumbprint");
    scene.issue(&RSA.token(&header, scene.claims().to_string().as_bytes()));
    assert_eq!(scene.refused().await, "accepted", "a thumbprint names a key and is none");
}

/// Keys that are no secret, or none any more.
#[tokio::test]
async fn oauth_04_weak_and_shared_keys_of_an_issuer_are_not_used() {
    let weak = json!({ "kty": "RSA", "kid": "one", "n": b64([0xC1; 128]), "e": "AQAB" });
    let mut leaked = RSA.jwk("one");
    leaked["d"] = json!("AQAB");
    let mut for_encryption = RSA.jwk("one");
    for_encryption["use"] = json!("enc");
    let shared = Key::Hmac(vec![7; 32]).jwk("one");
    for (jwk, word) in [
        (weak, "unknown_key"),
        (leaked, "unknown_key"),
        (shared, "unknown_key"),
        (for_encryption, "unknown_key"),
        (json!(3), "unknown_key"),
    ] {
        let scene = Scene::new().await;
        scene.show_keys(&[jwk]);
        assert_eq!(scene.refused().await, word);
    }
}

#[tokio::test]
async fn oauth_04_what_is_no_token_is_refused() {
    let scene = Scene::new().await;
    let good = RSA.token(&scene.header(), scene.claims().to_string().as_bytes());
    let parts: Vec<&str> = good.split('.').collect();
    let twice = format!("{{\"sub\":\"subject-2\",{}", &scene.claims().to_string()[1..]);
    for token in [
        String::new(),
        "..".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{good}.{}", parts[2]),
        format!("{good}="),
        format!(" {good}"),
        format!("{}.{}.{}", parts[0], parts[1], &parts[2][..parts[2].len() - 2]),
        RSA.token(&scene.header(), b"[]"),
        RSA.token(&scene.header(), b"\xff"),
        RSA.token(&json!([]), scene.claims().to_string().as_bytes()),
        // Two readers could read two different subjects.
        RSA.token(&scene.header(), twice.as_bytes()),
        RSA.token(&scene.header(), format!("{}{}", scene.claims(), " ".repeat(64 * 1024)).as_bytes()),
    ] {
        scene.issue(&token);
        assert_ne!(scene.refused().await, "accepted", "{}", &token[..token.len().min(80)]);
    }
    scene.server.say("/token", Answer::json(&json!({ "access_token": "at", "token_type": "Bearer" })));
    assert_eq!(scene.refused().await, "no_id_token");
    scene.server.say("/token", Answer::json(&json!({ "access_token": "at", "token_type": "mac", "id_token": good })));
    assert_eq!(scene.refused().await, "token_type");
    scene.server.say("/token", Answer::json(&json!({ "access_token": "a\r\nb", "token_type": "Bearer", "id_token": good })));
    assert_eq!(scene.refused().await, "malformed");
    scene.issue(&good);
    assert_eq!(scene.refused().await, "accepted");
}
