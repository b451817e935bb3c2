//! What handlers take from a request: who calls, and a body that has been read strictly.

pub(crate) mod body;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod media;
pub(crate) mod strict;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::app::AppState;
use crate::guard::Caller;
use crate::problem::Problem;

pub(crate) use form::Form;
pub(crate) use json::JsonObject;

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &AppState) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::INTERNAL)
    }
}
