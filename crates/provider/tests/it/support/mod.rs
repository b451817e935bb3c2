//! A provider under a test's thumb, and the client that asks it.

mod log;
mod server;
mod sign;

use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::rsa::KeySize;
use doorward_config::{Env, Issuer, OAuth, ProviderKind, SecretSource};
use doorward_domain::federation::{Authorization, Provider, ProviderAccount, ProviderError, Redemption};
use doorward_kit::{ManualClock, Secret, Timestamp};
use doorward_provider::{Dial, Surroundings};
use serde_json::{Value, json};
use tokio::net::TcpStream;

pub(crate) use log::{Log, canary};
pub(crate) use server::{Answer, Body, Server};
pub(crate) use sign::{Key, b64};

pub(crate) const NONCE: &str = "nonce-of-this-sign-in";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Of [`VERIFIER`] (RFC 7636, appendix B).
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const SITE: &str = "https://app.example.com";
pub(crate) const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Making one takes a moment, so that all tests share it.
pub(crate) static RSA: LazyLock<Key> = LazyLock::new(|| Key::rsa(KeySize::Rsa2048));

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap()))
}

/// A provider as the configuration would say it.
pub(crate) fn configured(kind: ProviderKind, issuer: Option<&str>, server: &Server) -> OAuth {
    OAuth {
        provider: kind,
        name: "work".to_owned(),
        label: "Work".to_owned(),
        issuer: issuer.map(|issuer| Issuer::parse(issuer).unwrap()),
        client_id: "client".to_owned(),
        client_secret: SecretSource::Env("SECRET".to_owned()),
        scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
        link_by_address: true,
        keep_grant: false,
        ca_file: Some(server.ca_file.clone()),
        hosts: Vec::new(),
    }
}

/// Leads every host to one port of this machine.
pub(crate) struct LeadTo(pub(crate) u16);

#[async_trait]
impl Dial for LeadTo {
    async fn dial(&self, _host: &str, _port: u16) -> io::Result<TcpStream> {
        TcpStream::connect(("127.0.0.1", self.0)).await
    }
}

pub(crate) fn around(env: Env) -> Surroundings {
    Surroundings::new(SITE.parse().unwrap(), env, clock())
}

pub(crate) fn opened(oauth: &OAuth, around: &Surroundings) -> Arc<dyn Provider> {
    doorward_provider::open(oauth, Secret::new("s3cr3t /+".to_owned()), around).unwrap()
}

/// An honest provider by OpenID Connect and a client of it in development; tests then make it lie.
pub(crate) struct Scene {
    pub(crate) server: Server,
    pub(crate) issuer: String,
    pub(crate) provider: Arc<dyn Provider>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub(crate) async fn with(change: impl FnOnce(&mut OAuth)) -> Self {
        Self::patient_for(doorward_provider::PATIENCE, change).await
    }

    pub(crate) async fn patient_for(patience: Duration, change: impl FnOnce(&mut OAuth)) -> Self {
        let server = Server::start().await;
        let issuer = server.base();
        let mut oauth = configured(ProviderKind::Oidc, Some(&issuer), &server);
        change(&mut oauth);
        let provider = opened(&oauth, &around(Env::Development).patient_for(patience));
        let scene = Self { server, issuer, provider };
        scene.server.say(DISCOVERY, Answer::json(&scene.description()));
        scene.show_keys(&[RSA.jwk("one")]);
        scene.issue(&RSA.token(&scene.header(), scene.claims().to_string().as_bytes()));
        scene
    }

    /// What it says of itself.
    pub(crate) fn description(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer, "authorization_endpoint": at("/authorize"), "token_endpoint": at("/token"), "jwks_uri": at("/keys"),
            "userinfo_endpoint": at("/userinfo"), "revocation_endpoint": at("/revoke"),
            "code_challenge_methods_supported": ["plain", "S256"], "response_types_supported": ["code"],
        })
    }

    pub(crate) fn describe(&self, member: &str, value: Value) {
        let mut description = self.description();
        description[member] = value;
        self.server.say(DISCOVERY, Answer::json(&description));
    }

    pub(crate) fn show_keys(&self, keys: &[Value]) {
        self.server.say("/keys", Answer::json(&json!({ "keys": keys })));
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "RS256", "kid": "one", "typ": "JWT" })
    }

    /// What an honest ID token says.
    pub(crate) fn claims(&self) -> Value {
        let now = 1_800_000_000;
        json!({
            "iss": self.issuer, "sub": "subject-1", "aud": "client", "exp": now + 300, "iat": now - 2, "nonce": NONCE,
            "email": "ada@example.com", "email_verified": true, "name": "Ada",
        })
    }

    /// The token endpoint answers with this ID token.
    pub(crate) fn issue(&self, id_token: &str) {
        self.server.say("/token", Answer::json(&json!({ "access_token": "at", "token_type": "Bearer", "id_token": id_token })));
    }

    /// An honest signature under these claims.
    pub(crate) fn issue_claims(&self, claims: &Value) {
        self.issue(&RSA.token(&self.header(), claims.to_string().as_bytes()));
    }

    pub(crate) async fn redeem(&self) -> Result<ProviderAccount, ProviderError> {
        self.provider.redeem(redemption(None, false)).await
    }

    pub(crate) async fn refused(&self) -> &'static str {
        word(self.redeem().await)
    }
}

pub(crate) fn redemption(issuer: Option<&str>, is_fresh: bool) -> Redemption<'_> {
    let (code, verifier) = (Secret::new("the code/+".to_owned()), Secret::new(VERIFIER.to_owned()));
    Redemption { code, issuer, verifier, nonce: NONCE, is_fresh }
}

pub(crate) fn authorization(is_fresh: bool) -> Authorization<'static> {
    Authorization { state: "st&te", nonce: NONCE, code_challenge: CHALLENGE, is_fresh }
}

/// The word of a refusal; an account is none.
pub(crate) fn word<T>(outcome: Result<T, ProviderError>) -> &'static str {
    outcome.err().map_or("accepted", |error| match error {
        ProviderError::Refused(word) | ProviderError::Unavailable(word) => word,
    })
}

/// The parameters of an address or a form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let query = text.split_once('?').map_or(text, |(_, query)| query);
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned();
    query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decoded(name), decoded(value))).collect()
}

pub(crate) fn value<'p>(pairs: &'p [(String, String)], name: &str) -> &'p str {
    let mut found = pairs.iter().filter(|(known, _)| known == name);
    let first = found.next().map_or("", |(_, value)| value.as_str());
    assert!(found.next().is_none(), "{name} is there twice");
    first
}
