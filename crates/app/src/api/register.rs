//! `POST /api/auth/register`: `{email, password, username?, invitation?}` → 202, whoever asks for whatever address (D-01, ENUM-02).

use axum::extract::State;
use axum::response::Response;
use doorward_domain::service::{SignUp, SignUpMode};
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::JsonObject;
use crate::guard::Caller;
use crate::problem::Problem;

/// The one answer.
const ACCEPTED: &str = "If the address can be used, a message with the next step is on its way";

pub(crate) async fn register(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    body.check_text(&["email", "password", "username", "invitation"])?;
    let request = SignUp {
        email: body.text_or_empty("email"),
        password: body.password("password"),
        name: body.text("username"),
        invitation: body.text("invitation"),
    };
    let outcome = app.accounts.sign_up(caller.visitor(), request).await;
    outcome.map_err(|error| Problem::of_flow(error, refused(app.accounts.rules().sign_up)))?;
    Ok(detail(StatusCode::ACCEPTED, ACCEPTED))
}

fn refused(mode: SignUpMode) -> Problem {
    match mode {
        SignUpMode::Closed => Problem::SIGN_UP_CLOSED,
        SignUpMode::Open | SignUpMode::Invitation => Problem::INVITATION,
    }
}
