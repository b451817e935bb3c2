//! Where a browser is sent.

use doorward_config::ProviderKind;
use serde_json::json;

use crate::support::{CHALLENGE, NONCE, Scene, authorization, pairs, value, word};

#[tokio::test]
async fn oauth_01_a_browser_is_sent_for_a_code_with_s256() {
    let scene = Scene::new().await;
    let url = scene.provider.authorization_url(authorization(false)).await.unwrap();
    assert!(url.starts_with(&format!("{}/authorize?response_type=code&", scene.issuer)), "{url}");
    let query = pairs(&url);
    assert_eq!((value(&query, "code_challenge_method"), value(&query, "code_challenge")), ("S256", CHALLENGE));
    assert_eq!((value(&query, "state"), value(&query, "nonce"), value(&query, "client_id")), ("st&te", NONCE, "client"));
    assert!(!url.contains("s3cr3t"), "{url}");
    let names: Vec<&str> = query.iter().map(|(name, _)| name.as_str()).collect();
    let known =
        ["response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"];
    assert_eq!(names, known);
}

/// One that says that it knows no S256 would drop the challenge, and codes could be injected again (RFC 9700 §4.8).
#[tokio::test]
async fn oauth_01_a_provider_without_s256_is_not_gone_to() {
    let scene = Scene::new().await;
    scene.describe("code_challenge_methods_supported", json!(["plain"]));
    assert_eq!(word(scene.provider.authorization_url(authorization(false)).await), "no_pkce");
    scene.describe("code_challenge_methods_supported", json!(null));
    assert_eq!(word(scene.provider.authorization_url(authorization(false)).await), "accepted", "silence is no refusal");
}

#[tokio::test]
async fn oauth_06_the_way_back_is_one_address_of_the_configuration() {
    let scene = Scene::with(|oauth| oauth.name = "work-2".to_owned()).await;
    let url = scene.provider.authorization_url(authorization(false)).await.unwrap();
    assert_eq!(value(&pairs(&url), "redirect_uri"), "https://app.example.com/account/oauth/work-2");
}

#[tokio::test]
async fn oauth_15_no_more_is_asked_for_than_who_it_is() {
    let scene = Scene::new().await;
    let url = scene.provider.authorization_url(authorization(false)).await.unwrap();
    let query = pairs(&url);
    assert_eq!((value(&query, "scope"), value(&query, "prompt")), ("openid email profile", ""));
    assert!(!url.contains("offline"), "{url}");
    let scene = Scene::with(|oauth| oauth.keep_grant = true).await;
    let query = pairs(&scene.provider.authorization_url(authorization(true)).await.unwrap());
    assert_eq!(value(&query, "scope"), "openid email profile offline_access");
    assert_eq!((value(&query, "prompt"), value(&query, "max_age")), ("login consent", "0"));
}

#[tokio::test]
async fn a_fresh_sign_in_is_asked_for_in_the_providers_words() {
    for (kind, prompt) in
        [(ProviderKind::Oidc, "login"), (ProviderKind::GitLab, "login"), (ProviderKind::Google, "select_account")]
    {
        let scene = Scene::with(|oauth| oauth.provider = kind).await;
        let query = pairs(&scene.provider.authorization_url(authorization(true)).await.unwrap());
        assert_eq!((value(&query, "prompt"), value(&query, "max_age")), (prompt, "0"));
    }
}

#[tokio::test]
async fn what_an_endpoint_has_in_its_query_stays() {
    let scene = Scene::new().await;
    scene.describe("authorization_endpoint", json!(format!("{}/authorize?p=policy", scene.issuer)));
    let url = scene.provider.authorization_url(authorization(false)).await.unwrap();
    assert!(url.starts_with(&format!("{}/authorize?p=policy&response_type=code&", scene.issuer)), "{url}");
}
