//! `/api/auth/oauth`: signing in with a provider, and the links of an account, for single-page applications. Pages have a way of their own.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use doorward_domain::factor::SignInOutcome;
use doorward_domain::federation::{ProviderFinished, ProviderOutcome, ProviderStart, ProviderWish};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::{detail, json, me::UserMe, second_factor};
use crate::app::AppState;
use crate::cookie::{Cookies, field_once};
use crate::csrf::{self, CSRF_FIELD};
use crate::extract::{JsonObject, Member, json};
use crate::guard::Caller;
use crate::oauth::{self, Back};
use crate::problem::Problem;
use crate::session;

#[derive(Serialize)]
struct List<'a> {
    providers: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    label: &'a str,
    /// Whether the caller's account is linked with it; nobody's is none.
    linked: bool,
}

/// The providers that are configured, and which of them the caller is linked with.
pub(crate) async fn list(State(app): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    let links = match caller.session.as_deref() {
        Some(active) => app.accounts.list_identities(active).await.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?,
        None => Vec::new(),
    };
    let entry = |name, label| Entry { name, label, linked: links.iter().any(|link| link.provider == name) };
    let providers = app.accounts.providers().iter().map(|provider| entry(provider.name(), provider.label()));
    Ok(json(StatusCode::OK, &List { providers: providers.collect() }))
}

#[derive(Serialize)]
struct Started<'a> {
    authorization_url: &'a str,
}

/// `{next?, mode?}` → where to go. What begins in a session needs its token: another site must not link anything (OAUTH-10).
pub(crate) async fn start(
    State(app): State<AppState>,
    caller: Caller,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    body.check_text(&["next", "mode"])?;
    let wish = match body.text("mode") {
        None | Some("login") => ProviderWish::SignIn,
        Some("link") => ProviderWish::Link(with_token(&app, &caller, &headers).await?),
        Some("step_up") => ProviderWish::StepUp(with_token(&app, &caller, &headers).await?),
        Some(_) => return Err(Problem::INVALID_REQUEST),
    };
    let request = ProviderStart { provider: &provider, next: body.text("next"), wish };
    let started = app.accounts.start_provider(caller.visitor(), request).await;
    let started = started.map_err(|error| Problem::of_flow(error, Problem::INVALID_REDIRECT))?;
    let mut response = json(StatusCode::OK, &Started { authorization_url: &started.authorization_url });
    oauth::keep(&app, response.headers_mut(), &started);
    Ok(response)
}

/// The caller's session, once its token has come along.
async fn with_token<'a>(
    app: &AppState,
    caller: &'a Caller,
    headers: &HeaderMap,
) -> Result<&'a doorward_domain::ActiveSession, Problem> {
    let active = caller.session.as_deref().ok_or(Problem::NOT_AUTHENTICATED)?;
    let cookie = Cookies::read(headers, &app.policy.cookies).csrf;
    match csrf::check(app.accounts.csrf(), csrf::binding(Some(active)), cookie, field_once(headers, &CSRF_FIELD)) {
        Ok(()) => Ok(active),
        Err(refusal) => Err(caller.csrf_failed(app, refusal.reason()).await),
    }
}

/// `{code, state, iss?}`, or `{state, error: true}` where the provider said no → 200 with the account, or with what is asked for next. In a
/// session its token comes along: what is linked there is not for another site to decide (OAUTH-10).
pub(crate) async fn finish(
    State(app): State<AppState>,
    caller: Caller,
    Path(provider): Path<String>,
    headers: HeaderMap,
    body: JsonObject,
) -> Response {
    if caller.session.is_some()
        && let Err(problem) = with_token(&app, &caller, &headers).await
    {
        return problem.into_response();
    }
    let issuer = match body.member("iss") {
        json::Member::Absent => None,
        json::Member::Text(text) => Some(text),
        // What is no text is no issuer of anybody, and must not pass as silence.
        json::Member::Other => Some(""),
    };
    let code = body.text("code").filter(|_| !body.has("error"));
    let back = Back { provider: &provider, state: body.text_or_empty("state"), code, issuer };
    let mut response = match oauth::finish(&app, &caller, &headers, back).await {
        Ok(ProviderFinished { outcome, .. }) => shown(&app, &caller, outcome),
        Err(problem) => problem.into_response(),
    };
    oauth::forget_ended(&app, &mut response);
    response
}

fn shown(app: &AppState, caller: &Caller, outcome: ProviderOutcome) -> Response {
    match outcome {
        ProviderOutcome::SignIn(SignInOutcome::Done(signed_in)) => {
            let mut response = json(StatusCode::OK, &UserMe::of(&signed_in.active.user));
            session::begin(app, response.headers_mut(), &signed_in);
            response
        }
        ProviderOutcome::SignIn(SignInOutcome::Pending(pending)) => second_factor::ask(app, &pending),
        ProviderOutcome::Linked => match caller.session.as_deref() {
            Some(active) => json(StatusCode::OK, &UserMe::of(&active.user)),
            None => detail(StatusCode::OK, "Linked"),
        },
    }
}

/// `{current_password?}` → 204, or 404 for what is not linked.
pub(crate) async fn unlink(
    State(app): State<AppState>,
    caller: Member,
    Path(provider): Path<String>,
    body: JsonObject,
) -> Result<Response, Problem> {
    body.check_text(&["current_password"])?;
    let current = body.has("current_password").then(|| body.password("current_password"));
    let outcome = app.accounts.unlink_provider(caller.visitor(), caller.active(), &provider, current).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
