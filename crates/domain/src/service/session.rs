//! What callers ask about sessions and known browsers.

use std::collections::HashMap;
use std::sync::Arc;

use doorward_kit::id::DeviceId;
use doorward_kit::{RequestContext, SessionId};

use super::{Accounts, FlowError, SignedIn, Visitor};
use crate::device::{self, Device};
use crate::session::{ActiveSession, Session, lookup, own, rotate, sign_out, standing};
use crate::store::StoreError;

impl Accounts {
    /// Replaces the credential of a session (SES-13). `None` when another request of the same session did so a moment ago: that one
    /// carries the new cookie.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn rotate_session(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<Option<SignedIn>, FlowError> {
        rotate::rotate(self, visitor, active).await
    }

    /// Whether the credential of a session is so old that it should be replaced.
    #[must_use]
    pub fn is_rotation_due(&self, active: &ActiveSession) -> bool {
        rotate::is_due(self, active)
    }

    /// The live sessions of the caller, newest first (SES-14).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sessions(&self, active: &ActiveSession) -> Result<Vec<Session>, StoreError> {
        own::list(self, active).await
    }

    /// Ends one session of the caller.
    ///
    /// # Errors
    /// [`FlowError::NotThere`] for an unknown one and for another's alike (SES-14), [`FlowError::Store`].
    pub async fn revoke_session(&self, visitor: Visitor<'_>, active: &ActiveSession, id: SessionId) -> Result<(), FlowError> {
        own::revoke(self, visitor, active, id).await
    }

    /// Ends every session of the caller but the one that asks; says how many.
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn revoke_other_sessions(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<usize, FlowError> {
        own::revoke_others(self, visitor, active).await
    }

    /// The browsers that the account of the caller is known to be used with, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_devices(&self, active: &ActiveSession) -> Result<Vec<Device>, StoreError> {
        device::own::list(self, active).await
    }

    /// Forgets one browser of the caller: the next sign-in with it is told to the owner, and slowed by guesses from elsewhere (D-11).
    ///
    /// # Errors
    /// [`FlowError::NotThere`] for an unknown one and for another's alike, [`FlowError::Store`].
    pub async fn forget_device(&self, visitor: Visitor<'_>, active: &ActiveSession, id: DeviceId) -> Result<(), FlowError> {
        device::own::forget(self, visitor, active, id).await
    }

    /// Ends a session at once (SES-09).
    ///
    /// # Errors
    /// [`FlowError::Store`].
    pub async fn sign_out(&self, visitor: Visitor<'_>, active: &ActiveSession) -> Result<(), FlowError> {
        sign_out::sign_out(self, visitor, active).await
    }

    /// The live session behind a cookie value; slides the idle timeout. The cached path touches neither store nor lock for long.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot tell: the caller answers 503, never "anonymous" (SES-19).
    pub async fn lookup_session(&self, cookie_value: &str) -> Result<Option<Arc<ActiveSession>>, StoreError> {
        lookup::lookup(self, None, cookie_value).await
    }

    /// As [`Self::lookup_session`], for a request: should the credential be a replaced one that comes back, the trail says where from.
    ///
    /// # Errors
    /// As [`Self::lookup_session`].
    pub async fn recognise_session(
        &self,
        context: &RequestContext,
        cookie_value: &str,
    ) -> Result<Option<Arc<ActiveSession>>, StoreError> {
        lookup::lookup(self, Some(context), cookie_value).await
    }

    /// Which of these sessions live, and the roles of their accounts: for what stays open without asking again. One read, no cache; what
    /// was ended on any node is not among them.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot tell.
    pub async fn standing_sessions(&self, ids: &[SessionId]) -> Result<HashMap<SessionId, Vec<String>>, StoreError> {
        standing::standing(self, ids).await
    }
}
