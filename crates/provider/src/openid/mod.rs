//! A provider by OpenID Connect Core 1.0, code flow with PKCE.

mod description;
mod hold;
mod id_token;
mod keys;
mod person;

use std::sync::Arc;

use async_trait::async_trait;
use doorward_config::{Issuer, ProviderKind};
use doorward_domain::federation::{Authorization, Provider, ProviderAccount, ProviderError, Redemption};
use doorward_kit::{Clock, Secret};

use crate::answer;
use crate::fault::{Fault, Word};
use crate::form::form;
use crate::grant;
use crate::setup::Common;
use description::Description;
use hold::Hold;
use id_token::{Claims, Expected};
use keys::Keys;

pub(crate) use person::{address, name};

/// One issuer, and what it last said of itself.
pub(crate) struct OpenId {
    common: Common,
    issuer: Issuer,
    clock: Arc<dyn Clock>,
    description: Hold<Description>,
    keys: Hold<Keys>,
}

impl OpenId {
    pub(crate) fn new(common: Common, issuer: Issuer, clock: Arc<dyn Clock>) -> Self {
        Self { common, issuer, clock, description: Hold::default(), keys: Hold::default() }
    }

    async fn description(&self) -> Result<Arc<Description>, Fault> {
        self.description.get(|| description::fetch(&self.common, &self.issuer)).await
    }

    async fn start(&self, authorization: &Authorization<'_>) -> Result<String, Fault> {
        let description = self.description().await?;
        let prompt = self.prompt(authorization.is_fresh);
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.common.client_id),
            ("redirect_uri", &self.common.redirect_uri),
            ("scope", &self.common.scope),
            ("state", authorization.state),
            ("nonce", authorization.nonce),
            ("code_challenge", authorization.code_challenge),
            ("code_challenge_method", "S256"),
        ];
        if !prompt.is_empty() {
            pairs.push(("prompt", &prompt));
        }
        if authorization.is_fresh {
            pairs.push(("max_age", "0"));
        }
        // Google's word for what others call `offline_access`.
        if self.common.keeps_grant && self.common.kind == ProviderKind::Google {
            pairs.push(("access_type", "offline"));
        }
        Ok(description.authorization.with_query(&form(&pairs)))
    }

    /// OpenID Connect Core §3.1.2.1; Google knows no `login`. Lasting access needs consent (§11).
    fn prompt(&self, is_fresh: bool) -> String {
        let fresh = if self.common.kind == ProviderKind::Google { "select_account" } else { "login" };
        let words = [(is_fresh, fresh), (self.common.keeps_grant && self.common.kind != ProviderKind::GitLab, "consent")];
        words.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect::<Vec<_>>().join(" ")
    }

    async fn finish(&self, redemption: &Redemption<'_>) -> Result<ProviderAccount, Fault> {
        // What is another issuer's is refused before anybody learns the code.
        Common::judge_issuer(redemption.issuer, self.issuer.as_str(), false)?;
        let description = self.description().await?;
        Common::judge_issuer(redemption.issuer, self.issuer.as_str(), description.promises_issuer)?;
        let tokens = self.common.exchange(&description.token, description.proof, redemption).await?;
        let id_token = tokens.id_token.as_ref().ok_or(Word::NoIdToken)?;
        let claims = self.verified(id_token, redemption, &description).await?;
        let mut account = person::account(self.common.kind, self.issuer.as_str(), &claims);
        if account.email.is_none()
            && let Some(userinfo) = &description.userinfo
        {
            person::complete(&self.common, userinfo, &tokens, &mut account).await?;
        }
        account.grant = if self.common.keeps_grant { grant::kept(&tokens) } else { None };
        Ok(account)
    }

    /// Keys are asked for again when one is missing, as after a rotation.
    async fn verified(&self, token: &Secret<String>, redemption: &Redemption<'_>, of: &Description) -> Result<Claims, Fault> {
        let fetch = || keys::fetch(&self.common, &of.keys);
        let expected = Expected {
            issuer: self.issuer.as_str(),
            client_id: &self.common.client_id,
            nonce: redemption.nonce,
            now: self.clock.now().as_second(),
            freshness: id_token::Freshness::wanted(redemption.is_fresh, self.common.kind),
        };
        let held = self.keys.get(fetch).await?;
        match id_token::verify(token.expose(), &held, &expected) {
            Err(Word::UnknownKey) => match self.keys.again(&held, fetch).await? {
                Some(newer) => Ok(id_token::verify(token.expose(), &newer, &expected)?),
                None => Err(Word::UnknownKey.into()),
            },
            verdict => Ok(verdict?),
        }
    }

    async fn give_back(&self, grant: &Secret<String>) -> Result<(), Fault> {
        let (kind, token) = grant::opened(grant).ok_or(Word::Malformed)?;
        let description = self.description().await?;
        let Some(revocation) = &description.revocation else { return Ok(()) };
        let pairs = [("token", token.expose().as_str()), ("token_type_hint", kind)];
        let answer = self.common.client.send(revocation, self.common.proved(description.proof, &pairs)).await?;
        answer::succeeded(&answer)
    }
}

#[async_trait]
impl Provider for OpenId {
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
        let started = self.common.client.within(self.start(&authorization)).await;
        started.map_err(|fault| fault.tell(&self.common.name, "start"))
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
