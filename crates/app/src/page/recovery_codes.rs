//! `/account/factors/recovery-codes`: codes that stand in for a lost factor, shown once.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use doorward_domain::service::SignedIn;
use http::HeaderMap;
use zeroize::Zeroizing;

use super::view::{self, Shell};
use super::{sign_in_first, step_up_first, with_token};
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

const HERE: &str = "/account/factors/recovery-codes";

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct Page<'a> {
    shell: Shell<'a>,
    token: &'a str,
}

/// The one time that they are seen.
#[derive(Template)]
#[template(path = "recovery_codes_made.html")]
struct Made<'a> {
    shell: Shell<'a>,
    codes: &'a [Zeroizing<String>],
    /// What made them, if not the wish for new ones.
    is_first: bool,
}

pub(crate) async fn form(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Response {
    let Some(active) = caller.session.as_deref() else { return sign_in_first(HERE) };
    if let Some(first) = step_up_first(&app, active, HERE) {
        return first;
    }
    with_token(&app, &caller, &headers, |token| view::render(&Page { shell: Shell::new(&app), token }))
}

pub(crate) async fn submit(State(app): State<AppState>, form: Form) -> Result<Response, Problem> {
    let Some(active) = form.caller.session.as_deref() else { return Ok(sign_in_first(HERE)) };
    let outcome = app.accounts.renew_recovery_codes(form.caller.visitor(), active).await;
    let new = outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    Ok(show(&app, &new.codes, false, &new.signed_in))
}

/// Shows codes together with the session's new credential.
pub(super) fn show(app: &AppState, codes: &[Zeroizing<String>], is_first: bool, signed_in: &SignedIn) -> Response {
    let mut response = view::render(&Made { shell: Shell::new(app), codes, is_first });
    session::begin(app, response.headers_mut(), signed_in);
    response
}
