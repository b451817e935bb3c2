//! Pages that work without script: one file per page. Each reads its form, runs one flow, and says how it ended.

pub(crate) mod account;
pub(crate) mod asset;
pub(crate) mod check_mail;
pub(crate) mod problem;
pub(crate) mod resend;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod sign_up;
pub(crate) mod verify;
mod view;

use axum::response::{IntoResponse as _, Response};
use doorward_domain::service::{FieldFault, FlowError};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::app::AppState;
use crate::cookie::{self, Cookies};
use crate::csrf::{binding, is_cookie_valid};
use crate::guard::Caller;
use crate::problem::Problem;

/// The hidden token of a form that is shown for the first time.
struct FormToken {
    value: String,
    is_fresh: bool,
}

impl FormToken {
    /// Keeps the browser's token when it is good for this caller, else makes a new one.
    fn new(app: &AppState, caller: &Caller, headers: &HeaderMap) -> Self {
        let binding = binding(caller.session.as_deref());
        let cookie = Cookies::read(headers, &app.policy.cookies).csrf;
        match cookie {
            cookie::Found::Once(value) if is_cookie_valid(app.accounts.csrf(), binding, cookie) => {
                Self { value: String::from_utf8_lossy(value).into_owned(), is_fresh: false }
            }
            _ => Self { value: app.accounts.csrf().issue(binding, &*app.entropy), is_fresh: true },
        }
    }

    /// Adds the cookie when the browser does not have it yet.
    fn keep(&self, app: &AppState, response: &mut Response) {
        if self.is_fresh {
            cookie::add(response.headers_mut(), &app.policy.cookies.csrf.set(&self.value, None));
        }
    }
}

/// Why a form is shown again, in words for the person before it.
struct Alert {
    status: StatusCode,
    title: &'static str,
    faults: Vec<FieldFault>,
    retry_after: Option<u64>,
}

impl Alert {
    /// Sorts out what a person can mend here; the rest is a problem page.
    fn of_flow(error: FlowError, refused: (StatusCode, &'static str)) -> Result<Self, Problem> {
        let alert = |status, title, faults| Self { status, title, faults, retry_after: None };
        match error {
            FlowError::Refused => Ok(alert(refused.0, refused.1, Vec::new())),
            FlowError::Invalid(faults) => {
                Ok(alert(StatusCode::UNPROCESSABLE_ENTITY, "Please look at these points and try again.", faults))
            }
            FlowError::Throttled { retry_after } => {
                let problem = Problem::rate_limited(retry_after);
                Ok(Self {
                    retry_after: problem.retry_after_seconds(),
                    ..alert(problem.status, "Too many attempts. Please wait a little and try again.", Vec::new())
                })
            }
            FlowError::Busy | FlowError::NotThere | FlowError::Changed | FlowError::Store(_) => {
                Err(Problem::of_flow(error, Problem::INTERNAL))
            }
        }
    }

    fn dress(&self, response: &mut Response) {
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
    }
}

/// 303: the next request is a GET, so that a reload repeats nothing (RFC 9110 §15.4.4).
fn see_other(target: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    // Targets are ours or have been through `LocalTarget`: visible ASCII.
    if let Ok(value) = HeaderValue::from_str(target) {
        headers.insert(header::LOCATION, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
