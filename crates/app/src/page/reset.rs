//! `/account/reset`: the link of the mail opens it with the token in the fragment (D-07, RESET-11, RESET-12).

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_kit::Token;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, again, pasted, secret, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

/// The one sentence for every cause (RESET-01).
const REFUSED: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "This code is not valid, or no longer.");

#[derive(Template)]
#[template(path = "reset.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    /// Stays in the form when only the password was refused: the token is as good as before (RESET-03).
    code: &'a str,
    password_min: u32,
    alert: Option<&'a Alert>,
    strength: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "reset_done.html")]
struct Done<'a> {
    shell: Shell<'a>,
}

impl<'a> Page<'a> {
    fn new(app: &'a AppState, token: &'a str) -> Self {
        Self {
            shell: Shell::new(app),
            token,
            code: "",
            password_min: app.accounts.rules().password_min,
            alert: None,
            strength: None,
        }
    }
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    with_token(&app, &caller, &headers, |token| view::render(&Page::new(&app, token)))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let (code, password) = (pasted(form.text("token")), secret(form.text("password")));
    match app.accounts.reset_password(form.caller.visitor(), code, password.clone()).await {
        Ok(()) => Ok(view::render(&Done { shell: Shell::new(&app) })),
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            // Only what has the form of a code: nothing else of a request comes back (ERR-06).
            let is_kept = alert.status == StatusCode::UNPROCESSABLE_ENTITY && Token::parse(code).is_some();
            let kept = if is_kept { code } else { "" };
            let strength = alert.strength(&app, "password", &password, "");
            Ok(again(&alert, &Page { code: kept, alert: Some(&alert), strength, ..Page::new(&app, &form.token) }))
        }
    }
}
