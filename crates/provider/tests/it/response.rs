//! OAUTH-05: which provider an answer is of.

use serde_json::json;

use crate::support::{Scene, redemption, word};

/// The attack: a provider under somebody's thumb sends the browser on to an honest one, and the code of that one to its own token endpoint.
#[tokio::test]
async fn oauth_05_the_issuer_beside_a_code_is_the_one_that_was_gone_to() {
    let scene = Scene::new().await;
    let with = async |issuer: Option<&str>| word(scene.provider.redeem(redemption(issuer, false)).await);
    let slash = format!("{}/", scene.issuer);
    let port = scene.issuer.replace("localhost", "localhost.");
    for other in ["https://evil.example", "", &slash, &port, &scene.issuer.to_uppercase()] {
        assert_eq!(with(Some(other)).await, "response_issuer", "{other}");
    }
    assert_eq!(scene.server.connections(), 0, "nobody has learnt the code");
    assert_eq!(with(Some(&scene.issuer)).await, "accepted");
    assert_eq!(with(None).await, "accepted", "nobody promised one");
}

#[tokio::test]
async fn oauth_05_an_issuer_that_is_promised_has_to_come() {
    let scene = Scene::new().await;
    scene.describe("authorization_response_iss_parameter_supported", json!(true));
    assert_eq!(scene.refused().await, "response_issuer");
    assert_eq!(scene.server.count("POST /token"), 0, "nobody has learnt the code");
    assert_eq!(word(scene.provider.redeem(redemption(Some(&scene.issuer), false)).await), "accepted");
}

#[tokio::test]
async fn what_cannot_be_a_code_is_not_sent() {
    let scene = Scene::new().await;
    for code in [String::new(), "a".repeat(4097), "a\r\nb".to_owned()] {
        let mut redemption = redemption(None, false);
        redemption.code = doorward_kit::Secret::new(code);
        assert_eq!(word(scene.provider.redeem(redemption).await), "code");
    }
    assert_eq!(scene.server.count("POST /token"), 0);
}
