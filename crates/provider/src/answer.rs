//! Reading an answer as JSON, if it is one and says so.

use ::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use serde::de::DeserializeOwned;

use crate::fault::{Fault, Word};

/// What an answer with status 200 holds.
pub(crate) fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, Fault> {
    let fault = |word| Fault::of(word, answer.status(), answer.body());
    succeeded(answer)?;
    if !is_json(answer) {
        return Err(fault(Word::MediaType));
    }
    serde_json::from_slice(answer.body()).map_err(|_| fault(Word::Malformed))
}

/// Whether the status is the one that was hoped for.
pub(crate) fn succeeded(answer: &Response<Bytes>) -> Result<(), Fault> {
    let word = match answer.status() {
        StatusCode::OK => return Ok(()),
        status if status.is_redirection() => Word::Redirect,
        status if status.is_server_error() => Word::ServerError,
        _ => Word::Status,
    };
    Err(Fault::of(word, answer.status(), answer.body()))
}

/// `application/json`, or another type in JSON's syntax (RFC 6839 §3.1), without an encoding that nobody asked for.
pub(crate) fn is_json(answer: &Response<Bytes>) -> bool {
    let media = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let subtype = media.strip_prefix("application/").unwrap_or_default();
    !answer.headers().contains_key(CONTENT_ENCODING) && (subtype == "json" || subtype.ends_with("+json"))
}
