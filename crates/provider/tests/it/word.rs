//! OAUTH-13 and LOG-09: whatever a provider writes, a word from a closed set comes of it, and a fingerprint in the log.

use doorward_domain::federation::ProviderError;
use serde_json::json;

use crate::support::{Answer, Body, DISCOVERY, Log, RSA, Scene, authorization, canary, redemption, word};

#[tokio::test]
async fn oauth_13_whatever_a_provider_answers_is_one_word_of_a_closed_set() {
    let scene = Scene::new().await;
    let refusal =
        |error: &str| Answer { status: 400, ..Answer::json(&json!({ "error": error, "error_description": canary("text") })) };
    for (answer, word) in [
        (refusal("invalid_grant"), "invalid_grant"),
        (refusal("invalid_client"), "invalid_client"),
        (refusal(&canary("error")), "token_refused"),
        (Answer { status: 401, ..refusal("invalid_client") }, "invalid_client"),
        (Answer { status: 200, ..refusal("bad_verification_code") }, "invalid_grant"),
        (Answer::text(400, "text/html", canary("html")), "status"),
        (Answer::text(403, "application/json", "{}".to_owned()), "status"),
        (Answer::text(201, "application/json", "{}".to_owned()), "status"),
        (Answer::text(500, "application/json", "{}".to_owned()), "server_error"),
        (Answer::text(200, "text/html", format!("<html>{}</html>", canary("html"))), "media_type"),
        (Answer::text(200, "application/json", "{\"access_token\": ".to_owned()), "malformed"),
        (Answer::text(200, "application/json", "[]".to_owned()), "malformed"),
        (Answer::text(200, "application/json", format!("{}1{}", "[".repeat(60_000), "]".repeat(60_000))), "malformed"),
        (Answer::of(Body::Nothing), "unreachable"),
    ] {
        scene.server.say("/token", answer);
        assert_eq!(scene.refused().await, word);
    }
    let mut squeezed = Answer::json(&json!({}));
    squeezed.fields.push(("Content-Encoding", "gzip".to_owned()));
    scene.server.say("/token", squeezed);
    assert_eq!(scene.refused().await, "media_type");
}

/// The attack: an error that carries the code, a token or markup, for whoever reads the log.
#[tokio::test]
async fn log_09_nothing_that_a_provider_writes_is_logged() {
    let log = Log::listen();
    let scene = Scene::with(|oauth| oauth.name = "logged".to_owned()).await;
    let told = json!({ "error": canary("error"), "error_description": canary("description"), "error_uri": canary("uri"), "code": "the code/+" });
    scene.server.say("/token", Answer { status: 400, ..Answer::json(&told) });
    assert_eq!(scene.refused().await, "token_refused");
    scene.server.say("/token", Answer::text(502, "text/html", canary("page")));
    assert_eq!(scene.refused().await, "server_error");
    let mut answer = Answer::redirect(&format!("https://evil.example/{}", canary("location")));
    answer.fields.push(("X-Error", canary("field")));
    scene.server.say("/token", answer);
    assert_eq!(scene.refused().await, "redirect");
    for claim in ["iss", "aud", "nonce", "azp"] {
        let mut claims = scene.claims();
        claims[claim] = json!(canary(claim));
        (claims["email"], claims["name"]) = (json!(format!("{}@example.com", canary("email"))), json!(canary("name")));
        scene.issue_claims(&claims);
        assert_ne!(scene.refused().await, "accepted");
    }
    scene.issue(&RSA.token(&json!({ "alg": "RS256", "kid": canary("kid"), "typ": canary("typ") }), b"{}"));
    assert_eq!(scene.refused().await, "unknown_key");
    assert_eq!(word(scene.provider.redeem(redemption(Some(&canary("iss")), false)).await), "response_issuer");
    let lying = Scene::new().await;
    lying
        .server
        .say(DISCOVERY, Answer::json(&json!({ "issuer": canary("issuer"), "authorization_endpoint": canary("endpoint") })));
    assert_eq!(word(lying.provider.authorization_url(authorization(false)).await), "malformed");
    let text = log.text();
    for secret in ["c4n4ry", "<script>", "the code", "the%20code", "s3cr3t", "Basic ", "Bearer ", "eyJ"] {
        assert!(!text.contains(secret), "{secret} in:\n{text}");
    }
    // Two different answers can be told apart all the same.
    for (told, field) in [("token_refused", "status=400"), ("server_error", "status=502"), ("response_issuer", "step=\"redeem\"")]
    {
        let line = text
            .lines()
            .find(|line| line.contains("provider=\"logged\"") && line.contains(told))
            .unwrap_or_else(|| panic!("no {told} in:\n{text}"));
        assert!(line.contains(field), "{line}");
    }
    let digest = doorward_kit::sha256_hex(canary("page").as_bytes());
    let size = canary("page").len();
    assert!(text.contains(&format!("size_bytes={size} sha256=\"{}\"", &digest[..16])), "{text}");
}

#[tokio::test]
async fn what_passes_by_itself_is_told_from_what_does_not() {
    let scene = Scene::new().await;
    scene.server.say("/token", Answer::text(503, "text/plain", String::new()));
    assert_eq!(scene.redeem().await.map(drop), Err(ProviderError::Unavailable("server_error")));
    scene.server.say("/token", Answer::text(404, "text/plain", String::new()));
    assert_eq!(scene.redeem().await.map(drop), Err(ProviderError::Refused("status")));
}

/// Whoever prints a provider by accident prints no secret: there is nothing to print one with.
#[tokio::test]
async fn errors_print_words_alone() {
    let scene = Scene::new().await;
    scene.server.say("/token", Answer { status: 400, ..Answer::json(&json!({ "error": canary("error") })) });
    let Err(error) = scene.redeem().await else { panic!("accepted") };
    assert_eq!(format!("{error} {error:?}"), "provider's answer is refused: token_refused Refused(\"token_refused\")");
}
