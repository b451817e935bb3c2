//! `POST /api/auth/passkey/options` and `…/login`: a passkey, alone or as the second step of a sign-in.

use axum::extract::State;
use axum::response::Response;
use doorward_domain::factor::{PasskeyOffer, PasskeyPurpose, PasskeySignIn};
use doorward_domain::service::FlowError;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;

use super::{json, me::UserMe, second_factor};
use crate::app::AppState;
use crate::cookie::Cookies;
use crate::extract::JsonObject;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::session;

/// What script hands to the browser, and the name under which the answer comes back.
#[derive(Serialize)]
struct Offer<'a> {
    challenge: String,
    options: &'a Value,
}

pub(super) fn offer(offer: &PasskeyOffer) -> Response {
    json(StatusCode::OK, &Offer { challenge: offer.token.reveal(), options: &offer.options })
}

/// The body is not read. A sign-in that waits gets the passkeys of its account; whoever else asks gets what everybody gets (ENUM-01), and
/// so does a browser whose cookie has outlived what it stood for.
pub(crate) async fn options(State(app): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    let pending = Cookies::read(&headers, &app.policy.cookies).pending_text();
    let ask = async |purpose| app.accounts.begin_passkey_request(caller.visitor(), purpose).await;
    let offered = match pending {
        Some(_) => ask(PasskeyPurpose::SecondStep(pending)).await,
        None => Err(FlowError::Refused),
    };
    let offered = match offered {
        Err(FlowError::Refused) => ask(PasskeyPurpose::SignIn).await,
        offered => offered,
    };
    offered.map_or_else(|error| Err(Problem::of_flow(error, Problem::INTERNAL)), |offered| Ok(offer(&offered)))
}

/// `{challenge, credential, remember?}` → 200 with the account.
pub(crate) async fn login(
    State(app): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, Problem> {
    let cookies = Cookies::read(&headers, &app.policy.cookies);
    let wish = PasskeySignIn {
        answer: second_factor::answer(&body),
        presented: cookies.session_text(),
        device: cookies.device_text(),
        remember: body.flag("remember").unwrap_or_default(),
    };
    let outcome = app.accounts.sign_in_with_passkey(caller.visitor(), wish).await;
    let signed_in = outcome.map_err(|error| Problem::of_flow(error, Problem::INVALID_CREDENTIALS))?;
    let mut response = json(StatusCode::OK, &UserMe::of(&signed_in.active.user));
    session::begin(&app, response.headers_mut(), &signed_in);
    Ok(response)
}
