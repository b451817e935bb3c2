//! Proving afresh who it is, within a session (ASVS 7.5.3): a second factor where the account has one, the password where it has none.

use doorward_kit::Timestamp;

use super::{ActiveSession, guess, renew};
use crate::account::{User, proof};
use crate::audit::{AuditEntry, AuditEvent, MetaKey, Outcome};
use crate::credential::Password;
use crate::factor::{SecondProof, StepUpProof, prove};
use crate::service::{Accounts, FlowError, SignedIn, Visitor, Work};

/// Charged to the account as well as to the caller: a stolen session must not be a way to guess.
pub(crate) async fn step_up(
    accounts: &Accounts,
    visitor: Visitor<'_>,
    active: &ActiveSession,
    proof: StepUpProof<'_>,
) -> Result<SignedIn, FlowError> {
    proof::charge(accounts, visitor, "auth_step_up", active).await?;
    let trial = Trial { accounts, visitor, active, now: accounts.high_water.now() };
    match proof {
        StepUpProof::Password(password) => trial.by_password(password).await,
        StepUpProof::Second(second) => trial.by_second_factor(second).await,
    }
}

/// What the parts of one step-up share.
struct Trial<'a> {
    accounts: &'a Accounts,
    visitor: Visitor<'a>,
    active: &'a ActiveSession,
    now: Timestamp,
}

impl Trial<'_> {
    async fn by_password(&self, password: Password) -> Result<SignedIn, FlowError> {
        let proof = match proof::compare(self.accounts, self.active, password).await? {
            Ok(proof) => proof,
            Err(reason) => return self.refuse(reason).await,
        };
        let mut tx = self.accounts.begin().await?;
        match proof.confirm(&mut tx).await? {
            // Half of what a sign-in asks for.
            Some(user) if user.has_second_factor => {
                drop(tx);
                self.refuse("second_factor").await
            }
            Some(user) => self.succeed(tx, user, "password", false).await,
            None => {
                drop(tx);
                self.refuse("changed_meanwhile").await
            }
        }
    }

    async fn by_second_factor(&self, second: SecondProof<'_>) -> Result<SignedIn, FlowError> {
        let Self { accounts, visitor, active, now } = *self;
        let mut tx = accounts.begin().await?;
        let user = tx.users().lookup(active.user.id).await?.filter(|user| user.disabled_at.is_none());
        let Some(user) = user else {
            drop(tx);
            return self.refuse("changed_meanwhile").await;
        };
        let guess = guess::weigh(accounts, &mut tx, visitor, &user, &second, now).await?;
        if guess.is_stopped {
            drop(tx);
            accounts.commit_entry(guess.stopped(visitor, &user, now)).await?;
            return Err(FlowError::Refused);
        }
        match prove::second(accounts, &mut tx, (&user, Some(active.session.id)), now, second).await? {
            Ok(shown) => {
                guess.clear(&mut tx).await?;
                self.succeed(tx, user, shown.kind, true).await
            }
            Err(reason) => {
                guess.add(&mut tx, now).await?;
                tx.note(self.failed(reason).with(MetaKey::AfterFailures, guess.before));
                tx.commit().await?;
                Err(FlowError::Refused)
            }
        }
    }

    async fn succeed(
        &self,
        mut tx: Work<'_>,
        user: User,
        kind: &'static str,
        is_two_factor: bool,
    ) -> Result<SignedIn, FlowError> {
        let Self { accounts, visitor, active, now } = *self;
        let renewed = renew::renew(accounts, &mut tx, visitor, (active, user), (is_two_factor, "step_up"), now).await?;
        // Somebody else has renewed it a moment ago, or it has ended: nothing was proven, and nothing is used up.
        let Some(renewed) = renewed else { return Err(FlowError::Changed) };
        let entry = AuditEntry::of_visitor(visitor, AuditEvent::StepUp, Outcome::Success, now);
        tx.note(entry.by(active.user.id).in_session(active.session.id).with(MetaKey::Kind, kind));
        tx.commit().await?;
        Ok(renewed.tell(accounts))
    }

    async fn refuse(&self, reason: &'static str) -> Result<SignedIn, FlowError> {
        self.accounts.commit_entry(self.failed(reason)).await?;
        Err(FlowError::Refused)
    }

    fn failed(&self, reason: &'static str) -> AuditEntry {
        let entry = AuditEntry::of_visitor(self.visitor, AuditEvent::StepUpFailed, Outcome::Failure, self.now);
        entry.by(self.active.user.id).in_session(self.active.session.id).because(reason)
    }
}
