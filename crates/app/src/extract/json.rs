//! A JSON object as the body of a request.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use super::body;
use super::strict::{self, Bounds};
use crate::app::AppState;
use crate::problem::Problem;

/// The members of the object. No `Debug`: one of them may be a password. Strings are wiped on drop.
pub(crate) struct JsonObject(Map<String, Value>);

/// A member as it was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member<'a> {
    /// Not there, or `null`.
    Absent,
    /// Text.
    Text(&'a str),
    /// Anything else: never turned into text (INPUT-03).
    Other,
}

impl JsonObject {
    /// Looks at one member.
    pub(crate) fn member(&self, name: &str) -> Member<'_> {
        match self.0.get(name) {
            None | Some(Value::Null) => Member::Absent,
            Some(Value::String(text)) => Member::Text(text),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Member::Other,
        }
    }

    /// The text of a member, or the empty text: for flows that refuse the empty text like any wrong one.
    pub(crate) fn text_or_empty(&self, name: &str) -> &str {
        match self.member(name) {
            Member::Text(text) => text,
            Member::Absent | Member::Other => "",
        }
    }
}

impl FromRequest<AppState> for JsonObject {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        let bytes = body::read(request.into_body(), app.policy.sizes.auth_body).await?;
        match strict::parse(&bytes, Bounds::AUTH) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) | Err(strict::NotStrict) => Err(Problem::INVALID_REQUEST),
        }
    }
}

impl Drop for JsonObject {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}
