//! Ending the link with a provider (OAUTH-12): the account must keep a way in.

use doorward_kit::UserId;

use super::{Identity, grant, trip};
use crate::account::{User, proof};
use crate::audit::{AuditEntry, AuditEvent, Outcome};
use crate::ceremony::CeremonyKind;
use crate::credential::Password;
use crate::factor::FactorKind;
use crate::notice::{self, Notice};
use crate::service::{Accounts, FlowError, Visitor, Work};
use crate::session::ActiveSession;
use crate::store::StoreError;

pub(crate) async fn list(accounts: &Accounts, active: &ActiveSession) -> Result<Vec<Identity>, FlowError> {
    let mut tx = accounts.begin().await?;
    Ok(tx.identities().list(active.user.id).await?)
}

pub(crate) async fn unlink(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    provider: &str,
    current: Option<Password>,
) -> Result<(), FlowError> {
    proof::charge(accounts, visitor, "auth_oauth_unlink", active).await?;
    let deed = Deed { accounts, visitor, active, provider };
    let current = current.unwrap_or_else(|| Password::new(String::new()));
    let proof = match proof::prove(accounts, active, current).await? {
        Ok(proof) => proof,
        Err(unproven) => return Err(deed.refuse(unproven.reason(), unproven.error()).await),
    };
    let mut tx = accounts.begin().await?;
    let user = proof.confirm(&mut tx).await?;
    let Some(user) = user else {
        drop(tx);
        return Err(deed.refuse("changed_meanwhile", FlowError::Changed).await);
    };
    match deed.remove(&mut tx, &user).await? {
        Ok(ended) => {
            tx.commit().await?;
            grant::give_back(accounts, &ended);
            Ok(())
        }
        Err((reason, error)) => {
            drop(tx);
            Err(deed.refuse(reason, error).await)
        }
    }
}

/// What is to be done, and for whom.
struct Deed<'a> {
    accounts: &'a Accounts,
    visitor: Visitor<'a>,
    active: &'a ActiveSession,
    provider: &'a str,
}

impl Deed<'_> {
    async fn remove(
        &self,
        tx: &mut Work<'_>,
        user: &User,
    ) -> Result<Result<Vec<Identity>, (&'static str, FlowError)>, FlowError> {
        let links = tx.identities().list(user.id).await?;
        if !links.iter().any(|identity| identity.provider == self.provider) {
            return Ok(Err(("unknown", FlowError::NotThere)));
        }
        if user.password_hash.is_none() && !self.has_link_left(&links) && !has_passkey(tx, user.id).await? {
            return Ok(Err(("last", FlowError::LastOfItsKind)));
        }
        let ended = tx.identities().remove(user.id, self.provider).await?;
        // Whoever came by this link and waits for the second factor has nothing any more that the first step rests on.
        tx.ceremonies().revoke_all(user.id, &[CeremonyKind::SecondFactor]).await?;
        tx.note(self.entry(AuditEvent::OauthUnlink, Outcome::Success));
        // The label is of the configuration; so was the name, when the link was made.
        let label = trip::find(self.accounts, self.provider).map_or(self.provider, |provider| provider.label());
        notice::tell(self.accounts, tx, user, Notice::ProviderUnlinked(label), self.accounts.high_water.now()).await?;
        Ok(Ok(ended))
    }

    /// Another link is a way in only while its provider is configured.
    fn has_link_left(&self, links: &[Identity]) -> bool {
        let mut others = links.iter().filter(|identity| identity.provider != self.provider);
        others.any(|identity| trip::find(self.accounts, &identity.provider).is_some())
    }

    async fn refuse(&self, reason: &'static str, error: FlowError) -> FlowError {
        let entry = self.entry(AuditEvent::OauthUnlink, Outcome::Failure).because(reason);
        self.accounts.commit_entry(entry).await.map_or_else(FlowError::from, |()| error)
    }

    fn entry(&self, event: AuditEvent, outcome: Outcome) -> AuditEntry {
        let provider = trip::find(self.accounts, self.provider).map(|provider| provider.name());
        let entry = trip::entry(self.visitor, event, outcome, provider, self.accounts.high_water.now());
        trip::of_session(entry, Some(self.active.user.id), Some(self.active.session.id))
    }
}

async fn has_passkey(tx: &mut Work<'_>, user: UserId) -> Result<bool, StoreError> {
    Ok(tx.factors().list(user).await?.iter().any(|factor| factor.kind == FactorKind::Passkey))
}
