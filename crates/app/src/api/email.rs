//! `POST /api/auth/email`, `…/confirm`, `…/undo`: a new address, proved at the new one and told to the old one (EMAIL-06, ENUM-10).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::{JsonObject, Member};
use crate::guard::Caller;
use crate::problem::Problem;

/// The one answer, for free and taken addresses alike.
const ACCEPTED: &str = "If the address can be used, a message with the next step is on its way";

/// `{email, current_password}` → 202.
pub(crate) async fn request(State(app): State<AppState>, caller: Member, body: JsonObject) -> Result<Response, Problem> {
    body.check_text(&["email", "current_password"])?;
    let (email, current) = (body.text_or_empty("email"), body.password("current_password"));
    let outcome = app.accounts.request_email_change(caller.visitor(), caller.active(), email, current).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    Ok(detail(StatusCode::ACCEPTED, ACCEPTED))
}

/// `{token}` → 200.
pub(crate) async fn confirm(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    let outcome = app.accounts.confirm_email_change(caller.visitor(), body.text_or_empty("token")).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_TOKEN))?;
    Ok(detail(StatusCode::OK, "Email changed"))
}

/// `{token}` → 200.
pub(crate) async fn undo(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    let outcome = app.accounts.undo_email_change(caller.visitor(), body.text_or_empty("token")).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_TOKEN))?;
    Ok(detail(StatusCode::OK, "Email change undone"))
}
