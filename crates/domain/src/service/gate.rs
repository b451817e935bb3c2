//! What gates ask about operator sessions.

use std::sync::Arc;

use doorward_kit::Token;

use super::{Accounts, FlowError, Visitor};
use crate::gate_pass::{GateRequest, hand_over, standing};
use crate::session::ActiveSession;
use crate::store::StoreError;

impl Accounts {
    /// What a gate's host binds to a browser before it sends it to the site for a hand-over.
    #[must_use]
    pub fn gate_request(&self, gate: &str) -> GateRequest {
        hand_over::request(self, gate)
    }

    /// Lets an operator session pass a gate: a token for the gate's host, one use, a minute. `request` is [`GateRequest::name`] as the
    /// browser brought it.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for whoever is no operator or has shown no second factor, [`FlowError::StepUpNeeded`],
    /// [`FlowError::Throttled`], [`FlowError::Store`].
    pub async fn hand_over(
        &self,
        visitor: Visitor<'_>,
        active: &ActiveSession,
        gate: &str,
        request: &str,
    ) -> Result<Token, FlowError> {
        hand_over::hand_over(self, visitor, active, gate, request).await
    }

    /// Takes a hand-over on the gate's host; `cookie` is the value of [`GateRequest::token`], if it came once. Returns the value of the
    /// cookie that passes the gate from then on.
    ///
    /// # Errors
    /// [`FlowError::Refused`] for every cause, [`FlowError::Store`].
    pub async fn accept_hand_over(
        &self,
        visitor: Visitor<'_>,
        gate: &str,
        token: &str,
        cookie: Option<&str>,
    ) -> Result<Token, FlowError> {
        hand_over::accept(self, visitor, gate, token, cookie).await
    }

    /// The operator session that was handed over to a gate, as long as it lives. Asks the store every time.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot tell.
    pub async fn recognise_pass(&self, gate: &str, cookie_value: &str) -> Result<Option<Arc<ActiveSession>>, StoreError> {
        standing::recognise(self, gate, cookie_value).await
    }
}
