//! `POST /api/auth/end-sessions`: what the link of a notice does when the sign-in, or the change, was not its owner's.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::JsonObject;
use crate::guard::Caller;
use crate::problem::Problem;

/// `{token}` → 200.
pub(crate) async fn end(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    let outcome = app.accounts.end_sessions(caller.visitor(), body.text_or_empty("token")).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_TOKEN))?;
    Ok(detail(StatusCode::OK, "All sessions ended"))
}
