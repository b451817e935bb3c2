//! One line per answer: who, what, how it went. No field of a head is ever written, but for a client's request id that is a UUID.

use http::Response;
use http_body::Body as _;

use super::{limit::Counted, method, seen::Seen};
use crate::body::EdgeBody;

/// Writes the line, as an event of target `access`.
pub(crate) fn write(seen: &Seen, response: &Response<EdgeBody>) {
    let bytes_out = response.body().size_hint().exact();
    tracing::info!(
        target: "access",
        request_id = %seen.context.request_id,
        client_request_id = seen.client_request_id.map(tracing::field::display),
        client = %seen.context.client,
        peer = %seen.context.peer.ip(),
        method = method::name(&seen.method),
        host = seen.host(),
        path = %seen.logged_path(),
        status = response.status().as_u16(),
        duration_ms = seen.elapsed_ms(),
        bytes_out,
        "answered"
    );
}

/// One line for many requests that a limit refused (EDGE-RL-12); the latest of them stands for all.
pub(crate) fn write_counted(counted: &Counted) {
    tracing::info!(
        target: "access",
        request_id = %counted.context.request_id,
        client = %counted.context.client,
        peer = %counted.context.peer.ip(),
        status = http::StatusCode::TOO_MANY_REQUESTS.as_u16(),
        scope = counted.scope,
        count = counted.count,
        "refused"
    );
}
