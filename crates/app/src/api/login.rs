//! `POST /api/auth/login`: `{email or username, password, remember?}` → 200 with the account or with what is asked for next, or 401 for every
//! cause (ENUM-01).

use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::factor::SignInOutcome;
use doorward_domain::service::SignIn;
use doorward_kit::Secret;
use http::{HeaderMap, StatusCode};

use super::{json, me::UserMe, second_factor};
use crate::app::AppState;
use crate::cookie::Cookies;
use crate::extract::{JsonObject, json::Member};
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

/// Missing and wrongly typed members go through the whole flow as empty ones: same answer, same time, same count.
pub(crate) async fn login(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    let identifier = match body.member("email") {
        Member::Absent => body.text_or_empty("username"),
        Member::Text(text) => text,
        Member::Other => "",
    };
    let password = Password(Secret::new(body.text_or_empty("password").to_owned()));
    // Anything but a boolean asks for nothing, like a password that is no text: there is one answer to a body that is not right.
    let (password, remember) = match body.flag("remember") {
        Some(remember) => (password, remember),
        None => (Password(Secret::new(String::new())), false),
    };
    let cookies = Cookies::read(&headers, &app.policy.cookies);
    let (presented, device) = (cookies.session_text(), cookies.device_text());
    let outcome = app.accounts.sign_in(caller.visitor(), SignIn { identifier, password, presented, device, remember }).await;
    let signed_in = match outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))? {
        SignInOutcome::Done(signed_in) => signed_in,
        SignInOutcome::Pending(pending) => return Ok(second_factor::ask(&app, &pending)),
    };
    let mut response = json(StatusCode::OK, &UserMe::of(&signed_in.active.user));
    session::begin(&app, response.headers_mut(), &signed_in);
    Ok(response)
}
