//! Keys and descriptions are kept for a while, and asked for again when they have to be.

use std::time::Duration;

use aws_lc_rs::rsa::KeySize;
use serde_json::json;

use crate::support::{DISCOVERY, Key, RSA, Scene};

/// Time for those who wait, while sockets go on as they do.
async fn later(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

fn sign(scene: &Scene, key: &Key, kid: &str) {
    scene.issue(&key.token(&json!({ "alg": "RS256", "kid": kid }), scene.claims().to_string().as_bytes()));
}

#[tokio::test]
async fn what_a_provider_says_of_itself_is_kept_for_an_hour() {
    let scene = Scene::new().await;
    for _ in 0..3 {
        scene.redeem().await.unwrap();
    }
    let asked = |path: &str| scene.server.count(&format!("GET {path}"));
    assert_eq!((asked(DISCOVERY), asked("/keys"), scene.server.count("POST /token")), (1, 1, 3));
    later(Duration::from_secs(3601)).await;
    scene.redeem().await.unwrap();
    assert_eq!((asked(DISCOVERY), asked("/keys")), (2, 2));
    // One that goes away is not remembered for ever.
    later(Duration::from_secs(3601)).await;
    scene.server.say(DISCOVERY, crate::support::Answer::text(503, "text/plain", String::new()));
    assert_eq!(scene.refused().await, "server_error");
}

#[tokio::test]
async fn oauth_04_a_rotated_key_is_found_and_a_made_up_one_costs_one_question_a_minute() {
    let scene = Scene::new().await;
    let keys = [Key::rsa(KeySize::Rsa2048), Key::rsa(KeySize::Rsa2048)];
    let asked = || scene.server.count("GET /keys");
    scene.redeem().await.unwrap();
    scene.show_keys(&[RSA.jwk("one"), keys[0].jwk("two")]);
    sign(&scene, &keys[0], "two");
    assert_eq!((scene.refused().await, asked()), ("accepted", 2));
    // Whoever brings names that no key has does not make us ask each time.
    for _ in 0..5 {
        sign(&scene, &keys[1], "made-up");
        assert_eq!((scene.refused().await, asked()), ("unknown_key", 2));
    }
    scene.show_keys(&[keys[1].jwk("three")]);
    sign(&scene, &keys[1], "three");
    assert_eq!((scene.refused().await, asked()), ("unknown_key", 2));
    later(Duration::from_secs(61)).await;
    assert_eq!((scene.refused().await, asked()), ("accepted", 3));
    // What was taken away is gone with the next answer.
    sign(&scene, &keys[0], "two");
    assert_eq!(scene.refused().await, "unknown_key");
}
