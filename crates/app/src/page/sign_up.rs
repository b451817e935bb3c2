//! `/account/sign-up`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::service::{SignUp, SignUpMode};
use doorward_kit::Secret;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, FormToken, see_other};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

/// Sign-up is closed; it is no secret, and the same for every address.
const CLOSED: (StatusCode, &str) = (StatusCode::FORBIDDEN, "New accounts cannot be made at the moment.");

#[derive(Template)]
#[template(path = "sign_up.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    email: &'a str,
    name: &'a str,
    password_min: u32,
    is_open: bool,
    alert: Option<&'a Alert>,
}

impl<'a> Page<'a> {
    fn new(app: &'a AppState, token: &'a str) -> Self {
        let rules = app.accounts.rules();
        Self {
            shell: Shell::new(app),
            token,
            email: "",
            name: "",
            password_min: rules.password_min,
            is_open: rules.sign_up != SignUpMode::Closed,
            alert: None,
        }
    }

    fn is_faulty(&self, field: &str) -> bool {
        self.alert.is_some_and(|alert| alert.faults.iter().any(|fault| fault.field == field))
    }
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    if caller.session.is_some() {
        return see_other("/account");
    }
    let token = FormToken::new(&app, &caller, &headers);
    let mut response = view::render(&Page::new(&app, &token.value));
    token.keep(&app, &mut response);
    response
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let (email, name) = (form.text("email"), form.text("name"));
    let password = Password(Secret::new(form.text("password").to_owned()));
    let named = (!name.is_empty()).then_some(name);
    match app.accounts.sign_up(form.caller.visitor(), SignUp { email, password, name: named, invitation: None }).await {
        Ok(()) => Ok(see_other("/account/check-mail")),
        Err(error) => {
            let alert = Alert::of_flow(error, CLOSED)?;
            let page = Page { email, name, alert: Some(&alert), ..Page::new(&app, &form.token) };
            let mut response = view::render(&page);
            alert.dress(&mut response);
            Ok(response)
        }
    }
}
