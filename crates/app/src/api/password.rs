//! `POST /api/auth/password`: `{current_password, new_password}` → 200 with a new session; all others end (PWD-06).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::{JsonObject, Member};
use crate::problem::Problem;
use crate::session;

pub(crate) async fn change(State(app): State<AppState>, caller: Member, body: JsonObject) -> Result<Response, Problem> {
    body.check_text(&["current_password", "new_password"])?;
    let (current, new) = (body.password("current_password"), body.password("new_password"));
    let outcome = app.accounts.change_password(caller.visitor(), caller.active(), current, new).await;
    let signed_in = outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    let mut response = detail(StatusCode::OK, "Password changed");
    session::begin(&app, response.headers_mut(), &signed_in);
    Ok(response)
}
