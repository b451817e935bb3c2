//! `POST /api/auth/verify-email` and `…/resend`: proof of an address, which signs nobody in (EMAIL-03).

use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::service::FlowError;
use doorward_kit::Secret;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::{JsonObject, json::Member};
use crate::guard::Caller;
use crate::problem::Problem;

/// The one answer to a request for another mail (EMAIL-04).
const RESENT: &str = "If the address waits for its verification, a message is on its way";

/// `{token, password?}`. A missing or wrongly typed token is a wrong token: one answer for all (EMAIL-05). The password is asked for, by
/// 403, where others signed up with the address as well (ENUM-14).
pub(crate) async fn verify(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    let password = match body.member("password") {
        Member::Text(text) => Some(Password(Secret::new(text.to_owned()))),
        Member::Absent | Member::Other => None,
    };
    let outcome = app.accounts.verify_email(caller.visitor(), body.text_or_empty("token"), password).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_TOKEN))?;
    Ok(detail(StatusCode::OK, "Email verified"))
}

pub(crate) async fn resend(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    match app.accounts.resend_verification(caller.visitor(), body.text_or_empty("email")).await {
        Ok(()) | Err(FlowError::Refused | FlowError::Invalid(_)) => Ok(detail(StatusCode::OK, RESENT)),
        Err(error) => Err(Problem::of_flow(error, Problem::INTERNAL)),
    }
}
