//! What callers ask about providers.

use std::sync::Arc;

use super::{Accounts, FlowError, Visitor};
use crate::credential::Password;
use crate::federation::{
    Identity, Provider, ProviderFinish, ProviderFinished, ProviderStart, ProviderStarted, finish, start, unlink,
};
use crate::session::ActiveSession;

impl Accounts {
    /// The providers that are configured, in the order of the configuration.
    #[must_use]
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    /// Sends a browser to a provider.
    ///
    /// # Errors
    /// [`FlowError::Refused`] when `next` is not one of the configured paths (OAUTH-07), [`FlowError::NotConfigured`] when there is no
    /// such provider or it cannot be reached (OAUTH-20), [`FlowError::StepUpNeeded`] for a link, [`FlowError::Throttled`],
    /// [`FlowError::Store`].
    pub async fn start_provider(&self, visitor: Visitor<'_>, request: ProviderStart<'_>) -> Result<ProviderStarted, FlowError> {
        start::start(self, visitor, request).await
    }

    /// Takes a browser back from a provider: signs in, makes an account, or links (OAUTH-08 … OAUTH-11).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause (OAUTH-13, ENUM-09), [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn finish_provider(
        &self,
        visitor: Visitor<'_>,
        request: ProviderFinish<'_>,
    ) -> Result<ProviderFinished, FlowError> {
        finish::finish(self, visitor, request).await
    }

    /// The links of the caller, oldest first.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn list_identities(&self, active: &ActiveSession) -> Result<Vec<Identity>, FlowError> {
        unlink::list(self, active).await
    }

    /// Ends the link with a provider (OAUTH-12). `current` is asked for where the account has a password, a fresh proof where it has none
    /// or has a second factor.
    ///
    /// # Errors
    /// [`FlowError::Refused`] when the password is wrong, [`FlowError::NotThere`], [`FlowError::StepUpNeeded`],
    /// [`FlowError::LastOfItsKind`], [`FlowError::Changed`], [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn unlink_provider(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        provider: &str,
        current: Option<Password>,
    ) -> Result<(), FlowError> {
        unlink::unlink(self, visitor, active, provider, current).await
    }
}
