//! `/account/end-sessions`: what the link of a notice opens, the token in the fragment (D-07).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, pasted, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

/// The one sentence for every cause.
const REFUSED: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "This code is not valid, or no longer.");

#[derive(Template)]
#[template(path = "end_sessions.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    alert: Option<&'a Alert>,
}

#[derive(Template)]
#[template(path = "end_sessions_done.html")]
struct Done<'a> {
    shell: Shell<'a>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    with_token(&app, &caller, &headers, |token| view::render(&Page { shell: Shell::new(&app), token, alert: None }))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    match app.accounts.end_sessions(form.caller.visitor(), pasted(form.text("token"))).await {
        Ok(()) => Ok(view::render(&Done { shell: Shell::new(&app) })),
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            Ok(again(&alert, &Page { shell: Shell::new(&app), token: &form.token, alert: Some(&alert) }))
        }
    }
}
