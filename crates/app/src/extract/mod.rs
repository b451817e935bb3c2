//! What handlers take from a request: who calls, and a body that has been read strictly.

pub(crate) mod body;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod media;
pub(crate) mod strict;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use doorward_domain::{ActiveSession, Visitor};
use http::request::Parts;

use crate::app::AppState;
use crate::guard::Caller;
use crate::problem::Problem;

pub(crate) use form::Form;
pub(crate) use json::{JsonObject, LenientJson};

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::INTERNAL)
    }
}

/// A caller who is signed in; on a route that requires it the guard has seen to that already.
pub(crate) struct Member {
    caller: Caller,
    active: Arc<ActiveSession>,
}

impl Member {
    pub(crate) fn active(&self) -> &ActiveSession {
        &self.active
    }

    pub(crate) fn visitor(&self) -> Visitor<'_> {
        self.caller.visitor()
    }
}

impl FromRequestParts<AppState> for Member {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let active = caller.session.clone().ok_or(Problem::NOT_AUTHENTICATED)?;
        Ok(Self { caller, active })
    }
}
