//! `POST /account/sign-out`

use axum::extract::{FromRequest as _, Request, State};
use axum::response::Response;

use super::see_other;
use crate::app::AppState;
use crate::extract::Form;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

/// A session that has ended by itself needs no token to be signed out of: only what the browser still holds goes.
pub(crate) async fn submit(State(app): State<AppState>, caller: Caller, request: Request) -> Result<Response, Problem> {
    if let Some(active) = caller.session.as_deref() {
        let _checked = Form::from_request(request, &app).await?;
        let outcome = app.accounts.sign_out(caller.visitor(), active).await;
        outcome.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    }
    let mut response = see_other("/account/sign-in");
    session::end(&app, response.headers_mut());
    Ok(response)
}
