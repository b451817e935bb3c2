//! `/account/sign-up`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::service::{SignUp, SignUpMode};
use doorward_kit::Secret;
use http::{HeaderMap, StatusCode};

use super::view::{self, Shell};
use super::{Alert, FormToken, oauth, pasted, see_other};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;

/// Who may sign up is no secret, and the same for every address.
fn refused(mode: SignUpMode) -> (StatusCode, &'static str) {
    let text = match mode {
        SignUpMode::Closed => "New accounts cannot be made at the moment.",
        SignUpMode::Open | SignUpMode::Invitation => "This invitation is not valid, or no longer.",
    };
    (StatusCode::FORBIDDEN, text)
}

#[derive(Template)]
#[template(path = "sign_up.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    email: &'a str,
    name: &'a str,
    invitation: &'a str,
    password_min: u32,
    mode: SignUpMode,
    alert: Option<&'a Alert>,
    strength: Option<&'static str>,
    providers: Vec<oauth::Choice<'a>>,
    next: &'a str,
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
            invitation: "",
            mode: rules.sign_up,
            alert: None,
            strength: None,
            providers: if rules.sign_up == SignUpMode::Open { oauth::choices(app) } else { Vec::new() },
            next: "/account",
        }
    }

    fn is_faulty(&self, field: &str) -> bool {
        self.alert.is_some_and(|alert| alert.is_faulty(field))
    }
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    if caller.session.is_some() {
        return see_other("/account");
    }
    let token = FormToken::new(&app, &caller, &headers);
    let mut response = view::render(&Page::new(&app, &token.value));
    token.keep(&mut response);
    response
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let (email, name, invitation) = (form.text("email"), form.text("username"), pasted(form.text("invitation")));
    let password = Password(Secret::new(form.text("password").to_owned()));
    let named = (!name.is_empty()).then_some(name);
    let invited = (!invitation.is_empty()).then_some(invitation);
    let request = SignUp { email, password: password.clone(), name: named, invitation: invited };
    match app.accounts.sign_up(form.caller.visitor(), request).await {
        Ok(()) => Ok(see_other("/account/check-mail")),
        Err(error) => {
            let alert = Alert::of_flow(error, refused(app.accounts.rules().sign_up))?;
            let strength = alert.strength(&app, "password", &password, email);
            let page = Page { email, name, invitation, alert: Some(&alert), strength, ..Page::new(&app, &form.token) };
            let mut response = view::render(&page);
            alert.dress(&mut response);
            Ok(response)
        }
    }
}
