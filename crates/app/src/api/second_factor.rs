//! `POST /api/auth/login/second-factor`: `{code}` or `{challenge, credential}` → 200 with the account, or 401 for every cause.

use axum::extract::State;
use axum::response::Response;
use doorward_domain::factor::{PasskeyAnswer, PendingSignIn, SecondProof, SecondStep};
use http::{HeaderMap, StatusCode};
use serde::Serialize;

use super::{json, me::UserMe};
use crate::app::AppState;
use crate::cookie::Cookies;
use crate::extract::JsonObject;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

/// What may be shown next, the most convenient first.
#[derive(Serialize)]
struct Asked<'a> {
    second_factor: &'a [&'static str],
}

/// Half signed in: 200 without a session, and a cookie that the second step brings back.
pub(crate) fn ask(app: &AppState, pending: &PendingSignIn) -> Response {
    let mut response = json(StatusCode::OK, &Asked { second_factor: &pending.kinds });
    session::wait(app, response.headers_mut(), pending);
    response
}

/// What a body shows: a passkey's answer if it has one, else a code. What is missing or of another type is refused like a wrong code.
pub(super) fn proof(body: &JsonObject) -> SecondProof<'_> {
    if body.has("challenge") || body.has("credential") {
        SecondProof::Passkey(answer(body))
    } else {
        SecondProof::Code(body.text_or_empty("code"))
    }
}

/// A passkey's answer.
pub(super) fn answer(body: &JsonObject) -> PasskeyAnswer<'_> {
    PasskeyAnswer { challenge: body.text_or_empty("challenge"), credential: body.object("credential") }
}

pub(crate) async fn finish(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    let cookies = Cookies::read(&headers, &app.policy.cookies);
    let step = SecondStep {
        pending: cookies.pending_text(),
        proof: proof(&body),
        presented: cookies.session_text(),
        device: cookies.device_text(),
    };
    let outcome = app.accounts.finish_sign_in(caller.visitor(), step).await;
    let signed_in = outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    let mut response = json(StatusCode::OK, &UserMe::of(&signed_in.active.user));
    session::begin_waited(&app, response.headers_mut(), &signed_in);
    Ok(response)
}
