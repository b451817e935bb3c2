//! `DELETE /api/auth/me`: `{current_password}` → 204: the account is gone, and so is what the browser holds.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use crate::app::AppState;
use crate::extract::{JsonObject, Member};
use crate::problem::Problem;
use crate::session;

pub(crate) async fn delete(State(app): State<AppState>, caller: Member, body: JsonObject) -> Result<Response, Problem> {
    body.check_text(&["current_password"])?;
    let outcome = app.accounts.delete_account(caller.visitor(), caller.active(), body.password("current_password")).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    session::end(&app, response.headers_mut());
    Ok(response)
}
