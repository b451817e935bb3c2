//! `POST /api/auth/reset-password`: `{token, password}` → 200; signs nobody in (RESET-06).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::JsonObject;
use crate::guard::Caller;
use crate::problem::Problem;

/// A missing or wrongly typed token is a wrong token (RESET-01); the password is looked at first (RESET-03).
pub(crate) async fn reset(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    body.check_text(&["password"])?;
    let outcome = app.accounts.reset_password(caller.visitor(), body.text_or_empty("token"), body.password("password")).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_TOKEN))?;
    Ok(detail(StatusCode::OK, "Password reset"))
}
