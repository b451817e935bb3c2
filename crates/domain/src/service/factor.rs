//! What callers ask about second factors.

use doorward_kit::id::FactorId;

use super::{Accounts, FlowError, SignedIn, Visitor};
use crate::factor::{
    Enrolled, FactorList, PasskeyOffer, PasskeyPurpose, PasskeySignIn, RecoveryCodes, SecondStep, StepUpProof, TotpOffer, ask,
    change, enrol, list,
};
use crate::session::{ActiveSession, renew, second_step, step_up};

impl Accounts {
    /// The second factors of the caller.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn list_factors(&self, active: &ActiveSession) -> Result<FactorList, FlowError> {
        list::list(self, active).await
    }

    /// Offers a shared key for one-time codes (RFC 6238).
    ///
    /// # Errors
    /// [`FlowError::StepUpNeeded`], [`FlowError::LastOfItsKind`] when the account has one, [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn begin_totp(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<TotpOffer, FlowError> {
        enrol::begin_totp(self, visitor, active).await
    }

    /// Enrols the shared key that was offered, by its first code.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::StepUpNeeded`], [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn confirm_totp(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        enrolment: &str,
        code: &str,
    ) -> Result<Enrolled, FlowError> {
        enrol::confirm_totp(self, visitor, active, (enrolment, code)).await
    }

    /// Offers to enrol a passkey: discoverable, with user verification.
    ///
    /// # Errors
    /// [`FlowError::StepUpNeeded`], [`FlowError::LastOfItsKind`] when the account has as many as it may, [`FlowError::NotConfigured`] at
    /// a site without a name, [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn begin_passkey(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<PasskeyOffer, FlowError> {
        enrol::begin_passkey(self, visitor, active).await
    }

    /// Enrols the passkey that an authenticator made.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::Invalid`] for its name, [`FlowError::StepUpNeeded`],
    /// [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn confirm_passkey(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        enrolment: &str,
        name: &str,
        credential: serde_json::Value,
    ) -> Result<Enrolled, FlowError> {
        enrol::confirm_passkey(self, visitor, active, (enrolment, name, credential)).await
    }

    /// Gives a factor another name.
    ///
    /// # Errors
    /// [`FlowError::NotThere`], [`FlowError::Invalid`], [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn rename_factor(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        id: FactorId,
        name: &str,
    ) -> Result<(), FlowError> {
        change::rename(self, visitor, active, (id, name)).await
    }

    /// Removes a factor. With the last one the recovery codes go too. The session gets a new credential.
    ///
    /// # Errors
    /// [`FlowError::NotThere`], [`FlowError::StepUpNeeded`], [`FlowError::LastOfItsKind`] for an operator's last one,
    /// [`FlowError::Changed`] when another request has renewed the credential a moment ago, [`FlowError::Throttled`],
    /// [`FlowError::Store`].
    pub async fn remove_factor(&self, visitor: Visitor<'_>, active: &ActiveSession, id: FactorId) -> Result<SignedIn, FlowError> {
        change::remove(self, visitor, active, id).await
    }

    /// Puts ten new recovery codes in the place of all former ones. The session gets a new credential.
    ///
    /// # Errors
    /// [`FlowError::StepUpNeeded`], [`FlowError::NotThere`] where there is no factor that they could stand in for,
    /// [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn renew_recovery_codes(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<RecoveryCodes, FlowError> {
        change::renew_codes(self, visitor, active).await
    }

    /// What a browser needs to ask a passkey for a signature. Without an account it is the same for everybody (ENUM-01).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for a sign-in that does not wait and for an account without passkeys, [`FlowError::NotConfigured`] at a site
    /// without a name, [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn begin_passkey_request(
        &self,
        visitor: Visitor<'_>,
        purpose: PasskeyPurpose<'_>,
    ) -> Result<PasskeyOffer, FlowError> {
        ask::ask(self, visitor, purpose).await
    }

    /// Signs in with a passkey alone.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn sign_in_with_passkey(&self, visitor: Visitor<'_>, request: PasskeySignIn<'_>) -> Result<SignedIn, FlowError> {
        second_step::with_passkey(self, visitor, request).await
    }

    /// The second step of a sign-in.
    ///
    /// # Errors
    /// As [`Self::sign_in`].
    pub async fn finish_sign_in(&self, visitor: Visitor<'_>, step: SecondStep<'_>) -> Result<SignedIn, FlowError> {
        second_step::finish(self, visitor, step).await
    }

    /// Proves afresh who it is; the session gets a new credential (ASVS 7.2.4).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::Changed`] when another request has renewed the credential a moment ago,
    /// [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn step_up(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        proof: StepUpProof<'_>,
    ) -> Result<SignedIn, FlowError> {
        step_up::step_up(self, visitor, active, proof).await
    }

    /// Whether the last full proof in this session is fresh enough for a sensitive act (D-13).
    #[must_use]
    pub fn is_fresh(&self, active: &ActiveSession) -> bool {
        renew::is_fresh(self, active)
    }

    /// Whether a second factor has to be shown in this session before it may do anything else (D-14): an operator's, where none was. An
    /// account that has none enrols one, any other shows it by a step-up.
    #[must_use]
    pub fn needs_second_factor(&self, active: &ActiveSession) -> bool {
        self.rules.is_operator(&active.user.roles) && !renew::is_two_factor(active)
    }
}
