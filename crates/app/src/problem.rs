//! The one error body: `{"detail": "…"}`, with `errors` for faults of fields (ERR-01, D-09).

use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use doorward_domain::service::{FieldFault, FlowError};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// A refusal as the outside sees it. Every text is ours and fixed: nothing of a request is ever repeated (ERR-06).
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) detail: &'static str,
    pub(crate) errors: Vec<FieldFault>,
    pub(crate) retry_after: Option<Duration>,
}

/// Travels beside a problem's answer, so that a layer further out can show it as a page.
#[derive(Debug, Clone)]
pub(crate) struct ProblemMark(pub(crate) Arc<Problem>);

#[derive(Serialize)]
struct Body<'a> {
    detail: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldFault],
}

impl Problem {
    const fn plain(status: StatusCode, detail: &'static str) -> Self {
        Self { status, detail, errors: Vec::new(), retry_after: None }
    }

    pub(crate) const INVALID_REQUEST: Self = Self::plain(StatusCode::BAD_REQUEST, "Invalid request");
    pub(crate) const INVALID_REDIRECT: Self = Self::plain(StatusCode::BAD_REQUEST, "Invalid redirect");
    pub(crate) const OAUTH_FAILED: Self = Self::plain(StatusCode::BAD_REQUEST, "OAuth failed");
    pub(crate) const INVALID_TOKEN: Self = Self::plain(StatusCode::BAD_REQUEST, "Invalid or expired token");
    pub(crate) const INVALID_CREDENTIALS: Self = Self::plain(StatusCode::UNAUTHORIZED, "Invalid credentials");
    pub(crate) const NOT_AUTHENTICATED: Self = Self::plain(StatusCode::UNAUTHORIZED, "Not authenticated");
    pub(crate) const CSRF_FAILED: Self = Self::plain(StatusCode::FORBIDDEN, "CSRF failed");
    pub(crate) const SIGN_UP_CLOSED: Self = Self::plain(StatusCode::FORBIDDEN, "Sign-up is closed");
    pub(crate) const INVITATION: Self = Self::plain(StatusCode::FORBIDDEN, "Invalid or expired invitation");
    pub(crate) const NOT_FOUND: Self = Self::plain(StatusCode::NOT_FOUND, "Not found");
    pub(crate) const PASSWORD_NEEDED: Self = Self::plain(StatusCode::FORBIDDEN, "Password needed");
    pub(crate) const ENROLMENT_FAILED: Self = Self::plain(StatusCode::BAD_REQUEST, "Enrolment failed");
    pub(crate) const SECOND_FACTOR: Self = Self::plain(StatusCode::FORBIDDEN, "Second factor required");
    pub(crate) const STEP_UP: Self = Self::plain(StatusCode::FORBIDDEN, "Step-up required");
    pub(crate) const NO_OPERATOR: Self = Self::plain(StatusCode::FORBIDDEN, "Operators only");
    pub(crate) const LAST_OF_ITS_KIND: Self = Self::plain(StatusCode::CONFLICT, "Not possible now");
    pub(crate) const CHANGED: Self = Self::plain(StatusCode::CONFLICT, "Changed meanwhile");
    pub(crate) const METHOD_NOT_ALLOWED: Self = Self::plain(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed");
    pub(crate) const TOO_LARGE: Self = Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "Request body too large");
    pub(crate) const MEDIA_TYPE: Self = Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type");
    pub(crate) const INTERNAL: Self = Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "internal_error");

    /// 503: a part that must answer does not. Asking again in a second is reasonable.
    pub(crate) fn unavailable() -> Self {
        Self { retry_after: Some(Duration::from_secs(1)), ..Self::plain(StatusCode::SERVICE_UNAVAILABLE, "Service unavailable") }
    }

    /// 429 (APP-RL, table (a)).
    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::plain(StatusCode::TOO_MANY_REQUESTS, "Rate limited") }
    }

    /// 422 with the faults of fields.
    pub(crate) fn invalid(errors: Vec<FieldFault>) -> Self {
        Self { errors, ..Self::plain(StatusCode::UNPROCESSABLE_ENTITY, "Invalid input") }
    }

    /// Maps how a flow ended; what a refusal means is the operation's own word.
    pub(crate) fn of_flow(error: FlowError, refused: Self) -> Self {
        match error {
            FlowError::Refused => refused,
            FlowError::Throttled { retry_after } => Self::rate_limited(retry_after),
            FlowError::Invalid(faults) => Self::invalid(faults),
            FlowError::PasswordNeeded => Self::PASSWORD_NEEDED,
            FlowError::StepUpNeeded => Self::STEP_UP,
            FlowError::LastOfItsKind => Self::LAST_OF_ITS_KIND,
            FlowError::NotConfigured => Self::unavailable(),
            FlowError::NotThere => Self::NOT_FOUND,
            FlowError::Changed => Self::CHANGED,
            FlowError::Busy => Self::unavailable(),
            FlowError::Store(error) => error.into(),
        }
    }

    /// Whole seconds, rounded up, at least one.
    pub(crate) fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| wait.as_millis().div_ceil(1000).clamp(1, u128::from(u32::MAX)) as u64)
    }

    /// Status, `Retry-After` and the caching rule, which JSON and page share.
    pub(crate) fn dress(&self, response: &mut Response) {
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
    }
}

/// Logged here, once; the outside learns nothing but that it may ask again.
impl From<doorward_domain::StoreError> for Problem {
    fn from(error: doorward_domain::StoreError) -> Self {
        tracing::error!(message = "the store did not answer", error = %error);
        Self::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body { detail: self.detail, errors: &self.errors };
        // Strings and lists of strings always serialise.
        let text = serde_json::to_string(&body).unwrap_or_else(|_| r#"{"detail":"internal_error"}"#.into());
        let mut response = text.into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.dress(&mut response);
        response.extensions_mut().insert(ProblemMark(Arc::new(self)));
        response
    }
}
