//! The way back from a provider (OAUTH-02, OAUTH-13).
//!
//! The order is the defence: the quota, the state against the browser's cookie, which costs no look-up, then the ceremony, which is gone
//! with that whatever follows, then the provider, outside any transaction; last one transaction in which everything is decided and done.
//! The outside sees one refusal.

use doorward_kit::Token;

use super::trip::{self, Mode, Trip};
use super::{Provider, ProviderAccount, ProviderError, ProviderFinish, ProviderFinished, ProviderOutcome, Redemption};
use super::{enter, link, state};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::ceremony::{Ceremony, CeremonyKind, flow};
use crate::service::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

/// Longest subject, in octets (OpenID Connect Core §2).
const SUBJECT_MAX: usize = 255;

/// Longest code that is handed on, in octets; longer ones are no provider's.
const CODE_MAX: usize = 4096;

pub(crate) async fn finish(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    request: ProviderFinish<'_>,
) -> Result<ProviderFinished, FlowError> {
    accounts.charge_caller(visitor, "auth_oauth").await?;
    let journey = match take_up(accounts, visitor, &request).await? {
        Ok(journey) => journey,
        Err(reason) => {
            let provider = trip::find(accounts, request.provider).map(|provider| provider.name());
            let now = accounts.high_water.now();
            let entry = trip::entry(visitor, AuditEvent::OauthFailed, Outcome::Failure, provider, now).because(reason);
            accounts.commit_entry(entry).await?;
            return Err(FlowError::Refused);
        }
    };
    match journey.arrive(request).await? {
        Ok(outcome) => Ok(ProviderFinished { outcome, next: journey.trip.next }),
        Err(reason) => {
            let entry = journey.entry(journey.trip.mode.failure(), Outcome::Failure).because(reason);
            let ceremony = &journey.ceremony;
            accounts.commit_entry(trip::of_session(entry, ceremony.user_id, ceremony.session_id)).await?;
            Err(FlowError::Refused)
        }
    }
}

/// A journey that this very browser began, and that nobody can take up a second time.
pub(super) struct Journey<'a> {
    pub(super) accounts: &'a Accounts,
    pub(super) visitor: Visitor<'a>,
    pub(super) provider: &'a dyn Provider,
    pub(super) ceremony: Ceremony,
    pub(super) trip: Trip,
}

/// Somebody whom a provider has named, at the end of a journey.
pub(super) struct Arrival<'a> {
    pub(super) journey: &'a Journey<'a>,
    pub(super) account: &'a ProviderAccount,
    pub(super) active: Option<&'a ActiveSession>,
    pub(super) presented: Option<&'a str>,
    pub(super) device: Option<&'a str>,
}

/// A state that is not this browser's consumes nothing: nobody can end another one's journey.
async fn take_up<'a>(
    accounts: &'a Accounts,
    visitor: Visitor<'a>,
    request: &ProviderFinish<'_>,
) -> Result<Result<Journey<'a>, &'static str>, FlowError> {
    let Some(provider) = trip::find(accounts, request.provider) else { return Ok(Err("unconfigured")) };
    let Some(token) = request.cookie.and_then(Token::parse) else { return Ok(Err("no_cookie")) };
    if !state::is_good(&accounts.keys.provider_state, &token, provider.name(), request.state) {
        return Ok(Err("state"));
    }
    let mut tx = accounts.begin().await?;
    let taken = flow::take::<Trip>(accounts, &mut tx, CeremonyKind::Provider, &token, accounts.high_water.now()).await?;
    tx.commit().await?;
    let Some((ceremony, trip)) = taken else { return Ok(Err("expired")) };
    Ok(Ok(Journey { accounts, visitor, provider: &**provider, ceremony, trip }))
}

impl Journey<'_> {
    async fn arrive(&self, request: ProviderFinish<'_>) -> Result<Result<ProviderOutcome, &'static str>, FlowError> {
        if let Err(reason) = self.judge(&request) {
            return Ok(Err(reason));
        }
        let ProviderFinish { code, issuer, active, presented, device, .. } = request;
        let Some(code) = code else { return Ok(Err("denied")) };
        let redemption = Redemption {
            code,
            issuer,
            verifier: doorward_kit::Secret::new(self.trip.verifier.clone()),
            nonce: &self.trip.nonce,
            is_fresh: self.trip.mode == Mode::StepUp,
        };
        let account = match self.provider.redeem(redemption).await {
            Ok(account) => account,
            Err(ProviderError::Unavailable(reason) | ProviderError::Refused(reason)) => return Ok(Err(reason)),
        };
        if account.issuer.is_empty() || !(1..=SUBJECT_MAX).contains(&account.subject.len()) {
            return Ok(Err("subject"));
        }
        let arrival = Arrival { journey: self, account: &account, active, presented, device };
        match arrival.settle().await {
            // Another flow of the account, the address or the provider's account won: what it left is looked at afresh, once.
            Err(FlowError::Store(StoreError::Conflict)) => match arrival.settle().await {
                Err(FlowError::Store(StoreError::Conflict)) => Ok(Err("changed_meanwhile")),
                outcome => outcome,
            },
            outcome => outcome,
        }
    }

    /// What can be said before the provider is asked.
    fn judge(&self, request: &ProviderFinish<'_>) -> Result<(), &'static str> {
        let Self { trip, ceremony, .. } = self;
        if trip.provider != self.provider.name() {
            return Err("state");
        }
        // What began in a session ends in that session (OAUTH-10).
        if ceremony.session_id.is_some() && ceremony.session_id != request.active.map(|active| active.session.id) {
            return Err("other_session");
        }
        // The list may have changed since (OAUTH-07).
        if trip::target(self.accounts, Some(&trip.next)).is_none() {
            return Err("next");
        }
        if request.code.as_ref().is_some_and(|code| code.expose().is_empty() || code.expose().len() > CODE_MAX) {
            return Err("code");
        }
        Ok(())
    }

    pub(super) fn entry(&self, event: AuditEvent, outcome: Outcome) -> AuditEntry {
        let entry = trip::entry(self.visitor, event, outcome, Some(self.provider.name()), self.accounts.high_water.now());
        entry.with(MetaKey::Mode, self.trip.mode.as_str())
    }
}

impl Arrival<'_> {
    async fn settle(&self) -> Result<Result<ProviderOutcome, &'static str>, FlowError> {
        match self.journey.trip.mode {
            Mode::Link => Ok(link::link(self).await?.map(|()| ProviderOutcome::Linked)),
            Mode::SignIn | Mode::StepUp => Ok(enter::enter(self).await?.map(ProviderOutcome::SignIn)),
        }
    }
}
