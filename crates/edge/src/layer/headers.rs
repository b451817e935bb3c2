//! The outermost step: what every answer carries, and what none may.

use std::sync::Arc;

use doorward_policy::header::{STRIPPED, STRIPPED_PREFIXES, strip};
use doorward_policy::{Audience, HeaderPolicy, Policy};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};

use super::seen::Seen;
use crate::body::{self, EdgeBody};

/// Name of the field that carries the request id.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Fields that concern one hop; hyper writes those of ours (RFC 9110 §7.6.1).
const HOP_BY_HOP: [HeaderName; 6] = [
    header::CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Fields that never come as trailers, whatever the policy says of them as headers.
const NEVER_TRAILERS: &[&str] =
    &["set-cookie", "location", "content-type", "content-length", "content-encoding", "transfer-encoding", "clear-site-data"];

/// Brings an answer to the policy.
pub(crate) fn finish(policy: &Arc<Policy>, seen: &Seen, mut response: Response<EdgeBody>) -> Response<EdgeBody> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // The head of another protocol: anything we add could break it (HDR-12). What must not leave does not leave here either.
        strip(response.headers_mut());
        return response;
    }
    if response.headers().contains_key(header::SET_COOKIE) {
        keep_for_nobody(&mut response);
    }
    let is_bodiless = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
    let headers = response.headers_mut();
    strip_hop(headers);
    if is_bodiless {
        // No body, no type (HDR-14); and a 304 must not change the type of what a cache holds (RFC 9111 §4.3.4).
        headers.remove(header::CONTENT_TYPE);
    }
    policy.headers.apply(seen.audience, headers);
    seen.cors.apply(headers);
    headers.remove(X_REQUEST_ID);
    if let Ok(id) = HeaderValue::from_str(&seen.context.request_id.to_string()) {
        headers.insert(X_REQUEST_ID, id);
    }
    if seen.method == Method::HEAD {
        return response.map(|_| body::empty());
    }
    if http_body::Body::is_end_stream(response.body()) || http_body::Body::size_hint(response.body()).exact().is_some() {
        // A body of known length has no trailers.
        return response;
    }
    let (policy, audience) = (policy.clone(), seen.audience);
    response.map(|body| body::screened(body, move |trailers| screen_trailers(&policy.headers, audience, trailers)))
}

/// Adds what admission wants set; `finish` sees to it that such an answer is kept by nobody.
pub(crate) fn set_cookies(response: &mut Response<EdgeBody>, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Forbids every cache to keep an answer (RFC 9111 §5.2.2.5).
pub(crate) fn keep_for_nobody(response: &mut Response<EdgeBody>) {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn strip_hop(headers: &mut HeaderMap) {
    if let Some(named) = headers.remove(header::CONNECTION) {
        for name in named.to_str().unwrap_or_default().split(',') {
            headers.remove(name.trim());
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Removes from a trailer section whatever decides about safety in a head (HDR-09).
fn screen_trailers(policy: &HeaderPolicy, audience: Audience, trailers: &mut HeaderMap) {
    let is_doomed = |name: &str| {
        STRIPPED.contains(&name)
            || NEVER_TRAILERS.contains(&name)
            || STRIPPED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || policy.rules(audience).iter().any(|rule| rule.name == name)
    };
    let doomed: Vec<HeaderName> = trailers.keys().filter(|name| is_doomed(name.as_str())).cloned().collect();
    for name in doomed {
        trailers.remove(name);
    }
}

/// Says that a body is JSON.
pub(crate) fn mark_json(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
}
