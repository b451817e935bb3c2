//! A JSON object as the body of a request.

use axum::extract::{FromRequest, FromRequestParts as _, Request};
use doorward_domain::Password;
use doorward_domain::service::FieldFault;
use doorward_kit::Secret;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use super::body;
use super::strict::{self, Bounds};
use crate::app::AppState;
use crate::guard::Caller;
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

    /// A yes or no; `None` for a member that is there and neither. One that is not there is a no.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            None | Some(Value::Null) => Some(false),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => None,
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

impl JsonObject {
    /// Whether there is such a member, `null` included.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether it has no other members than these.
    pub(crate) fn has_only(&self, names: &[&str]) -> bool {
        self.0.keys().all(|key| names.contains(&key.as_str()))
    }

    /// The text of a member, if it is text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.member(name) {
            Member::Text(text) => Some(text),
            Member::Absent | Member::Other => None,
        }
    }

    /// An object within; empty when the member is not there or anything else.
    pub(crate) fn object(&self, name: &str) -> Value {
        self.0.get(name).filter(|value| value.is_object()).cloned().unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// A password; what is missing is refused by the flows as the empty text is.
    pub(crate) fn password(&self, name: &str) -> Password {
        Password(Secret::new(self.text_or_empty(name).to_owned()))
    }

    /// A number is not a name and `true` is no password (INPUT-03).
    pub(crate) fn check_text(&self, names: &[&'static str]) -> Result<(), Problem> {
        let odd = names.iter().filter(|name| self.member(name) == Member::Other);
        let faults: Vec<_> = odd.map(|field| FieldFault { field, detail: "must be text".into() }).collect();
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
    }
}

/// Whatever the body is: an object if it is one, else nothing. For the one route whose answer must not tell (FORGOT-02).
pub(crate) struct LenientJson(Option<JsonObject>);

impl LenientJson {
    /// The text of a member, if there is an object and it has one.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.text(name)
    }
}

impl FromRequest<AppState> for LenientJson {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        let bytes = body::read(request.into_body(), app.policy.sizes.api_body).await?;
        match strict::parse(&bytes, Bounds::AUTH) {
            Ok(Value::Object(members)) => Ok(Self(Some(JsonObject(members)))),
            Ok(_) | Err(strict::NotStrict) => Ok(Self(None)),
        }
    }
}

impl FromRequest<AppState> for JsonObject {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &AppState) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, app).await?;
        let read = body::read(body, app.policy.sizes.auth_body).await;
        let parsed = read.and_then(|bytes| match strict::parse(&bytes, Bounds::AUTH) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            Ok(_) | Err(strict::NotStrict) => Err(Problem::INVALID_REQUEST),
        });
        match parsed {
            Ok(object) => Ok(object),
            Err(problem) => Err(caller.charge_unread(app, problem).await),
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
