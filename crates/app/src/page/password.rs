//! `/account/password`: a new password for the old one (PWD-06).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::ActiveSession;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, password_or_step_up, secret, see_other, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

const HERE: &str = "/account/password";
const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "The current password is not right.");

#[derive(Template)]
#[template(path = "password.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    /// For the password manager, which wants to know whose password it is.
    email: &'a str,
    password_min: u32,
    /// Without one there is none to ask for; a fresh proof stands in for it.
    has_password: bool,
    alert: Option<&'a Alert>,
    strength: Option<&'static str>,
}

impl<'a> Page<'a> {
    fn new(app: &'a AppState, token: &'a str, active: &'a ActiveSession) -> Self {
        let (email, has_password) = (active.user.email.display.as_str(), active.has_password);
        let password_min = app.accounts.rules().password_min;
        Self { shell: Shell::new(app), token, email, password_min, has_password, alert: None, strength: None }
    }
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first(HERE) };
    if let Some(first) = password_or_step_up(&app, active, HERE) {
        return first;
    }
    with_token(&app, &caller, &headers, |token| view::render(&Page::new(&app, token, active)))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let (current, new) = (secret(form.text("current_password")), secret(form.text("new_password")));
    match app.accounts.change_password(form.caller.visitor(), active, current, new.clone()).await {
        Ok(signed_in) => {
            let mut response = see_other("/account?done=password");
            session::begin(&app, response.headers_mut(), &signed_in);
            Ok(response)
        }
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            let email = &active.user.email.display;
            let strength = alert.strength(&app, "new_password", &new, email);
            Ok(again(&alert, &Page { alert: Some(&alert), strength, ..Page::new(&app, &form.token, active) }))
        }
    }
}
