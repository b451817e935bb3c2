//! A provider that says what a test tells it to, and holds a code to its verifier and nonce as a real one does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::federation::{
    Authorization, Provider, ProviderAccount, ProviderError, ProviderFinish, ProviderFinished, ProviderOutcome, ProviderStart,
    ProviderStarted, ProviderWish, Redemption,
};
use doorward_domain::service::{AccountRules, FlowError, SignedIn};
use doorward_domain::{Accounts, ActiveSession};
use doorward_kit::{Secret, sha256_hex};

use crate::support::{House, QUICK, caller, generous, visitor};

/// What a code stands for.
struct Issued {
    nonce: String,
    challenge: String,
    is_fresh: bool,
    answer: Result<ProviderAccount, ProviderError>,
}

pub(crate) struct Scripted {
    name: &'static str,
    links_by_address: bool,
    codes: Mutex<HashMap<String, Issued>>,
    asked: AtomicUsize,
    given_back: Mutex<Vec<String>>,
}

impl Scripted {
    pub(crate) fn new(name: &'static str) -> Arc<Self> {
        Self::with(name, true)
    }

    pub(crate) fn with(name: &'static str, links_by_address: bool) -> Arc<Self> {
        let (codes, given_back) = (Mutex::default(), Mutex::default());
        Arc::new(Self { name, links_by_address, codes, asked: AtomicUsize::new(0), given_back })
    }

    /// Somebody with an account there, whose address it has proved.
    pub(crate) fn person(&self, subject: &str, email: &str) -> ProviderAccount {
        ProviderAccount {
            issuer: format!("https://{}.test", self.name),
            subject: subject.to_owned(),
            email: Some(email.to_owned()),
            is_email_verified: true,
            name: Some("Ann".to_owned()),
            grant: None,
        }
    }

    /// What the provider does when somebody who was sent there agrees: the code and the state that the browser takes back.
    pub(crate) fn agree(&self, url: &str, answer: Result<ProviderAccount, ProviderError>) -> (String, String) {
        let part = |name: &str| {
            let (_, rest) = url.split_once(&format!("{name}=")).expect("a parameter");
            rest.split('&').next().unwrap().to_owned()
        };
        let issued = Issued { nonce: part("nonce"), challenge: part("challenge"), is_fresh: part("fresh") == "true", answer };
        let mut codes = self.codes.lock().unwrap();
        let code = format!("code-{}-{}", self.name, codes.len());
        codes.insert(code.clone(), issued);
        (code, part("state"))
    }

    /// How often it was asked about a code.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Grants that it was given back.
    pub(crate) fn given_back(&self) -> Vec<String> {
        self.given_back.lock().unwrap().clone()
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &str {
        self.name
    }

    fn label(&self) -> &str {
        "Acme"
    }

    fn links_by_address(&self) -> bool {
        self.links_by_address
    }

    async fn authorization_url(&self, authorization: Authorization<'_>) -> Result<String, ProviderError> {
        let Authorization { state, nonce, code_challenge, is_fresh } = authorization;
        let name = self.name;
        Ok(format!("https://{name}.test/go?state={state}&nonce={nonce}&challenge={code_challenge}&fresh={is_fresh}"))
    }

    async fn redeem(&self, redemption: Redemption<'_>) -> Result<ProviderAccount, ProviderError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let issued = self.codes.lock().unwrap().remove(redemption.code.expose()).ok_or(ProviderError::Refused("code"))?;
        let hex = sha256_hex(redemption.verifier.expose().as_bytes());
        let octets: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        if URL_SAFE_NO_PAD.encode(octets) != issued.challenge {
            return Err(ProviderError::Refused("verifier"));
        }
        if redemption.nonce != issued.nonce || redemption.is_fresh != issued.is_fresh {
            return Err(ProviderError::Refused("nonce"));
        }
        issued.answer
    }

    async fn revoke(&self, grant: Secret<String>) -> Result<(), ProviderError> {
        self.given_back.lock().unwrap().push(grant.expose().clone());
        Ok(())
    }
}

/// A house whose people may sign in with these.
pub(crate) async fn house_of(providers: &[&Arc<Scripted>], change: impl Fn(&mut AccountRules)) -> House {
    let providers = providers.iter().map(|provider| Arc::clone(provider) as Arc<dyn Provider>).collect();
    House::with_providers(generous(), QUICK, change, providers).await
}

pub(crate) async fn go(house: &House, provider: &str, wish: ProviderWish<'_>) -> Result<ProviderStarted, FlowError> {
    go_to(house, provider, wish, None).await
}

pub(crate) async fn go_to(
    house: &House,
    provider: &str,
    wish: ProviderWish<'_>,
    next: Option<&str>,
) -> Result<ProviderStarted, FlowError> {
    house.accounts.start_provider(visitor(&caller(1)), ProviderStart { provider, next, wish }).await
}

/// A browser on its way back; every part of it may be another one's.
#[derive(Clone)]
pub(crate) struct Back<'a> {
    pub(crate) provider: &'a str,
    pub(crate) cookie: Option<String>,
    pub(crate) state: String,
    pub(crate) code: Option<String>,
    pub(crate) active: Option<&'a ActiveSession>,
    pub(crate) presented: Option<&'a str>,
}

impl<'a> Back<'a> {
    /// As it should be.
    pub(crate) fn new(provider: &'a str, started: &ProviderStarted, (code, state): (String, String)) -> Self {
        let cookie = Some(started.token.reveal());
        Self { provider, cookie, state, code: Some(code), active: None, presented: None }
    }

    /// In a session.
    pub(crate) fn within(self, active: &'a ActiveSession) -> Self {
        Self { active: Some(active), ..self }
    }

    pub(crate) async fn finish(&self, accounts: &Accounts) -> Result<ProviderFinished, FlowError> {
        let Self { provider, cookie, state, code, active, presented } = self;
        let finish = ProviderFinish {
            provider,
            cookie: cookie.as_deref(),
            state,
            code: code.clone().map(Secret::new),
            issuer: None,
            active: *active,
            presented: *presented,
            device: None,
        };
        accounts.finish_provider(visitor(&caller(1)), finish).await
    }
}

/// There and back, as somebody.
pub(crate) async fn sign_in_as(house: &House, at: &Scripted, person: &ProviderAccount) -> Result<SignedIn, FlowError> {
    let started = go(house, at.name, ProviderWish::SignIn).await?;
    let back = Back::new(at.name, &started, at.agree(&started.authorization_url, Ok(person.clone())));
    back.finish(&house.accounts).await.map(signed_in)
}

/// There and back from a session, to link.
pub(crate) async fn link_as(
    house: &House,
    at: &Scripted,
    active: &ActiveSession,
    person: &ProviderAccount,
) -> Result<(), FlowError> {
    let started = go(house, at.name, ProviderWish::Link(active)).await?;
    let back = Back::new(at.name, &started, at.agree(&started.authorization_url, Ok(person.clone()))).within(active);
    let finished = back.finish(&house.accounts).await?;
    assert!(matches!(finished.outcome, ProviderOutcome::Linked));
    Ok(())
}

/// A whole sign-in.
pub(crate) fn signed_in(finished: ProviderFinished) -> SignedIn {
    match finished.outcome {
        ProviderOutcome::SignIn(outcome) => outcome.done().expect("an account without a second factor"),
        ProviderOutcome::Linked => panic!("linked"),
    }
}
