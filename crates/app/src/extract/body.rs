//! Reads a whole body, up to the limit.

use std::error::Error;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::problem::Problem;

/// At most `limit` octets, whatever length was announced.
pub(crate) async fn read(body: Body, limit: u64) -> Result<Bytes, Problem> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_long(&*error) => Err(Problem::TOO_LARGE),
        // The caller went away or broke its own framing: nobody may be left to read this.
        Err(_) => Err(Problem::INVALID_REQUEST),
    }
}

/// The limit may be ours or that of a layer further out.
fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
