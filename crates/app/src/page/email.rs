//! `/account/email`: asks for another address; what comes of it is said at the addresses alone (EMAIL-06, ENUM-10).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, secret, sign_in_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "The current password is not right.");

#[derive(Template)]
#[template(path = "email.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    present: &'a str,
    email: &'a str,
    alert: Option<&'a Alert>,
}

#[derive(Template)]
#[template(path = "email_sent.html")]
struct Done<'a> {
    shell: Shell<'a>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first("/account/email") };
    let present = &active.user.email.display;
    with_token(&app, &caller, &headers, |token| {
        view::render(&Page { shell: Shell::new(&app), token, present, email: "", alert: None })
    })
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first("/account/email")) };
    let email = form.text("email");
    let outcome =
        app.accounts.request_email_change(form.caller.visitor(), active, email, secret(form.text("current_password"))).await;
    match outcome {
        Ok(()) => Ok(view::render(&Done { shell: Shell::new(&app) })),
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            let present = &active.user.email.display;
            Ok(again(&alert, &Page { shell: Shell::new(&app), token: &form.token, present, email, alert: Some(&alert) }))
        }
    }
}
