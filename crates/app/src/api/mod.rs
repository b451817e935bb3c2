//! JSON: one file per operation. Each reads its input, runs one flow, and says how it ended.

pub(crate) mod csp_report;
pub(crate) mod csrf;
pub(crate) mod delete_account;
pub(crate) mod email;
pub(crate) mod end_sessions;
pub(crate) mod export;
pub(crate) mod factors;
pub(crate) mod forgot_password;
pub(crate) mod health;
pub(crate) mod jwks;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod oauth;
pub(crate) mod passkey;
pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod reset_password;
pub(crate) mod second_factor;
pub(crate) mod sessions;
pub(crate) mod step_up;
pub(crate) mod verify_email;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// `{"detail": "…"}` for what went well.
#[derive(Serialize)]
struct Detail {
    detail: &'static str,
}

fn detail(status: StatusCode, detail: &'static str) -> Response {
    json(status, &Detail { detail })
}

/// A JSON answer, for one reader only.
fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let Ok(text) = serde_json::to_string(value) else { return Problem::INTERNAL.into_response() };
    let mut response = (status, text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
