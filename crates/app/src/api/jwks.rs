//! `GET /.well-known/doorward/jwks.json`: the public halves of the assertion keys.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderValue, header};

use crate::app::AppState;

pub(crate) async fn show(State(app): State<AppState>) -> Response {
    let mut response = app.signer.jwks().into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    response
}
