//! What callers ask about providers.

use std::sync::Arc;

use super::{Accounts, FlowError, Visitor};
use crate::credential::Password;
use crate::federation::{Identity, Provider, ProviderFinish, ProviderFinished, ProviderStart, ProviderStarted};
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
    pub async fn start_provider(&self, _visitor: Visitor<'_>, _start: ProviderStart<'_>) -> Result<ProviderStarted, FlowError> {
        Err(FlowError::NotConfigured)
    }

    /// Takes a browser back from a provider: signs in, makes an account, or links (OAUTH-08 … OAUTH-11).
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause (OAUTH-13, ENUM-09), [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn finish_provider(
        &self,
        _visitor: Visitor<'_>,
        _finish: ProviderFinish<'_>,
    ) -> Result<ProviderFinished, FlowError> {
        Err(FlowError::NotConfigured)
    }

    /// The links of the caller.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn list_identities(&self, _active: &ActiveSession) -> Result<Vec<Identity>, FlowError> {
        Err(FlowError::NotConfigured)
    }

    /// Ends the link with a provider (OAUTH-12). `current` is asked for where the account has a password.
    ///
    /// # Errors
    /// [`FlowError::Refused`] when the password is wrong, [`FlowError::NotThere`], [`FlowError::StepUpNeeded`],
    /// [`FlowError::LastOfItsKind`], [`FlowError::Throttled`], [`FlowError::Busy`], [`FlowError::Store`].
    pub async fn unlink_provider(
        &self,
        _visitor: Visitor<'_>,
        _active: &ActiveSession,
        _provider: &str,
        _current: Option<Password>,
    ) -> Result<(), FlowError> {
        Err(FlowError::NotConfigured)
    }
}
