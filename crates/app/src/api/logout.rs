//! `POST /api/auth/logout` → 204: the session is gone on the server first, then in the browser (SES-09, SES-18).

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use doorward_domain::service::FlowError;
use http::StatusCode;

use crate::app::AppState;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

pub(crate) async fn logout(State(app): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    let active = caller.session.as_deref().ok_or(Problem::NOT_AUTHENTICATED)?;
    let outcome: Result<(), FlowError> = app.accounts.sign_out(caller.visitor(), active).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_AUTHENTICATED))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    session::end(&app, response.headers_mut());
    Ok(response)
}
