//! `POST /api/auth/register`: `{email, password, username?}` → 202, whoever asks for whatever address (D-01, ENUM-02).

use axum::extract::State;
use axum::response::Response;
use doorward_domain::Password;
use doorward_domain::service::{FieldFault, SignUp};
use doorward_kit::Secret;
use http::StatusCode;

use super::detail;
use crate::app::AppState;
use crate::extract::{JsonObject, json::Member};
use crate::guard::Caller;
use crate::problem::Problem;

/// The one answer.
const ACCEPTED: &str = "If the address can be used, a message with the next step is on its way";

pub(crate) async fn register(State(app): State<AppState>, caller: Caller, body: JsonObject) -> Result<Response, Problem> {
    check_types(&body)?;
    let password = Password(Secret::new(body.text_or_empty("password").to_owned()));
    let name = match body.member("username") {
        Member::Text(text) => Some(text),
        Member::Absent | Member::Other => None,
    };
    let outcome = app
        .accounts
        .sign_up(caller.visitor(), SignUp { email: body.text_or_empty("email"), password, name, invitation: None })
        .await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::SIGN_UP_CLOSED))?;
    Ok(detail(StatusCode::ACCEPTED, ACCEPTED))
}

/// A number is not a name and `true` is no password (INPUT-03). What is missing the flow refuses as it refuses the empty text.
fn check_types(body: &JsonObject) -> Result<(), Problem> {
    let faults: Vec<_> = ["email", "password", "username"]
        .into_iter()
        .filter(|name| body.member(name) == Member::Other)
        .map(|field| FieldFault { field, detail: "must be text".into() })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(Problem::invalid(faults)) }
}
