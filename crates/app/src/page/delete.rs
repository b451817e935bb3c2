//! `/account/delete`: the account ends, by its password.

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
use crate::session;

const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "The password is not right.");

#[derive(Template)]
#[template(path = "delete.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    email: &'a str,
    alert: Option<&'a Alert>,
}

#[derive(Template)]
#[template(path = "deleted.html")]
struct Done<'a> {
    shell: Shell<'a>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first("/account/delete") };
    let email = &active.user.email.display;
    with_token(&app, &caller, &headers, |token| view::render(&Page { shell: Shell::new(&app), token, email, alert: None }))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first("/account/delete")) };
    match app.accounts.delete_account(form.caller.visitor(), active, secret(form.text("current_password"))).await {
        Ok(()) => {
            let mut response = view::render(&Done { shell: Shell::new(&app) });
            session::end(&app, response.headers_mut());
            Ok(response)
        }
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            let email = &active.user.email.display;
            Ok(again(&alert, &Page { shell: Shell::new(&app), token: &form.token, email, alert: Some(&alert) }))
        }
    }
}
