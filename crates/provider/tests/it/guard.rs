//! OAUTH-16: who is asked, and how much they may say.

use std::time::Duration;

use doorward_config::{Env, ProviderKind};
use doorward_domain::federation::ProviderError;
use serde_json::json;

use crate::support::{Answer, Body, DISCOVERY, RSA, Scene, Server, around, authorization, configured, opened, redemption, word};

/// Every place that a sign-in asks.
const PLACES: [&str; 4] = [DISCOVERY, "/token", "/keys", "/userinfo"];

/// A scene in which all of [`PLACES`] are asked.
async fn asking_all(patience: Duration) -> Scene {
    let scene = Scene::patient_for(patience, |_| {}).await;
    let mut claims = scene.claims();
    claims.as_object_mut().unwrap().remove("email");
    scene.issue_claims(&claims);
    scene.server.say("/userinfo", Answer::json(&json!({ "sub": "subject-1" })));
    scene
}

/// The attack: each endpoint in turn sends us to a machine that trusts this one.
#[tokio::test]
async fn oauth_16_redirects_are_not_followed() {
    let trap = Server::start().await;
    for place in PLACES {
        for to in [format!("{}/latest/meta-data/", trap.base()), "http://169.254.169.254/".to_owned(), "/elsewhere".to_owned()] {
            let scene = asking_all(doorward_provider::PATIENCE).await;
            for status in [301, 303, 307] {
                scene.server.say(place, Answer { status, ..Answer::redirect(&to) });
                assert_eq!(scene.refused().await, "redirect", "{place}");
            }
            assert!(!scene.server.lines().iter().any(|line| line.ends_with("/elsewhere")));
        }
        assert_eq!(asking_all(doorward_provider::PATIENCE).await.refused().await, "accepted");
    }
    assert_eq!(trap.connections(), 0);
}

/// The attack: the description names machines that are not the provider's.
#[tokio::test]
async fn oauth_16_endpoints_on_other_hosts_are_not_asked() {
    let trap = Server::start().await;
    let members = ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint", "revocation_endpoint"];
    for member in members {
        let scene = Scene::new().await;
        for other in [
            trap.base(),
            format!("http://localhost:{}", scene.server.port),
            format!("https://localhost@127.0.0.1:{}", trap.port),
            format!("https://127.0.0.1:{}", scene.server.port),
            "https://169.254.169.254".to_owned(),
            "javascript:alert(1)".to_owned(),
        ] {
            scene.describe(member, json!(format!("{other}/x")));
            assert_eq!(word(scene.provider.authorization_url(authorization(false)).await), "foreign_host", "{member} {other}");
        }
        assert_eq!(scene.server.lines().iter().filter(|line| !line.ends_with(DISCOVERY)).count(), 0);
    }
    assert_eq!(trap.connections(), 0);
}

#[tokio::test]
async fn oauth_16_a_host_that_the_configuration_lists_may_be_asked() {
    let scene = Scene::with(|oauth| oauth.hosts = vec!["api.example.com".parse().unwrap()]).await;
    scene.describe("token_endpoint", json!("https://api.example.com/token"));
    assert_eq!(word(scene.provider.authorization_url(authorization(false)).await), "accepted");
}

/// The attack: whoever can answer for one issuer describes another.
#[tokio::test]
async fn oauth_16_a_description_of_another_issuer_is_refused() {
    let scene = Scene::new().await;
    for other in ["https://evil.example".to_owned(), format!("{}/", scene.issuer), scene.issuer.to_uppercase(), String::new()] {
        scene.describe("issuer", json!(other));
        assert_eq!(scene.refused().await, "describes_another", "{other}");
    }
    assert_eq!(scene.server.count("POST /token"), 0);
}

#[tokio::test]
async fn oauth_16_an_answer_is_bounded_in_size() {
    for place in PLACES {
        let scene = asking_all(doorward_provider::PATIENCE).await;
        let padded = |size: usize| Answer::text(200, "application/json", format!("{{}}{}", " ".repeat(size - 2)));
        scene.server.say(place, padded(257 * 1024));
        assert_eq!(scene.refused().await, "too_large", "{place}");
        scene.server.say(place, padded(256 * 1024));
        assert_ne!(scene.refused().await, "too_large", "{place}");
        scene.server.say(place, Answer::of(Body::Endless));
        assert_eq!(scene.refused().await, "too_large", "{place}");
        scene.server.say(place, Answer::of(Body::EndlessHead));
        assert_eq!(scene.refused().await, "malformed", "{place}");
    }
}

/// Ten seconds in all, however many places are asked. The bound is shortened here; what it usually is stands below.
#[tokio::test]
async fn oauth_16_an_answer_is_bounded_in_time() {
    assert_eq!(doorward_provider::PATIENCE, Duration::from_secs(10));
    for place in PLACES {
        let scene = asking_all(Duration::from_millis(300)).await;
        scene.server.say(place, Answer::of(Body::Drip));
        let outcome = scene.redeem().await.map(drop);
        assert_eq!(outcome, Err(ProviderError::Unavailable("slow")), "{place}");
    }
}

#[tokio::test]
async fn oauth_16_a_certificate_that_nobody_vouches_for_is_not_spoken_to() {
    let scene = Scene::with(|oauth| oauth.ca_file = None).await;
    assert_eq!(scene.redeem().await.map(drop), Err(ProviderError::Unavailable("untrusted")));
    assert_eq!(scene.server.lines(), Vec::<String>::new(), "not a word was said");
}

/// The attack: a public name of the provider's, or what the operator wrote, leads to a machine behind the door.
#[tokio::test]
async fn oauth_16_addresses_that_are_not_public_are_not_connected_to() {
    let server = Server::start().await;
    let port = server.port;
    for issuer in [server.base(), format!("https://127.0.0.1:{port}")] {
        for env in [Env::Production, Env::Staging] {
            let provider = opened(&configured(ProviderKind::Oidc, Some(&issuer), &server), &around(env));
            assert_eq!(word(provider.redeem(redemption(None, false)).await), "not_public", "{issuer}");
        }
    }
    assert_eq!(server.connections(), 0);
    let local = opened(&configured(ProviderKind::Oidc, Some(&server.base()), &server), &around(Env::Development));
    assert_eq!(word(local.redeem(redemption(None, false)).await), "status", "nothing is said there yet, but it is asked");
}

#[tokio::test]
async fn plain_http_is_spoken_only_where_the_issuer_is_written_so() {
    let scene = Scene::new().await;
    let issuer = format!("http://127.0.0.1:{}", scene.server.port);
    let provider = opened(&configured(ProviderKind::Oidc, Some(&issuer), &scene.server), &around(Env::Development));
    let description = scene.description().to_string().replace(&scene.issuer, &issuer);
    scene.server.say(DISCOVERY, Answer::text(200, "application/json", description));
    let claims = scene.claims().to_string().replace(&scene.issuer, &issuer);
    scene.issue(&RSA.token(&scene.header(), claims.as_bytes()));
    assert_eq!(word(provider.redeem(redemption(None, false)).await), "accepted");
}
