//! `/account/email/confirm` and `/account/email/undo`: what the links of the two mails open, the token in the fragment (D-07).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::service::FlowError;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, pasted, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

/// The one sentence for every cause.
const REFUSED: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "This code is not valid, or no longer.");

/// Which of the two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Confirm,
    Undo,
}

#[derive(Template)]
#[template(path = "email_link.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    kind: Kind,
    alert: Option<&'a Alert>,
}

#[derive(Template)]
#[template(path = "email_link_done.html")]
struct Done<'a> {
    shell: Shell<'a>,
    kind: Kind,
}

pub(crate) async fn confirm_form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    form(&app, &caller, &headers, Kind::Confirm)
}

pub(crate) async fn undo_form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    form(&app, &caller, &headers, Kind::Undo)
}

pub(crate) async fn confirm(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let outcome = app.accounts.confirm_email_change(form.caller.visitor(), pasted(form.text("token"))).await;
    answer(&app, &form, Kind::Confirm, outcome)
}

pub(crate) async fn undo(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let outcome = app.accounts.undo_email_change(form.caller.visitor(), pasted(form.text("token"))).await;
    answer(&app, &form, Kind::Undo, outcome)
}

fn form(app: &AppState, caller: &Caller, headers: &HeaderMap, kind: Kind) -> Response {
    with_token(app, caller, headers, |token| view::render(&Page { shell: Shell::new(app), token, kind, alert: None }))
}

fn answer(app: &AppState, form: &Form, kind: Kind, outcome: Result<(), FlowError>) -> Result<Response, Problem> {
    match outcome {
        Ok(()) => Ok(view::render(&Done { shell: Shell::new(app), kind })),
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            Ok(again(&alert, &Page { shell: Shell::new(app), token: &form.token, kind, alert: Some(&alert) }))
        }
    }
}
