//! `/api/auth/factors`: the second factors of the caller (D-14).

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use doorward_domain::factor::{Enrolled, FactorList, FactorSummary};
use doorward_kit::Timestamp;
use doorward_kit::id::FactorId;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::json;
use crate::app::AppState;
use crate::extract::{JsonObject, Member};
use crate::problem::Problem;
use crate::qr::Qr;
use crate::session;

#[derive(Serialize)]
struct List<'a> {
    factors: Vec<Entry<'a>>,
    recovery_codes: u32,
}

#[derive(Serialize)]
struct Entry<'a> {
    id: FactorId,
    kind: &'static str,
    name: &'a str,
    created_at: Timestamp,
    last_used_at: Option<Timestamp>,
}

impl<'a> List<'a> {
    fn new(list: &'a FactorList) -> Self {
        let entry = |factor: &'a FactorSummary| Entry {
            id: factor.id,
            kind: factor.kind.as_str(),
            name: &factor.name,
            created_at: factor.created_at,
            last_used_at: factor.last_used_at,
        };
        Self { factors: list.factors.iter().map(entry).collect(), recovery_codes: list.recovery_codes }
    }
}

pub(crate) async fn list(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let list = app.accounts.list_factors(caller.active()).await;
    let list = list.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    Ok(json(StatusCode::OK, &List::new(&list)))
}

/// A shared key, in the three ways in which an app may take it.
#[derive(Serialize)]
struct SharedKey<'a> {
    enrolment: String,
    secret: &'a str,
    uri: &'a str,
    qr_svg: String,
}

/// The body is not read.
pub(crate) async fn begin_totp(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let offer = app.accounts.begin_totp(caller.visitor(), caller.active()).await;
    let offer = offer.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    let qr_svg = Qr::of(&offer.uri).map(|qr| qr.svg()).unwrap_or_default();
    let shown = SharedKey { enrolment: offer.enrolment.reveal(), secret: &offer.secret, uri: &offer.uri, qr_svg };
    Ok(json(StatusCode::OK, &shown))
}

/// What an enrolment made; the codes are shown here and never again.
#[derive(Serialize)]
struct New<'a> {
    id: FactorId,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<&'a str>>,
}

fn enrolled(app: &AppState, status: StatusCode, enrolled: &Enrolled) -> Response {
    let codes = enrolled.recovery_codes.as_deref().map(texts);
    let mut response = json(status, &New { id: enrolled.id, recovery_codes: codes });
    session::begin(app, response.headers_mut(), &enrolled.signed_in);
    response
}

fn texts(codes: &[Zeroizing<String>]) -> Vec<&str> {
    codes.iter().map(|code| code.as_str()).collect()
}

/// `{enrolment, code}` → 200.
pub(crate) async fn confirm_totp(State(app): State<AppState>, caller: Member, body: JsonObject) -> Result<Response, Problem> {
    let (enrolment, code) = (body.text_or_empty("enrolment"), body.text_or_empty("code"));
    let outcome = app.accounts.confirm_totp(caller.visitor(), caller.active(), enrolment, code).await;
    let done = outcome.map_err(|error| Problem::of_flow(error, Problem::ENROLMENT_FAILED))?;
    Ok(enrolled(&app, StatusCode::OK, &done))
}

/// What script hands to the browser.
#[derive(Serialize)]
struct PasskeyOffered<'a> {
    enrolment: String,
    options: &'a Value,
}

/// The body is not read.
pub(crate) async fn begin_passkey(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let offer = app.accounts.begin_passkey(caller.visitor(), caller.active()).await;
    let offer = offer.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
    Ok(json(StatusCode::OK, &PasskeyOffered { enrolment: offer.token.reveal(), options: &offer.options }))
}

/// `{enrolment, name, credential}` → 201.
pub(crate) async fn confirm_passkey(State(app): State<AppState>, caller: Member, body: JsonObject) -> Result<Response, Problem> {
    let (enrolment, name) = (body.text_or_empty("enrolment"), body.text_or_empty("name"));
    let (visitor, active) = (caller.visitor(), caller.active());
    let outcome = app.accounts.confirm_passkey(visitor, active, enrolment, name, body.object("credential")).await;
    let done = outcome.map_err(|error| Problem::of_flow(error, Problem::ENROLMENT_FAILED))?;
    Ok(enrolled(&app, StatusCode::CREATED, &done))
}

/// What is no reference is like one that leads nowhere.
fn id_of(text: &str) -> Result<FactorId, Problem> {
    text.parse().map_err(|_| Problem::NOT_FOUND)
}

/// `{name}` → 204, or 404 for what is not the caller's.
pub(crate) async fn rename(
    State(app): State<AppState>,
    caller: Member,
    Path(id): Path<String>,
    body: JsonObject,
) -> Result<Response, Problem> {
    body.check_text(&["name"])?;
    let outcome = app.accounts.rename_factor(caller.visitor(), caller.active(), id_of(&id)?, body.text_or_empty("name")).await;
    outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// 204, or 404 for what is not the caller's.
pub(crate) async fn remove(State(app): State<AppState>, caller: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    let outcome = app.accounts.remove_factor(caller.visitor(), caller.active(), id_of(&id)?).await;
    let signed_in = outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    session::begin(&app, response.headers_mut(), &signed_in);
    Ok(response)
}

#[derive(Serialize)]
struct Codes<'a> {
    recovery_codes: Vec<&'a str>,
}

/// New codes in the place of all former ones; the body is not read.
pub(crate) async fn renew_codes(State(app): State<AppState>, caller: Member) -> Result<Response, Problem> {
    let outcome = app.accounts.renew_recovery_codes(caller.visitor(), caller.active()).await;
    let new = outcome.map_err(|error| Problem::of_flow(error, Problem::NOT_FOUND))?;
    let mut response = json(StatusCode::OK, &Codes { recovery_codes: texts(&new.codes) });
    session::begin(&app, response.headers_mut(), &new.signed_in);
    Ok(response)
}
