//! Google, GitHub, GitLab and Microsoft by the names and places that they have; a test's sockets lead every host to its own server.

use std::sync::Arc;

use doorward_config::{Env, ProviderKind};
use doorward_domain::federation::Provider;
use doorward_kit::Secret;
use serde_json::{Value, json};

use crate::support::{
    Answer, CHALLENGE, DISCOVERY, LeadTo, NONCE, RSA, Server, VERIFIER, around, authorization, configured, opened, pairs,
    redemption, value, word,
};

const TENANT: &str = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";

fn led(server: &Server, kind: ProviderKind, issuer: Option<&str>, keep: bool) -> Arc<dyn Provider> {
    let mut oauth = configured(kind, issuer, server);
    oauth.keep_grant = keep;
    if kind == ProviderKind::GitHub {
        oauth.scopes = ["read:user", "user:email"].map(str::to_owned).to_vec();
    }
    opened(&oauth, &around(Env::Production).dialling(Arc::new(LeadTo(server.port))))
}

fn describe(server: &Server, issuer: &str, members: &Value) {
    let mut description = json!({ "issuer": issuer });
    description.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    let path = issuer.split_once("//").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned())).unwrap_or_default();
    server.say(&format!("{path}{DISCOVERY}"), Answer::json(&description));
    server.say("/keys", Answer::json(&json!({ "keys": [RSA.jwk("one")] })));
}

fn issue(server: &Server, issuer: &str, more: &Value) {
    let mut claims =
        json!({ "iss": issuer, "sub": "s", "aud": "client", "exp": 1_800_000_300, "iat": 1_800_000_000, "nonce": NONCE });
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let token = RSA.token(&json!({ "alg": "RS256", "kid": "one", "typ": "JWT", "x5t": "x" }), claims.to_string().as_bytes());
    server.say("/token", Answer::json(&json!({ "access_token": "at", "token_type": "Bearer", "id_token": token })));
}

#[tokio::test]
async fn google_is_asked_at_its_own_hosts() {
    let server = Server::start().await;
    let issuer = "https://accounts.google.com";
    let google = led(&server, ProviderKind::Google, Some(issuer), true);
    describe(
        &server,
        issuer,
        &json!({
            "authorization_endpoint": "https://accounts.google.com/o/oauth2/v2/auth", "token_endpoint": "https://oauth2.googleapis.com/token",
            "jwks_uri": "https://www.googleapis.com/keys", "userinfo_endpoint": "https://openidconnect.googleapis.com/v1/userinfo",
            "revocation_endpoint": "https://oauth2.googleapis.com/revoke",
        }),
    );
    issue(&server, issuer, &json!({ "email": "ada@example.com", "email_verified": true, "azp": "client" }));
    let query = pairs(&google.authorization_url(authorization(false)).await.unwrap());
    assert_eq!((value(&query, "access_type"), value(&query, "prompt")), ("offline", "consent"));
    assert_eq!(value(&query, "scope"), "openid email profile", "Google knows no offline_access");
    let account = google.redeem(redemption(None, false)).await.unwrap();
    assert_eq!((account.email.as_deref(), account.is_email_verified), (Some("ada@example.com"), true));
    assert_eq!(account.grant.unwrap().expose(), "{\"access_token\":\"at\"}");
    let hosts: Vec<String> = server.seen().into_iter().map(|seen| seen.fields["host"].clone()).collect();
    assert_eq!(hosts, ["accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com"]);
    // Google does not say when somebody signed in; where it does, it counts.
    assert_eq!(word(google.redeem(redemption(None, true)).await), "accepted");
    issue(&server, issuer, &json!({ "email": "ada@example.com", "auth_time": 1_799_000_000 }));
    assert_eq!(word(google.redeem(redemption(None, true)).await), "not_fresh");
}

/// The attack (nOAuth): an address that anybody can write into their own directory.
#[tokio::test]
async fn microsofts_addresses_are_proved_only_where_it_says_so_of_their_domain() {
    let server = Server::start().await;
    let microsoft = led(&server, ProviderKind::Microsoft, Some(TENANT), false);
    describe(
        &server,
        TENANT,
        &json!({
            "authorization_endpoint": "https://login.microsoftonline.com/authorize", "jwks_uri": "https://login.microsoftonline.com/keys",
            "token_endpoint": "https://login.microsoftonline.com/token", "userinfo_endpoint": "https://graph.microsoft.com/oidc/userinfo",
        }),
    );
    for (claims, is_verified) in [
        (json!({ "email": "a@example.com" }), false),
        (json!({ "email": "a@example.com", "email_verified": true }), false),
        (json!({ "email": "a@example.com", "xms_edov": false }), false),
        (json!({ "email": "a@example.com", "xms_edov": "0" }), false),
        (json!({ "email": "a@example.com", "xms_edov": true }), true),
        (json!({ "email": "a@example.com", "xms_edov": 1 }), true),
        (json!({ "email": "a@example.com", "xms_edov": "1" }), true),
    ] {
        issue(&server, TENANT, &claims);
        assert_eq!(microsoft.redeem(redemption(None, false)).await.unwrap().is_email_verified, is_verified, "{claims}");
    }
    issue(&server, TENANT, &json!({}));
    server.say("/oidc/userinfo", Answer::json(&json!({ "sub": "s", "email": "a@example.com", "email_verified": true })));
    let account = microsoft.redeem(redemption(None, false)).await.unwrap();
    assert_eq!((account.email.as_deref(), account.is_email_verified), (Some("a@example.com"), false));
    // Another tenant's word is worth nothing here.
    issue(&server, &TENANT.replace("9188040d", "00000000"), &json!({ "email": "a@example.com", "xms_edov": true }));
    assert_eq!(word(microsoft.redeem(redemption(None, false)).await), "token_issuer");
}

fn github_says(server: &Server, user: &Value, addresses: &Value) {
    let tokens = json!({ "access_token": "gho_1", "scope": "read:user,user:email", "token_type": "bearer" });
    server.say("/login/oauth/access_token", Answer::json(&tokens));
    server.say("/user", Answer::json(user));
    server.say("/user/emails?per_page=100", Answer::json(addresses));
}

#[tokio::test]
async fn github_is_asked_for_the_number_and_the_primary_address() {
    let server = Server::start().await;
    let github = led(&server, ProviderKind::GitHub, None, true);
    let url = github.authorization_url(authorization(true)).await.unwrap();
    assert!(url.starts_with("https://github.com/login/oauth/authorize?response_type=code&"), "{url}");
    let query = pairs(&url);
    assert_eq!((value(&query, "code_challenge"), value(&query, "code_challenge_method")), (CHALLENGE, "S256"));
    assert_eq!((value(&query, "scope"), value(&query, "prompt")), ("read:user user:email", "select_account"));
    let addresses = json!([
        { "email": "old@example.com", "primary": false, "verified": true, "visibility": null },
        { "email": "ada@example.com", "primary": true, "verified": true, "visibility": "private" },
    ]);
    github_says(&server, &json!({ "id": 583_231, "login": "ada", "name": null, "email": "public@example.com" }), &addresses);
    let account = github.redeem(redemption(None, false)).await.unwrap();
    assert_eq!((account.issuer.as_str(), account.subject.as_str()), ("https://github.com", "583231"));
    assert_eq!((account.email.as_deref(), account.is_email_verified), (Some("ada@example.com"), true));
    assert_eq!(account.name.as_deref(), Some("ada"));
    let seen = server.seen();
    let form = pairs(&seen[0].body);
    assert_eq!((value(&form, "code_verifier"), value(&form, "client_secret")), (VERIFIER, "s3cr3t /+"));
    assert_eq!((seen[0].fields["accept"].as_str(), seen[0].fields["host"].as_str()), ("application/json", "github.com"));
    assert_eq!((seen[1].fields["authorization"].as_str(), seen[1].fields["host"].as_str()), ("Bearer gho_1", "api.github.com"));
    // Given back in GitHub's own way.
    server.say("/applications/client/grant", Answer::text(204, "application/json", String::new()));
    github.revoke(account.grant.unwrap()).await.unwrap();
    let last = server.seen().pop().unwrap();
    assert_eq!((last.line.as_str(), last.body.as_str()), ("DELETE /applications/client/grant", "{\"access_token\":\"gho_1\"}"));
}

/// The attack: an address that was added to an account there and never proved, or one that is not the person's own any more.
#[tokio::test]
async fn github_addresses_that_are_not_primary_and_proved_do_not_count() {
    let server = Server::start().await;
    let github = led(&server, ProviderKind::GitHub, None, false);
    for addresses in [
        json!([{ "email": "a@example.com", "primary": true, "verified": false }]),
        json!([{ "email": "a@example.com", "primary": false, "verified": true }]),
        json!([]),
    ] {
        github_says(&server, &json!({ "id": 1, "login": "ada" }), &addresses);
        let account = github.redeem(redemption(None, false)).await.unwrap();
        assert_eq!((account.email, account.is_email_verified, account.grant.is_none()), (None, false, true));
    }
    for user in [json!({ "id": "1", "login": "ada" }), json!({ "login": "ada" }), json!({ "id": -1, "login": "ada" }), json!([])]
    {
        github_says(&server, &user, &json!([]));
        assert_eq!(word(github.redeem(redemption(None, false)).await), "malformed", "{user}");
    }
    assert_eq!(word(github.redeem(redemption(Some("https://evil.example"), false)).await), "response_issuer");
    server.say("/login/oauth/access_token", Answer::json(&json!({ "error": "bad_verification_code", "error_description": "x" })));
    assert_eq!(word(github.redeem(redemption(None, false)).await), "invalid_grant");
    assert_eq!(word(github.revoke(Secret::new("x".to_owned())).await), "malformed");
}
