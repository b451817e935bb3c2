//! The two heads: the request's is made anew for the upstream (HTTP-07), the answer's loses what belongs to the hop.

use std::io::Write as _;

use bytes::Bytes;
use doorward_kit::RequestContext;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Extensions, Method, Uri, Version};

use super::pool::Pool;
use super::{ForwardPlan, UpstreamFault, cookie, field, location};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Turns the client's head into the one that the upstream gets.
///
/// # Errors
/// [`UpstreamFault::NotFound`] for a target that HTTP cannot write, which a canonical path never is.
pub(super) fn prepare_request(parts: &mut Parts, plan: &ForwardPlan<'_>, has_body: bool) -> Result<(), UpstreamFault> {
    parts.uri = target(&parts.uri, plan)?;
    parts.version = Version::HTTP_11;
    parts.extensions = Extensions::new();
    clean_request(&mut parts.headers, plan.remove_authorization);
    cookie::settle(&mut parts.headers);
    write_own_fields(&mut parts.headers, plan);
    if !has_body && matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        // RFC 9110 §8.6: a method that expects content says that there is none.
        parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    Ok(())
}

/// Turns that head into one of HTTP/2 (RFC 9113 §8.2, §8.3): the host moves into the target, and a wish for trailers is said.
///
/// # Errors
/// [`UpstreamFault::NotFound`] for a target that HTTP cannot write.
pub(super) fn lift_to_http2(parts: &mut Parts, takes_trailers: bool) -> Result<(), UpstreamFault> {
    let host = parts.headers.remove(header::HOST).ok_or(UpstreamFault::NotFound)?;
    let mut uri = std::mem::take(&mut parts.uri).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority =
        Some(Authority::from_maybe_shared(Bytes::copy_from_slice(host.as_bytes())).map_err(|_| UpstreamFault::NotFound)?);
    parts.uri = Uri::from_parts(uri).map_err(|_| UpstreamFault::NotFound)?;
    parts.version = Version::HTTP_2;
    if takes_trailers {
        parts.headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    Ok(())
}

/// Origin-form of the planned path; shares the received octets when they already read so.
fn target(received: &Uri, plan: &ForwardPlan<'_>) -> Result<Uri, UpstreamFault> {
    let says_the_plan = |pq: &PathAndQuery| pq.path() == plan.path && pq.query() == plan.query;
    if let Some(pq) = received.path_and_query().filter(|pq| says_the_plan(pq)) {
        return Ok(Uri::from(pq.clone()));
    }
    let mut text = Vec::with_capacity(plan.path.len() + plan.query.map_or(0, |query| query.len() + 1));
    text.extend_from_slice(plan.path.as_bytes());
    if let Some(query) = plan.query {
        text.push(b'?');
        text.extend_from_slice(query.as_bytes());
    }
    let made = PathAndQuery::from_maybe_shared(Bytes::from(text)).ok().filter(says_the_plan);
    made.map(Uri::from).ok_or(UpstreamFault::NotFound)
}

fn clean_request(headers: &mut HeaderMap, remove_authorization: bool) {
    field::remove_named_by_connection(headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::HOST);
    if remove_authorization {
        headers.remove(header::AUTHORIZATION);
    }
    // Of a browser's usual fields none stops here, so this seldom allocates.
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| field::stops_at_the_door(name.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
}

/// What the door knows better than anybody before it (PROXY-05, PROXY-09).
fn write_own_fields(headers: &mut HeaderMap, plan: &ForwardPlan<'_>) {
    headers.reserve(7 + plan.identity.len());
    let host = authority(plan);
    headers.insert(X_FORWARDED_HOST, host.clone());
    headers.insert(header::HOST, host);
    let client = display(plan.context.client);
    headers.insert(X_REAL_IP, client.clone());
    headers.insert(X_FORWARDED_FOR, client);
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(scheme(plan.context)));
    headers.insert(X_FORWARDED_PORT, HeaderValue::from(plan.external_port));
    headers.insert(X_REQUEST_ID, display(plan.context.request_id));
    for (name, value) in plan.identity {
        headers.insert(name.clone(), value.clone());
    }
}

pub(super) fn scheme(context: &RequestContext) -> &'static str {
    if context.secure { "https" } else { "http" }
}

/// Host and port as a browser writes them: the scheme's own port is left out.
pub(super) fn authority(plan: &ForwardPlan<'_>) -> HeaderValue {
    let default_port = if plan.context.secure { 443 } else { 80 };
    if plan.external_port == default_port {
        return HeaderValue::from_str(plan.external_host).unwrap_or(const { HeaderValue::from_static("") });
    }
    let text = format!("{}:{}", plan.external_host, plan.external_port);
    HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or(const { HeaderValue::from_static("") })
}

/// An address or an id; neither is longer than an IPv6 address with its longest spelling.
fn display(value: impl std::fmt::Display) -> HeaderValue {
    let mut buffer = [0; 64];
    let mut rest = buffer.as_mut_slice();
    let _ = write!(rest, "{value}");
    let length = 64 - rest.len();
    HeaderValue::from_bytes(&buffer[..length]).unwrap_or(const { HeaderValue::from_static("") })
}

/// Checks and cleans the head of an answer.
///
/// # Errors
/// [`UpstreamFault::BadResponse`] when its length can be read in two ways (PROXY-10).
pub(super) fn clean_response(headers: &mut HeaderMap, pool: &Pool, plan: &ForwardPlan<'_>) -> Result<(), UpstreamFault> {
    refuse_odd_framing(headers)?;
    field::remove_named_by_connection(headers);
    cookie::keep_ours(headers);
    let doomed: Vec<HeaderName> = headers.keys().filter(|name| field::is_hop_by_hop(name.as_str())).cloned().collect();
    for name in doomed {
        headers.remove(name);
    }
    for name in [header::LOCATION, header::CONTENT_LOCATION] {
        if let Some(value) = headers.get(&name).and_then(|value| moved(value, pool, plan)) {
            headers.insert(name, value);
        }
    }
    Ok(())
}

/// hyper follows RFC 9112 §6.3 here; whoever stands before us may not, so there must be nothing to follow.
fn refuse_odd_framing(headers: &HeaderMap) -> Result<(), UpstreamFault> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let Some(coding) = codings.next() else {
        let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
        return if lengths.next().is_some() && lengths.next().is_some() { Err(UpstreamFault::BadResponse) } else { Ok(()) };
    };
    let plain = codings.next().is_none() && coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    if plain && !headers.contains_key(header::CONTENT_LENGTH) { Ok(()) } else { Err(UpstreamFault::BadResponse) }
}

fn moved(value: &HeaderValue, pool: &Pool, plan: &ForwardPlan<'_>) -> Option<HeaderValue> {
    let outside = authority(plan);
    let text = location::outside(value.to_str().ok()?, &pool.host, pool.port, outside.to_str().ok()?)?;
    HeaderValue::from_maybe_shared(Bytes::from(text)).ok()
}
