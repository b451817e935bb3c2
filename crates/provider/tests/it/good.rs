//! What goes well, with everything that has to be seen for it on the provider's side.

use doorward_kit::Secret;
use serde_json::json;

use crate::support::{Answer, Key, RSA, Scene, VERIFIER, pairs, redemption, value, word};

#[tokio::test]
async fn an_account_is_what_the_token_says() {
    let scene = Scene::new().await;
    let account = scene.redeem().await.unwrap();
    assert_eq!((account.issuer.as_str(), account.subject.as_str()), (scene.issuer.as_str(), "subject-1"));
    assert_eq!((account.email.as_deref(), account.is_email_verified), (Some("ada@example.com"), true));
    assert_eq!((account.name.as_deref(), account.grant.is_none()), (Some("Ada"), true));
    assert_eq!(scene.server.lines(), ["GET /.well-known/openid-configuration", "POST /token", "GET /keys"]);
}

#[tokio::test]
async fn each_algorithm_that_is_taken_is_taken() {
    let scene = Scene::new().await;
    let keys = [Key::p256(), Key::ed25519()];
    scene.show_keys(&[RSA.jwk("one"), keys[0].jwk("two"), keys[1].jwk("three"), json!({ "kty": "future", "kid": "four" })]);
    for (key, kid) in [(&*RSA, "one"), (&keys[0], "two"), (&keys[1], "three")] {
        scene.issue(&key.token(&json!({ "alg": key.alg(), "kid": kid }), scene.claims().to_string().as_bytes()));
        assert_eq!(scene.redeem().await.unwrap().subject, "subject-1", "{}", key.alg());
    }
}

#[tokio::test]
async fn oauth_01_the_code_goes_with_its_verifier_and_the_client_proves_itself() {
    let scene = Scene::new().await;
    scene.redeem().await.unwrap();
    let seen = scene.server.seen().into_iter().find(|seen| seen.line == "POST /token").unwrap();
    let form = pairs(&seen.body);
    assert_eq!((value(&form, "grant_type"), value(&form, "code")), ("authorization_code", "the code/+"));
    assert_eq!(value(&form, "code_verifier"), VERIFIER);
    assert_eq!(value(&form, "redirect_uri"), "https://app.example.com/account/oauth/work");
    // `client:s3cr3t%20%2F%2B` (RFC 6749 §2.3.1); never in the form as well.
    assert_eq!(seen.fields["authorization"], "Basic Y2xpZW50OnMzY3IzdCUyMCUyRiUyQg==");
    assert_eq!((value(&form, "client_secret"), form.len()), ("", 4));
    // In the form where the provider knows no other way; a scene of its own, since a description is kept.
    let scene = Scene::new().await;
    scene.describe("token_endpoint_auth_methods_supported", json!(["client_secret_post", "private_key_jwt"]));
    scene.redeem().await.unwrap();
    let seen = scene.server.seen().into_iter().find(|seen| seen.line == "POST /token").unwrap();
    assert_eq!((value(&pairs(&seen.body), "client_secret"), seen.fields.get("authorization")), ("s3cr3t /+", None));
}

/// `"true"`, 1 and the like are somebody's mistake, and a mistake is no proof.
#[tokio::test]
async fn an_address_counts_as_proved_when_the_provider_says_true_and_nothing_else() {
    let scene = Scene::new().await;
    let mut claims = scene.claims();
    for not_true in [json!(false), json!("true"), json!(1), json!(null), json!([true])] {
        claims["email_verified"] = not_true.clone();
        scene.issue_claims(&claims);
        // Where the library cannot read the claim either, nobody signs in at all.
        assert!(!scene.redeem().await.is_ok_and(|account| account.is_email_verified), "{not_true}");
    }
    for no_address in [json!("a\nb@example.com"), json!("nobody"), json!(format!("{}@example.com", "a".repeat(250))), json!("@")]
    {
        claims["email_verified"] = json!(true);
        claims["email"] = no_address.clone();
        scene.issue_claims(&claims);
        scene.server.say("/userinfo", Answer::json(&json!({ "sub": "subject-1" })));
        let account = scene.redeem().await.unwrap();
        assert_eq!((account.email, account.is_email_verified), (None, false), "{no_address}");
    }
}

#[tokio::test]
async fn the_address_is_asked_for_where_the_token_lacks_it() {
    let scene = Scene::new().await;
    let mut claims = scene.claims();
    claims.as_object_mut().unwrap().remove("email");
    scene.issue_claims(&claims);
    let told = json!({ "sub": "subject-1", "email": "ada@example.org", "email_verified": true, "name": "Somebody" });
    scene.server.say("/userinfo", Answer::json(&told));
    let account = scene.redeem().await.unwrap();
    assert_eq!((account.email.as_deref(), account.is_email_verified), (Some("ada@example.org"), true));
    assert_eq!(account.name.as_deref(), Some("Ada"), "what was signed stays");
    let seen = scene.server.seen().pop().unwrap();
    assert_eq!((seen.line.as_str(), seen.fields["authorization"].as_str()), ("GET /userinfo", "Bearer at"));
    // It is not signed: one that speaks of somebody else would lend them this address.
    scene.server.say("/userinfo", Answer::json(&json!({ "sub": "subject-2", "email": "b@example.org", "email_verified": true })));
    assert_eq!(scene.refused().await, "other_subject");
    scene.server.say("/userinfo", Answer::text(200, "application/jwt", "a.b.c".to_owned()));
    assert_eq!(scene.refused().await, "media_type");
    scene
        .server
        .say("/userinfo", Answer::json(&json!({ "sub": "subject-1", "email": "b@example.org", "email_verified": "true" })));
    assert!(!scene.redeem().await.unwrap().is_email_verified);
}

#[tokio::test]
async fn oauth_14_a_grant_is_handed_over_only_where_it_is_kept_and_can_be_given_back() {
    let scene = Scene::with(|oauth| oauth.keep_grant = true).await;
    let id_token = RSA.token(&scene.header(), scene.claims().to_string().as_bytes());
    let tokens = json!({ "access_token": "at", "token_type": "bearer", "id_token": id_token, "refresh_token": "rt-1" });
    scene.server.say("/token", Answer::json(&tokens));
    let grant = scene.redeem().await.unwrap().grant.unwrap();
    assert_eq!(grant.expose(), "{\"refresh_token\":\"rt-1\"}");
    scene.server.say("/revoke", Answer::text(200, "text/plain", String::new()));
    scene.provider.revoke(grant.clone()).await.unwrap();
    let seen = scene.server.seen().pop().unwrap();
    let form = pairs(&seen.body);
    assert_eq!((value(&form, "token"), value(&form, "token_type_hint")), ("rt-1", "refresh_token"));
    assert!(seen.fields["authorization"].starts_with("Basic "));
    scene.server.say("/revoke", Answer::text(503, "text/plain", String::new()));
    assert_eq!(word(scene.provider.revoke(grant).await), "server_error");
    assert_eq!(word(scene.provider.revoke(Secret::new("rt-1".to_owned())).await), "malformed");
    // The usual configuration keeps nothing, whatever the provider gives.
    let scene = Scene::new().await;
    scene.server.say(
        "/token",
        Answer::json(&{
            let mut tokens = tokens;
            tokens["id_token"] = json!(RSA.token(&scene.header(), scene.claims().to_string().as_bytes()));
            tokens
        }),
    );
    assert!(scene.redeem().await.unwrap().grant.is_none());
}

/// A browser may drop the wish from the address that it was given, so that the answer has to show that it was heeded.
#[tokio::test]
async fn a_fresh_sign_in_is_one_that_the_provider_says_took_place_now() {
    let scene = Scene::new().await;
    let fresh = async |at: Option<i64>| {
        let mut claims = scene.claims();
        if let Some(at) = at {
            claims["auth_time"] = json!(1_800_000_000 + at);
        }
        scene.issue_claims(&claims);
        word(scene.provider.redeem(redemption(None, true)).await)
    };
    assert_eq!(fresh(Some(-5)).await, "accepted");
    assert_eq!(fresh(Some(-599)).await, "accepted");
    for late in [None, Some(-601), Some(61), Some(-86_400)] {
        assert_eq!(fresh(late).await, "not_fresh", "{late:?}");
    }
    let mut claims = scene.claims();
    claims["auth_time"] = json!(1_700_000_000);
    scene.issue_claims(&claims);
    assert_eq!(scene.refused().await, "accepted", "where nothing fresh was asked for, an old session there is enough");
}
