//! `/account/verify`: the link of the mail opens it with the token in the fragment, which no server sees (D-07).
//!
//! GET shows the form and consumes nothing, however often a scanner fetches it. Script moves the token into the field; without
//! script it is pasted there, alone or as the whole link.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::service::FlowError;
use doorward_kit::Secret;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, FormToken, pasted};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

/// The one sentence for every cause (EMAIL-05).
const REFUSED: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "This code is not valid, or no longer.");

#[derive(Template)]
#[template(path = "verify.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    /// A good code that waits for the password.
    code: &'a str,
    alert: Option<&'a Alert>,
}

#[derive(Template)]
#[template(path = "verified.html")]
struct Done<'a> {
    shell: Shell<'a>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let token = FormToken::new(&app, &caller, &headers);
    let mut response = view::render(&Page { shell: Shell::new(&app), token: &token.value, code: "", alert: None });
    token.keep(&mut response);
    response
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let token = pasted(form.text("token"));
    let typed = form.text("password");
    let password = (!typed.is_empty()).then(|| Password(Secret::new(typed.to_owned())));
    match app.accounts.verify_email(form.caller.visitor(), token, password).await {
        Ok(()) => Ok(view::render(&Done { shell: Shell::new(&app) })),
        Err(error) => {
            // The code is good: it stays in the form, and only here, in the answer to a POST that nobody keeps.
            let code = if matches!(error, FlowError::PasswordNeeded) { token } else { "" };
            let alert = Alert::of_flow(error, REFUSED)?;
            let page = Page { shell: Shell::new(&app), token: &form.token, code, alert: Some(&alert) };
            let mut response = view::render(&page);
            alert.dress(&mut response);
            Ok(response)
        }
    }
}
