//! How long a body may be: refused by its declared length at once, and by counting where none is declared.

use http::{HeaderMap, header};
use http_body::Body as _;

use crate::body::{EdgeBody, capped};
use crate::rescue::Fault;
use crate::stack::Arrival;

/// Bounds `body` to `most` octets.
pub(crate) fn bound(headers: &HeaderMap, body: EdgeBody, most: u64, arrival: &Arrival) -> Result<EdgeBody, Fault> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > most) {
        return Err(Fault::BodyTooLarge);
    }
    if body.is_end_stream() {
        return Ok(body);
    }
    Ok(capped(body, most, arrival.intake.clone()))
}
