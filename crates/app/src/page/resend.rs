//! `/account/resend`: another verification mail, for whoever is waiting for one; the same answer for every address (EMAIL-04).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::service::FlowError;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, FormToken, see_other};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

#[derive(Template)]
#[template(path = "resend.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    email: &'a str,
    alert: Option<&'a Alert>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let token = FormToken::new(&app, &caller, &headers);
    let mut response = view::render(&Page { shell: Shell::new(&app), token: &token.value, email: "", alert: None });
    token.keep(&mut response);
    response
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let email = form.text("email");
    match app.accounts.resend_verification(form.caller.visitor(), email).await {
        Ok(()) | Err(FlowError::Refused | FlowError::Invalid(_)) => Ok(see_other("/account/check-mail")),
        Err(error) => {
            let alert = Alert::of_flow(error, (StatusCode::BAD_REQUEST, ""))?;
            let page = Page { shell: Shell::new(&app), token: &form.token, email, alert: Some(&alert) };
            let mut response = view::render(&page);
            alert.dress(&mut response);
            Ok(response)
        }
    }
}
