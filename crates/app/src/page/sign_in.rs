//! `/account/sign-in`

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::factor::SignInOutcome;
use doorward_domain::service::SignIn;
use doorward_kit::Secret;
use doorward_policy::redirect::LocalTarget;
use http::{HeaderMap, StatusCode, Uri};

use super::view::{self, Shell};
use super::{Alert, FormToken, next_of, oauth, second_factor, see_other};
use crate::app::AppState;
use crate::cookie::{self, Cookies};
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

/// The one sentence for every cause (ENUM-01).
const REFUSED: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "The address or the password is not right.");

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
    next: &'a str,
    email: &'a str,
    remember: bool,
    providers: Vec<oauth::Choice<'a>>,
    alert: Option<&'a Alert>,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, uri: Uri, headers: HeaderMap) -> Response {
    let next = next_of(&uri);
    if caller.session.is_some() {
        return see_other(next.as_str());
    }
    let token = FormToken::new(&app, &caller, &headers);
    let (token_text, next, providers) = (&*token.value, next.as_str(), oauth::choices(&app));
    let shell = Shell::new(&app);
    let page = Page { shell, token: token_text, next, email: "", remember: false, providers, alert: None };
    let mut response = view::render(&page);
    token.keep(&mut response);
    // Whoever starts anew waits for nothing: a passkey that is asked for here is to sign in by itself.
    if Cookies::read(&headers, &app.policy.cookies).pending_text().is_some() {
        cookie::add(response.headers_mut(), &app.policy.cookies.pending.clear());
    }
    response
}

pub(crate) async fn submit(State(app): State<AppState>, headers: HeaderMap, form: Form) -> Result<Response, Problem> {
    let next = LocalTarget::parse(form.text("next")).unwrap_or_else(LocalTarget::account);
    let email = form.text("email");
    let password = Password(Secret::new(form.text("password").to_owned()));
    let cookies = Cookies::read(&headers, &app.policy.cookies);
    let (presented, device) = (cookies.session_text(), cookies.device_text());
    let remember = form.text("remember") == "yes";
    let wish = SignIn { identifier: email, password, presented, device, remember };
    match app.accounts.sign_in(form.caller.visitor(), wish).await {
        Ok(SignInOutcome::Pending(pending)) => Ok(second_factor::ask(&app, &pending, &next)),
        Ok(SignInOutcome::Done(signed_in)) => {
            let mut response = see_other(next.as_str());
            session::begin(&app, response.headers_mut(), &signed_in);
            Ok(response)
        }
        Err(error) => {
            let alert = Alert::of_flow(error, REFUSED)?;
            Ok(again(&app, &form, next.as_str(), &alert))
        }
    }
}

/// The form once more: the address stays, the password never does.
fn again(app: &AppState, form: &Form, next: &str, alert: &Alert) -> Response {
    let (email, remember) = (form.text("email"), form.text("remember") == "yes");
    let page = Page {
        shell: Shell::new(app),
        token: &form.token,
        next,
        email,
        remember,
        providers: oauth::choices(app),
        alert: Some(alert),
    };
    let mut response = view::render(&page);
    alert.dress(&mut response);
    response
}
