//! `POST /api/auth/refresh` → 200: the session goes on under a new credential (SES-13).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::Member;
use crate::problem::Problem;
use crate::session;

/// Without cookies when another request of the same browser was quicker: that one carries them.
pub(crate) async fn refresh(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let outcome = app.accounts.rotate_session(caller.visitor(), caller.active()).await;
    let rotated = outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_AUTHENTICATED))?;
    let mut response = detail(StatusCode::OK, "Session refreshed");
    if let Some(signed_in) = rotated {
        session::begin(&app, response.headers_mut(), &signed_in);
    }
    Ok(response)
}
