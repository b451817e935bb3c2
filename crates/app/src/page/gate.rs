//! `/account/gate/{name}`: hands an operator session over to the host of a gate, or says what is missing.
//!
//! A GET, since a browser is led here by the gate and led back; a page elsewhere that leads somebody here gains nothing, because the gate
//! takes what comes of it only from the browser that had asked the gate first.

use axum::extract::{Path, State};
use axum::response::Response;
use doorward_domain::service::FlowError;
use doorward_policy::redirect::LocalTarget;
use doorward_policy::route::HAND_OVER_PATH;
use http::Uri;

use super::{query, see_other};
use crate::app::AppState;
use crate::gate::escape;
use crate::guard::Caller;
use crate::problem::Problem;

pub(crate) async fn show(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let origin = app.gates.find(&name).ok_or(Problem::NOT_FOUND)?;
    let request = query(&uri, "request").filter(|request| is_request(request)).ok_or(Problem::INVALID_REQUEST)?;
    let back = query(&uri, "return").and_then(|back| LocalTarget::parse(&back));
    let back = escape(back.as_ref().map_or("/", LocalTarget::as_str));
    let here = escape(&format!("/account/gate/{name}?request={request}&return={back}"));
    let Some(active) = caller.session.as_deref() else {
        return Ok(see_other(&format!("/account/sign-in?next={here}")));
    };
    match app.accounts.hand_over(caller.visitor(), active, &name, &request).await {
        Ok(token) => {
            let token = token.reveal();
            Ok(see_other(&format!("{}{HAND_OVER_PATH}?token={token}&return={back}", origin.as_str())))
        }
        Err(FlowError::StepUpNeeded) => Ok(see_other(&format!("/account/step-up?next={here}"))),
        Err(error) => Err(Problem::of_flow(error, Problem::NO_OPERATOR)),
    }
}

/// As `gate_request` names one: 64 hexadecimal digits.
fn is_request(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
