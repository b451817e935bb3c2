//! `/account/email`: asks for another address; what comes of it is said at the addresses alone (EMAIL-06, ENUM-10).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::ActiveSession;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, password_or_step_up, secret, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

const HERE: &str = "/account/email";
const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "The current password is not right.");

#[derive(Template)]
#[template(path = "email.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    present: &'a str,
    email: &'a str,
    has_password: bool,
    alert: Option<&'a Alert>,
}

impl<'a> Page<'a> {
    fn new(app: &'a AppState, token: &'a str, active: &'a ActiveSession) -> Self {
        let (present, has_password) = (active.user.email.display.as_str(), active.has_password);
        Self { shell: Shell::new(app), token, present, email: "", has_password, alert: None }
    }
}

#[derive(Template)]
#[template(path = "email_sent.html")]
struct Done<'a> {
    shell: Shell<'a>,
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
    let email = form.text("email");
    let outcome =
        app.accounts.request_email_change(form.caller.visitor(), active, email, secret(form.text("current_password"))).await;
    match outcome {
        Ok(()) => Ok(view::render(&Done { shell: Shell::new(&app) })),
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            Ok(again(&alert, &Page { email, alert: Some(&alert), ..Page::new(&app, &form.token, active) }))
        }
    }
}
