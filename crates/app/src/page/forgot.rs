//! `/account/forgot`: asks for a link to a new password; the same answer for every address (FORGOT-01).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::service::FlowError;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "forgot.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    email: &'a str,
    alert: Option<&'a Alert>,
}

#[derive(Template)]
#[template(path = "forgot_sent.html")]
struct Done<'a> {
    shell: Shell<'a>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    with_token(&app, &caller, &headers, |token| view::render(&Page { shell: Shell::new(&app), token, email: "", alert: None }))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let email = form.text("email");
    match app.accounts.forgot_password(form.caller.visitor(), Some(email)).await {
        Ok(()) | Err(FlowError::Refused | FlowError::Invalid(_)) => Ok(view::render(&Done { shell: Shell::new(&app) })),
        Err(error) => {
            let alert = Alert::of_flow(error, (StatusCode::BAD_REQUEST, ""))?;
            Ok(again(&alert, &Page { shell: Shell::new(&app), token: &form.token, email, alert: Some(&alert) }))
        }
    }
}
