//! `POST /api/auth/forgot-password`: `{email}` → 200, the same for every input (FORGOT-01, FORGOT-02).

use axum::extract::State;
use axum::response::Response;
use doorward_domain::service::FlowError;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::LenientJson;
use crate::guard::Caller;
use crate::problem::Problem;

/// The one answer.
const ASKED: &str = "If the account exists, a password reset email has been sent";

/// What is no address, and even what is no JSON, goes through the flow as "no address": it is counted like any other request.
pub(crate) async fn ask(State(app): State<AppState>, caller: Caller, body: LenientJson) -> Result<Response, Problem> {
    match app.accounts.forgot_password(caller.visitor(), body.text("email")).await {
        Ok(()) | Err(FlowError::Refused | FlowError::Invalid(_)) => Ok(detail(StatusCode::OK, ASKED)),
        Err(error) => Err(Problem::of_flow(error, Problem::INTERNAL)),
    }
}
