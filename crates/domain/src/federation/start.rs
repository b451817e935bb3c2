//! The way to a provider.
//!
//! Quota, target, provider, fresh proof; then the provider's own description is asked for where to go; last one row is written. Nothing
//! here looks at any account but the caller's own (ENUM-09).

use doorward_kit::Token;

use super::trip::{self, Mode, Trip};
use super::{Authorization, Provider, ProviderError, ProviderStart, ProviderStarted, ProviderWish, state};
use crate::audit::{AuditEvent, MetaKey, Outcome};
use crate::ceremony::{CeremonyKind, flow};
use crate::service::{Accounts, FlowError, Visitor};

pub(crate) async fn start(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    start: ProviderStart<'_>,
) -> Result<ProviderStarted, FlowError> {
    accounts.charge_caller(visitor, "auth_oauth").await?;
    let ProviderStart { provider: name, next, wish } = start;
    let provider = trip::find(accounts, name);
    let refusal = Refusal { accounts, visitor, wish, provider: provider.map(|provider| provider.name()) };
    let Some(next) = trip::target(accounts, next) else { return Err(refusal.tell("next", FlowError::Refused).await) };
    let Some(provider) = provider else { return Err(refusal.tell("unconfigured", FlowError::NotConfigured).await) };
    // A borrowed session must not open the account for whoever borrowed it, for good (OAUTH-10).
    if let ProviderWish::Link(active) = wish
        && !accounts.is_fresh(active)
    {
        return Err(refusal.tell("step_up", FlowError::StepUpNeeded).await);
    }
    // A session that a provider is signed in beside is no proof where there is something better.
    if let ProviderWish::StepUp(active) = wish
        && (active.has_password || active.user.has_second_factor)
    {
        return Err(refusal.tell("step_up", FlowError::StepUpNeeded).await);
    }
    let trip = Trip {
        provider: provider.name().to_owned(),
        verifier: state::draw(&*accounts.entropy),
        nonce: state::draw(&*accounts.entropy),
        next: next.to_owned(),
        mode: wish.mode(),
    };
    let token = Token::random(&*accounts.entropy);
    let authorization_url = match ask(accounts, &**provider, &trip, &token).await {
        Ok(url) => url,
        Err(ProviderError::Unavailable(reason) | ProviderError::Refused(reason)) => {
            return Err(refusal.tell(reason, FlowError::NotConfigured).await);
        }
    };
    store(accounts, visitor, wish, &trip, &token).await?;
    Ok(ProviderStarted { authorization_url, token })
}

async fn ask(accounts: &Accounts, provider: &dyn Provider, trip: &Trip, token: &Token) -> Result<String, ProviderError> {
    let authorization = Authorization {
        state: &state::of(&accounts.keys.provider_state, token, provider.name()),
        nonce: &trip.nonce,
        code_challenge: &state::challenge(&trip.verifier),
        is_fresh: trip.mode == Mode::StepUp,
    };
    provider.authorization_url(authorization).await
}

async fn store(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    wish: ProviderWish<'_>,
    trip: &Trip,
    token: &Token,
) -> Result<(), FlowError> {
    let now = accounts.high_water.now();
    let whose = wish.whose();
    let mut tx = accounts.begin().await?;
    flow::begin_with(accounts, &mut tx, CeremonyKind::Provider, whose, trip, token, now).await?;
    let entry = trip::entry(visitor, AuditEvent::OauthStart, Outcome::Success, Some(&trip.provider), now);
    let entry = entry.with(MetaKey::Mode, trip.mode.as_str()).with(MetaKey::Next, &trip.next);
    tx.note(trip::of_session(entry, whose.user, whose.session));
    Ok(tx.commit().await?)
}

/// What the trail says of a way that nobody goes.
struct Refusal<'a> {
    accounts: &'a Accounts,
    visitor: Visitor<'a>,
    wish: ProviderWish<'a>,
    provider: Option<&'a str>,
}

impl Refusal<'_> {
    async fn tell(&self, reason: &'static str, error: FlowError) -> FlowError {
        let Self { accounts, visitor, wish, provider } = self;
        let (mode, whose) = (wish.mode(), wish.whose());
        let entry = trip::entry(*visitor, mode.failure(), Outcome::Failure, *provider, accounts.high_water.now());
        let entry = trip::of_session(entry, whose.user, whose.session).because(reason).with(MetaKey::Mode, mode.as_str());
        accounts.commit_entry(entry).await.map_or_else(FlowError::from, |()| error)
    }
}
