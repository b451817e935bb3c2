//! `GET /api/health`: three words and no more (EXPO-05).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use super::json;
use crate::app::AppState;

#[derive(Serialize)]
struct Health {
    ok: bool,
    service: &'static str,
    db_ok: bool,
}

/// 200, or 503 with the same shape while the store does not answer.
pub(crate) async fn show(State(app): State<AppState>) -> Response {
    let db_ok = app.accounts.is_store_up().await;
    let status = if db_ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &Health { ok: db_ok, service: "doorward", db_ok })
}
