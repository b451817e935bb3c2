//! What gates ask about operator sessions.

use std::sync::Arc;

use doorward_kit::Token;

use super::{Accounts, FlowError, Visitor};
use crate::session::ActiveSession;
use crate::store::StoreError;

impl Accounts {
    /// Lets an operator session pass a gate: a token for the gate's host, one use, a minute. `request` is what the gate's host bound to
    /// the browser that asked.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for whoever is no operator or has shown no second factor, [`FlowError::StepUpNeeded`],
    /// [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn hand_over(
        &self,
        _visitor: Visitor<'_>,
        _active: &ActiveSession,
        _gate: &str,
        _request: &str,
    ) -> Result<Token, FlowError> {
        Err(FlowError::NotConfigured)
    }

    /// Takes a hand-over on the gate's host; returns the value of its cookie.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::Store`].
    pub async fn accept_hand_over(
        &self,
        _visitor: Visitor<'_>,
        _gate: &str,
        _token: &str,
        _request: &str,
    ) -> Result<Token, FlowError> {
        Err(FlowError::NotConfigured)
    }

    /// The operator session that was handed over to a gate, as long as it lives.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot tell.
    pub async fn recognise_pass(&self, _gate: &str, _cookie_value: &str) -> Result<Option<Arc<ActiveSession>>, StoreError> {
        Err(StoreError::Unavailable("not built yet"))
    }
}
