//! `POST /api/auth/step-up`: `{current_password}`, `{code}` or `{challenge, credential}` → 200, and sensitive acts are open for ten minutes.

use axum::extract::State;
use axum::response::Response;
use doorward_domain::factor::{PasskeyPurpose, StepUpProof};
use http::StatusCode;

use super::{detail, passkey, second_factor};
use crate::app::AppState;
use crate::extract::{JsonObject, Member};
use crate::problem::Problem;
use crate::session;

pub(crate) async fn prove(State(app): State<AppState>, caller: Member, body: JsonObject) -> Result<Response, Problem> {
    body.check_text(&["current_password", "code", "challenge"])?;
    let proof = if body.has("current_password") {
        StepUpProof::Password(body.password("current_password"))
    } else {
        StepUpProof::Second(second_factor::proof(&body))
    };
    let outcome = app.accounts.step_up(caller.visitor(), caller.active(), proof).await;
    let signed_in = outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    let mut response = detail(StatusCode::OK, "Identity proved");
    session::begin(&app, response.headers_mut(), &signed_in);
    Ok(response)
}

/// The body is not read.
pub(crate) async fn options(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let offered = app.accounts.begin_passkey_request(caller.visitor(), PasskeyPurpose::StepUp(caller.active())).await;
    let offered = offered.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    Ok(passkey::offer(&offered))
}
