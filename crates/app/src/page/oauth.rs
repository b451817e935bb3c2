//! `/account/oauth/{provider}`: where a provider sends people back to, and the form that sends them there.
//!
//! The page that is come back to does nothing on the server: code and state stay in a form, which script sends once it has taken them out of
//! the address, and a button without script (OAUTH-17).

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use doorward_domain::factor::SignInOutcome;
use doorward_domain::federation::{ProviderFinished, ProviderOutcome, ProviderStart, ProviderWish};
use doorward_policy::redirect::LocalTarget;
use http::{HeaderMap, Uri};

use super::view::{self, Shell};
use super::{query, second_factor, see_other, sign_in_first, step_up_at, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::oauth::{self, Back};
use crate::problem::Problem;
use crate::session;

const CONNECTIONS: &str = "/account/connections";

/// A provider, for a button.
pub(super) struct Choice<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
}

pub(super) fn choices(app: &AppState) -> Vec<Choice<'_>> {
    app.accounts.providers().iter().map(|provider| Choice { name: provider.name(), label: provider.label() }).collect()
}

/// What the configuration calls it; the path's own word is a stranger's and shown to nobody.
fn label<'a>(app: &'a AppState, name: &str) -> Result<&'a str, Problem> {
    let found = app.accounts.providers().iter().find(|provider| provider.name() == name);
    found.map(|provider| provider.label()).ok_or(Problem::NOT_FOUND)
}

#[derive(Template)]
#[template(path = "oauth_start.html")]
struct Way<'a> {
    shell: Shell<'a>,
    label: &'a str,
    url: &'a str,
}

/// A form may lead to no other origin, by our own policy: a page does, by itself and by a link.
pub(crate) async fn start(State(app): State<AppState>, Path(provider): Path<String>, form: Form) -> Result<Response, Problem> {
    let label = label(&app, &provider)?;
    let wish = match (form.text("mode"), form.caller.session.as_deref()) {
        ("link", Some(active)) => ProviderWish::Link(active),
        ("step_up", Some(active)) => ProviderWish::StepUp(active),
        ("link" | "step_up", None) => return Ok(sign_in_first(CONNECTIONS)),
        _ => ProviderWish::SignIn,
    };
    let request = ProviderStart { provider: &provider, next: next(&app, &form), wish };
    let started = match app.accounts.start_provider(form.caller.visitor(), request).await {
        Ok(started) => started,
        Err(doorward_domain::service::FlowError::StepUpNeeded) => return Ok(see_other(&step_up_at(CONNECTIONS))),
        Err(error) => return Err(Problem::of_flow(error, Problem::INVALID_REDIRECT)),
    };
    let mut response = view::render(&Way { shell: Shell::new(&app), label, url: &started.authorization_url });
    oauth::keep(&app, response.headers_mut(), &started);
    Ok(response)
}

/// Where a page came from may be any path of the site; what a provider leads to is one of a list (OAUTH-07), or else its first.
fn next<'a>(app: &AppState, form: &'a Form) -> Option<&'a str> {
    form.sent("next").filter(|next| app.accounts.rules().provider_targets.iter().any(|target| target == next))
}

#[derive(Template)]
#[template(path = "oauth_return.html")]
struct Return<'a> {
    shell: Shell<'a>,
    token: &'a str,
    label: &'a str,
    provider: &'a str,
    code: &'a str,
    state: &'a str,
    issuer: Option<&'a str>,
    is_denied: bool,
}

pub(crate) async fn show(
    State(app): State<AppState>,
    caller: Caller,
    Path(provider): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let label = label(&app, &provider)?;
    let told = |name: &str| query(&uri, name);
    let (code, state, issuer) = (told("code").unwrap_or_default(), told("state").unwrap_or_default(), told("iss"));
    // Whatever the provider says of why: it is a no (OAUTH-18).
    let is_denied = told("error").is_some() || code.is_empty();
    Ok(with_token(&app, &caller, &headers, |token| {
        let (shell, provider, code, state, issuer) = (Shell::new(&app), &*provider, &*code, &*state, issuer.as_deref());
        view::render(&Return { shell, token, label, provider, code, state, issuer, is_denied })
    }))
}

pub(crate) async fn finish(
    State(app): State<AppState>,
    Path(provider): Path<String>,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let code = form.sent("code").filter(|_| form.sent("error").is_none());
    let back = Back { provider: &provider, state: form.text("state"), code, issuer: form.sent("iss") };
    let mut response = match oauth::finish(&app, &form.caller, &headers, back).await {
        Ok(finished) => led(&app, finished),
        Err(problem) if problem.detail == Problem::OAUTH_FAILED.detail => failed(&app, &problem),
        Err(problem) => problem.into_response(),
    };
    oauth::forget_ended(&app, &mut response);
    response
}

fn led(app: &AppState, ProviderFinished { outcome, next }: ProviderFinished) -> Response {
    match outcome {
        ProviderOutcome::SignIn(SignInOutcome::Done(signed_in)) => {
            let mut response = see_other(&next);
            session::begin(app, response.headers_mut(), &signed_in);
            response
        }
        ProviderOutcome::SignIn(SignInOutcome::Pending(pending)) => {
            let next = LocalTarget::parse(&next).unwrap_or_else(LocalTarget::account);
            second_factor::ask(app, &pending, &next)
        }
        ProviderOutcome::Linked => see_other("/account/connections?done=linked"),
    }
}

#[derive(Template)]
#[template(path = "oauth_failed.html")]
struct Failed<'a> {
    shell: Shell<'a>,
}

fn failed(app: &AppState, problem: &Problem) -> Response {
    let mut response = view::render(&Failed { shell: Shell::new(app) });
    problem.dress(&mut response);
    response
}
