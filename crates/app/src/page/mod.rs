//! Pages that work without script: one file per page. Each reads its form, runs one flow, and says how it ended.

pub(crate) mod account;
pub(crate) mod asset;
pub(crate) mod check_mail;
pub(crate) mod connections;
pub(crate) mod delete;
pub(crate) mod email;
pub(crate) mod email_link;
pub(crate) mod end_sessions;
pub(crate) mod export;
pub(crate) mod factors;
pub(crate) mod forgot;
pub(crate) mod gate;
pub(crate) mod oauth;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod problem;
pub(crate) mod profile;
pub(crate) mod recovery_codes;
pub(crate) mod resend;
pub(crate) mod reset;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod sign_in;
pub(crate) mod sign_out;
pub(crate) mod sign_up;
pub(crate) mod step_up;
pub(crate) mod totp;
pub(crate) mod verify;
mod view;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use doorward_domain::service::{FieldFault, FlowError};
use doorward_domain::{ActiveSession, Password};
use doorward_kit::Secret;
use doorward_policy::redirect::LocalTarget;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};

use crate::app::AppState;
use crate::cookie::{self, Cookies};
use crate::csrf::{binding, is_cookie_valid};
use crate::extract::form;
use crate::gate::escape;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session::csrf_cookie;

/// The hidden token of a form that is shown for the first time.
struct FormToken {
    value: String,
    /// The cookie, when the browser does not have it yet.
    fresh_cookie: Option<String>,
}

impl FormToken {
    /// Keeps the browser's token when it is good for this caller, else makes a new one.
    fn new(app: &AppState, caller: &Caller, headers: &HeaderMap) -> Self {
        let binding = binding(caller.session.as_deref());
        let cookie = Cookies::read(headers, &app.policy.cookies).csrf;
        match cookie {
            cookie::Found::Once(value) if is_cookie_valid(app.accounts.csrf(), binding, cookie) => {
                Self { value: String::from_utf8_lossy(value).into_owned(), fresh_cookie: None }
            }
            _ => {
                let value = app.accounts.csrf().issue(binding, &*app.entropy);
                let cookie = csrf_cookie(app, caller.session.as_deref(), &value);
                Self { value, fresh_cookie: Some(cookie) }
            }
        }
    }

    /// Adds the cookie when the browser does not have it yet.
    fn keep(&self, response: &mut Response) {
        if let Some(cookie) = &self.fresh_cookie {
            cookie::add(response.headers_mut(), cookie);
        }
    }
}

/// Draws a page that has a form.
fn with_token(app: &AppState, caller: &Caller, headers: &HeaderMap, draw: impl FnOnce(&str) -> Response) -> Response {
    let token = FormToken::new(app, caller, headers);
    let mut response = draw(&token.value);
    token.keep(&mut response);
    response
}

/// Draws a form once more, with what was wrong.
fn again(alert: &Alert, page: &impl Template) -> Response {
    let mut response = view::render(page);
    alert.dress(&mut response);
    response
}

/// Leads whoever is not signed in to the sign-in page, and from there back to `path`, which is one of ours.
fn sign_in_first(path: &str) -> Response {
    see_other(&format!("/account/sign-in?next={}", path.replace('/', "%2F")))
}

/// Where it is proved afresh who it is, and from where it goes on to `path`, which is one of ours.
fn step_up_at(path: &str) -> String {
    format!("/account/step-up?next={}", escape(path))
}

/// Leads there whoever would be refused otherwise, before a form is filled in for nothing (ASVS 7.5.3).
fn step_up_first(app: &AppState, active: &ActiveSession, path: &str) -> Option<Response> {
    (!app.accounts.is_fresh(active)).then(|| see_other(&step_up_at(path)))
}

/// The same where the password is proof enough for accounts that have nothing else.
fn password_or_step_up(app: &AppState, active: &ActiveSession, path: &str) -> Option<Response> {
    let suffices = active.has_password && !active.user.has_second_factor;
    if suffices { None } else { step_up_first(app, active, path) }
}

/// The value of a query field, if it came once.
fn query(uri: &Uri, name: &str) -> Option<String> {
    let fields = form::parse(uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    fields.into_iter().find(|(field, _)| field == name).map(|(_, value)| value)
}

/// Where to go afterwards: a path of this site, or the account page.
fn next_of(uri: &Uri) -> LocalTarget {
    query(uri, "next").and_then(|value| LocalTarget::parse(&value)).unwrap_or_else(LocalTarget::account)
}

/// What was pasted may be the code, the fragment, or the whole link.
fn pasted(text: &str) -> &str {
    let fragment = text.trim().rsplit('#').next().unwrap_or_default();
    ["token=", "invitation="].iter().find_map(|name| fragment.strip_prefix(name)).unwrap_or(fragment)
}

fn secret(text: &str) -> Password {
    Password(Secret::new(text.to_owned()))
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
            FlowError::PasswordNeeded => Ok(alert(
                StatusCode::FORBIDDEN,
                "Several people asked for an account with this address. Enter the password that you chose.",
                Vec::new(),
            )),
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
            FlowError::StepUpNeeded
            | FlowError::LastOfItsKind
            | FlowError::NotConfigured
            | FlowError::Busy
            | FlowError::NotThere
            | FlowError::Changed
            | FlowError::Store(_) => Err(Problem::of_flow(error, Problem::INTERNAL)),
        }
    }

    /// How strong a new password is that was not what was wrong: it has to be entered once more, and may be thought over.
    fn strength(&self, app: &AppState, field: &str, password: &Password, email: &str) -> Option<&'static str> {
        // Whom a limit has stopped gets no more work out of us.
        (self.status != StatusCode::TOO_MANY_REQUESTS && !self.is_faulty(field))
            .then(|| app.accounts.password_strength(password, email).as_str())
    }

    fn is_faulty(&self, field: &str) -> bool {
        self.faults.iter().any(|fault| fault.field == field)
    }

    fn dress(&self, response: &mut Response) {
        *response.status_mut() = self.status;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
    }
}

/// How a page calls a field.
fn label(field: &str) -> &'static str {
    match field {
        "email" => "Email address",
        "password" => "Password",
        "current_password" => "Current password",
        "new_password" => "New password",
        "avatar_url" => "Picture",
        "bio" => "About you",
        "code" | "token" => "Code",
        "invitation" => "Invitation",
        _ => "Name",
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
