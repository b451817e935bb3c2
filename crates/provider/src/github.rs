//! GitHub: OAuth 2 with an interface for accounts and addresses. It signs nothing, so that what is believed is what its own hosts say over
//! TLS to the bearer of a token that they have just given for a code of this browser (PKCE).

use ::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use ::http::{Method, Request, StatusCode};
use async_trait::async_trait;
use doorward_domain::federation::{Authorization, Provider, ProviderAccount, ProviderError, Redemption};
use doorward_kit::Secret;
use http_body_util::Full;
use serde::Deserialize;
use serde_json::Value;

use crate::answer;
use crate::fault::{Fault, Word};
use crate::form::form;
use crate::grant;
use crate::openid::{address, name};
use crate::setup::Common;
use crate::token::{Proof, Tokens, bearing};

/// Who vouches for a subject; GitHub has no issuer identifier of its own for people.
const ISSUER: &str = "https://github.com";
/// What it would call itself beside a code (RFC 8414 §2).
const SERVER: &str = "https://github.com/login/oauth";
const AUTHORIZE: &str = "https://github.com/login/oauth/authorize";
const TOKEN: &str = "https://github.com/login/oauth/access_token";
const USER: &str = "https://api.github.com/user";
const ADDRESSES: &str = "https://api.github.com/user/emails?per_page=100";
const MEDIA: &str = "application/vnd.github+json";

/// github.com as a provider.
pub(crate) struct GitHub {
    common: Common,
}

#[derive(Deserialize)]
struct User {
    /// Stays when the login is renamed, and is never given to somebody else.
    id: u64,
    login: Value,
    name: Option<Value>,
}

#[derive(Deserialize)]
struct MailAddress {
    email: Value,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub(crate) fn new(common: Common) -> Self {
        Self { common }
    }

    fn start(&self, authorization: &Authorization<'_>) -> Result<String, Fault> {
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.common.client_id),
            ("redirect_uri", &self.common.redirect_uri),
            ("scope", &self.common.scope),
            ("state", authorization.state),
            ("code_challenge", authorization.code_challenge),
            ("code_challenge_method", "S256"),
        ];
        // The nearest to a fresh sign-in that it knows.
        if authorization.is_fresh {
            pairs.push(("prompt", "select_account"));
        }
        Ok(self.common.pins.judge(AUTHORIZE)?.with_query(&form(&pairs)))
    }

    async fn finish(&self, redemption: &Redemption<'_>) -> Result<ProviderAccount, Fault> {
        Common::judge_issuer(redemption.issuer, SERVER, false)?;
        let tokens = self.common.exchange(&self.common.pins.judge(TOKEN)?, Proof::Post, redemption).await?;
        let user: User = self.ask(USER, &tokens).await?;
        let addresses: Vec<MailAddress> = self.ask(ADDRESSES, &tokens).await?;
        // The one that the person writes from; others may be old, or an employer's.
        let primary = addresses.iter().find(|one| one.primary && one.verified).and_then(|one| address(&one.email));
        Ok(ProviderAccount {
            issuer: ISSUER.to_owned(),
            subject: user.id.to_string(),
            is_email_verified: primary.is_some(),
            email: primary,
            name: user.name.as_ref().and_then(name).or_else(|| name(&user.login)),
            grant: if self.common.keeps_grant { grant::kept(&tokens) } else { None },
        })
    }

    async fn ask<T: serde::de::DeserializeOwned>(&self, url: &str, tokens: &Tokens) -> Result<T, Fault> {
        let address = self.common.pins.judge(url)?;
        answer::read(&self.common.client.send(&address, bearing(&tokens.access_token, MEDIA)).await?)
    }

    /// Its own way of ending what an application may do for somebody.
    async fn give_back(&self, grant: &Secret<String>) -> Result<(), Fault> {
        let (_, token) = grant::opened(grant).ok_or(Word::Malformed)?;
        let client = crate::form::encoded(&self.common.client_id);
        let address = self.common.pins.judge(&format!("https://api.github.com/applications/{client}/grant"))?;
        let body = serde_json::json!({ "access_token": token.expose() }).to_string();
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::DELETE;
        let fields = request.headers_mut();
        fields.insert(ACCEPT, HeaderValue::from_static(MEDIA));
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        fields.extend(self.common.basic().map(|basic| (AUTHORIZATION, basic)));
        let answer = self.common.client.send(&address, request).await?;
        if answer.status() == StatusCode::NO_CONTENT { Ok(()) } else { answer::succeeded(&answer) }
    }
}

#[async_trait]
impl Provider for GitHub {
    fn name(&self) -> &str {
        &self.common.name
    }

    fn label(&self) -> &str {
        &self.common.label
    }

    fn links_by_address(&self) -> bool {
        self.common.links_by_address
    }

    async fn authorization_url(&self, authorization: Authorization<'_>) -> Result<String, ProviderError> {
        self.start(&authorization).map_err(|fault| fault.tell(&self.common.name, "start"))
    }

    async fn redeem(&self, redemption: Redemption<'_>) -> Result<ProviderAccount, ProviderError> {
        let finished = self.common.client.within(self.finish(&redemption)).await;
        finished.map_err(|fault| fault.tell(&self.common.name, "redeem"))
    }

    async fn revoke(&self, grant: Secret<String>) -> Result<(), ProviderError> {
        let given = self.common.client.within(self.give_back(&grant)).await;
        given.map_err(|fault| fault.tell(&self.common.name, "revoke"))
    }
}
