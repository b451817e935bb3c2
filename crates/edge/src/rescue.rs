//! Every refusal and every fault, and how it is answered: one table.
//!
//! What a stranger reads is chosen here, never derived from the request or from an error (ERR-02, ERR-06).

use std::time::Duration;

use doorward_policy::{Audience, PathFault};
use http::header::{self, HeaderValue};
use http::{Method, Response, StatusCode};

use crate::body::{self, EdgeBody, Trouble};
use crate::gate::GateVerdict;
use crate::layer::headers::mark_json;
use crate::layer::limit::Limited;
use crate::layer::method::ALLOW;
use crate::layer::seen::Seen;
use crate::listen::{BodyFault, FramingFault};
use crate::port::{EdgeEventKind, Refusal};
use crate::proxy::UpstreamFault;

/// Why a request was not answered by what it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The head breaks RFC 9112.
    Framing(FramingFault),
    /// Not exactly one authority.
    Authority,
    /// Not a host of ours.
    UnknownHost,
    /// Illegal target.
    Target,
    /// A path with more than one reading.
    Path(PathFault),
    /// HTTP/2: target too long.
    TargetTooLong,
    /// HTTP/2: too many fields.
    HeadTooLarge,
    /// Known method that is not on the list.
    MethodNotAllowed,
    /// Method nobody knows.
    MethodUnknown,
    /// Nothing is there.
    NoPath,
    /// The edge's own limit.
    Limited(Limited),
    /// Body longer than its target takes.
    BodyTooLarge,
    /// Body whose framing broke or that trickled.
    Body(BodyFault),
    /// Admission said no.
    Refused(Refusal),
    /// A browser would run what an API answers (HDR-19).
    Destination,
    /// Outside a gate's allowlist.
    Outsider,
    /// No credentials at a gate.
    GateUnasked,
    /// Wrong credentials at a gate.
    GateCredentials,
    /// Credentials at a gate that cannot be read in one way.
    GateMalformed,
    /// Too many failures at a gate.
    GateThrottled(Duration),
    /// Passed the gate, and asked for what is not behind it.
    GatePath,
    /// No answer of the upstream.
    Upstream(UpstreamFault),
    /// A handler panicked.
    Panicked,
    /// Plain HTTP where only TLS is served.
    PlainText,
}

impl From<FramingFault> for Fault {
    fn from(fault: FramingFault) -> Self {
        Self::Framing(fault)
    }
}

impl From<Limited> for Fault {
    fn from(limited: Limited) -> Self {
        Self::Limited(limited)
    }
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::TooLarge => Self::BodyTooLarge,
            Trouble::Framing(fault) => Self::Body(fault),
        }
    }
}

impl Fault {
    /// What a verdict other than passing means.
    pub(crate) fn of_gate(verdict: &GateVerdict) -> Self {
        match verdict {
            GateVerdict::NoCredentials => Self::GateUnasked,
            GateVerdict::Unauthenticated => Self::GateCredentials,
            GateVerdict::Malformed => Self::GateMalformed,
            GateVerdict::Throttled { retry_after } => Self::GateThrottled(*retry_after),
            GateVerdict::Outsider | GateVerdict::Pass(_) => Self::Outsider,
        }
    }

    /// The table: status, and the one word or phrase that a stranger reads.
    fn row(self) -> (StatusCode, &'static str) {
        use FramingFault as F;
        use StatusCode as S;
        match self {
            Self::Framing(F::Tunnel) | Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "Method not allowed"),
            Self::Framing(F::Expectation) => (S::EXPECTATION_FAILED, "Expectation failed"),
            Self::Framing(F::LineTooLong) | Self::TargetTooLong => (S::URI_TOO_LONG, "URI too long"),
            Self::Framing(F::HeadTooLarge) | Self::HeadTooLarge => {
                (S::REQUEST_HEADER_FIELDS_TOO_LARGE, "Request header fields too large")
            }
            Self::Framing(F::TooSlow) | Self::Body(BodyFault::TooSlow) => (S::REQUEST_TIMEOUT, "Request timeout"),
            Self::Framing(_) | Self::Body(BodyFault::Chunk) | Self::Authority | Self::Target | Self::Path(_) => {
                (S::BAD_REQUEST, "Bad request")
            }
            Self::UnknownHost => (S::MISDIRECTED_REQUEST, "Misdirected request"),
            Self::MethodUnknown => (S::NOT_IMPLEMENTED, "Method not implemented"),
            Self::NoPath | Self::GatePath => (S::NOT_FOUND, "Not found"),
            Self::Limited(_) | Self::GateThrottled(_) | Self::Refused(Refusal::Throttled { .. }) => {
                (S::TOO_MANY_REQUESTS, "Rate limited")
            }
            Self::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "Request body too large"),
            Self::Refused(Refusal::NotAuthenticated) => (S::UNAUTHORIZED, "Not authenticated"),
            Self::Refused(Refusal::Csrf) => (S::FORBIDDEN, "CSRF failed"),
            Self::Refused(Refusal::SecondFactor) => (S::FORBIDDEN, "Second factor required"),
            Self::Refused(Refusal::NoOperatorSession) => (S::UNAUTHORIZED, "Operator session required"),
            Self::Refused(Refusal::DuplicateCookie | Refusal::HandOver) | Self::GateMalformed => {
                (S::BAD_REQUEST, "Invalid request")
            }
            Self::Refused(Refusal::Unavailable) => (S::SERVICE_UNAVAILABLE, "Service unavailable"),
            Self::Refused(Refusal::Forbidden) | Self::Destination | Self::Outsider | Self::PlainText => {
                (S::FORBIDDEN, "Forbidden")
            }
            Self::GateUnasked | Self::GateCredentials => (S::UNAUTHORIZED, "Unauthorized"),
            Self::Upstream(fault) => upstream_row(fault),
            Self::Panicked => (S::INTERNAL_SERVER_ERROR, "internal_error"),
        }
    }

    /// A word from a closed set for the audit trail (requirements, table (c)), where the fault is worth an entry there.
    pub(crate) fn audit_reason(self) -> Option<&'static str> {
        match self {
            Self::Framing(FramingFault::TooSlow | FramingFault::Incomplete) => None,
            Self::Framing(_) => Some("framing"),
            Self::Body(BodyFault::Chunk) => Some("body_framing"),
            Self::Authority => Some("authority"),
            Self::UnknownHost => Some("unknown_host"),
            Self::Target | Self::TargetTooLong => Some("target"),
            Self::HeadTooLarge => Some("head_too_large"),
            Self::Path(_) | Self::GatePath => Some("path"),
            Self::MethodUnknown | Self::MethodNotAllowed => Some("method"),
            Self::Destination => Some("destination"),
            Self::Outsider => Some("ip"),
            Self::GateUnasked => Some("no_credentials"),
            // What cannot be read is none of the right ones.
            Self::GateCredentials | Self::GateMalformed => Some("bad_credentials"),
            Self::GateThrottled(_) => Some("throttled"),
            Self::Refused(Refusal::NoOperatorSession) => Some("no_operator_session"),
            Self::Limited(limited) if limited.first => Some(limited.scope),
            _ => None,
        }
    }

    /// Which event that entry is.
    pub(crate) fn audit_kind(self) -> EdgeEventKind {
        match self {
            Self::Outsider
            | Self::GateUnasked
            | Self::GateCredentials
            | Self::GateMalformed
            | Self::GateThrottled(_)
            | Self::GatePath
            | Self::Refused(Refusal::NoOperatorSession) => EdgeEventKind::GateDenied,
            Self::Limited(_) => EdgeEventKind::RateLimited,
            _ => EdgeEventKind::ProxyRejected,
        }
    }

    /// Whether the request is only counted: one of many that a limit refuses is told of in a summary (EDGE-RL-12).
    pub(crate) fn is_counted_only(self) -> bool {
        matches!(self, Self::Limited(limited) if !limited.first)
    }
}

fn upstream_row(fault: UpstreamFault) -> (StatusCode, &'static str) {
    use StatusCode as S;
    match fault {
        UpstreamFault::Connect | UpstreamFault::BadResponse => (S::BAD_GATEWAY, "upstream_bad_response"),
        UpstreamFault::Unavailable { .. } => (S::SERVICE_UNAVAILABLE, "Service unavailable"),
        UpstreamFault::Timeout => (S::GATEWAY_TIMEOUT, "upstream_timeout"),
        UpstreamFault::Unsupported => (S::METHOD_NOT_ALLOWED, "Method not allowed"),
        UpstreamFault::NotFound => (S::NOT_FOUND, "Not found"),
        UpstreamFault::CrossSite => (S::FORBIDDEN, "Forbidden"),
        UpstreamFault::BodyTooLarge => (S::PAYLOAD_TOO_LARGE, "Request body too large"),
        UpstreamFault::ClientGone => (S::BAD_REQUEST, "Bad request"),
    }
}

/// Makes the answer. The header policy and the request id are added behind it.
pub(crate) fn answer(fault: Fault, seen: &Seen) -> Response<EdgeBody> {
    if let Some(response) = lead(fault, seen) {
        return response;
    }
    let (status, detail) = fault.row();
    let mut response = if shows_page(seen) { page(status, seen) } else { json(detail) };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    match fault {
        Fault::Limited(Limited { retry_after, .. })
        | Fault::GateThrottled(retry_after)
        | Fault::Refused(Refusal::Throttled { retry_after })
        | Fault::Upstream(UpstreamFault::Unavailable { retry_after }) => {
            headers.insert(header::RETRY_AFTER, whole_seconds(retry_after).into());
        }
        Fault::GateUnasked | Fault::GateCredentials => {
            // One realm for all gates: it must not tell what stands behind (GATE-19).
            const CHALLENGE: HeaderValue = HeaderValue::from_static(r#"Basic realm="Restricted", charset="UTF-8""#);
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        Fault::Upstream(UpstreamFault::Unsupported) => {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        _ if status == StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(header::ALLOW, HeaderValue::from_static(ALLOW));
        }
        _ => {}
    }
    response
}

/// At least one second (RFC 9110 §10.2.3), rounded up.
fn whole_seconds(time: Duration) -> u64 {
    (time.as_secs() + u64::from(time.subsec_nanos() > 0)).max(1)
}

/// People get a page where they asked for one; everybody else, and everything about gates, gets JSON.
fn shows_page(seen: &Seen) -> bool {
    seen.takes_html && matches!(seen.audience, Audience::PublicPage | Audience::TokenPage)
}

fn json(detail: &'static str) -> Response<EdgeBody> {
    // Details are our own words and hold nothing that JSON escapes.
    let mut response = Response::new(body::full(format!(r#"{{"detail":"{detail}"}}"#)));
    mark_json(response.headers_mut());
    // Who was refused depends on who asked (SES-15).
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Needs no style and no script, since the policy of pages allows none inline.
fn page(status: StatusCode, seen: &Seen) -> Response<EdgeBody> {
    let title = format!("{} {}", status.as_str(), status.canonical_reason().unwrap_or_default());
    let text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body><h1>{title}</h1><p>Request {id}</p></body>\n</html>\n",
        id = seen.context.request_id
    );
    let mut response = Response::new(body::full(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A person on the way to a page is sent to where it can be mended: to sign in and back afterwards, where `next` is only ever a path of this
/// site, or to the account, which knows what an operator has to show.
fn lead(fault: Fault, seen: &Seen) -> Option<Response<EdgeBody>> {
    let has_accounts = seen.entry().is_some_and(|entry| entry.has_accounts());
    if !seen.is_navigation || !has_accounts || seen.audience != Audience::PublicPage {
        return None;
    }
    match fault {
        Fault::Refused(Refusal::NotAuthenticated) => {
            let wanted = seen.uri.path_and_query()?.as_str();
            see_other(&format!("/account/sign-in?next={}", escape(wanted)))
        }
        Fault::Refused(Refusal::SecondFactor) => see_other("/account"),
        _ => None,
    }
}

fn see_other(target: &str) -> Option<Response<EdgeBody>> {
    let location = HeaderValue::from_str(target).ok()?;
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}

/// Percent-encodes everything but unreserved octets and `/`.
fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len() + 16);
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
    }
    out
}

/// Whether a method may be sent again without harm: what a redirect from plain HTTP keeps.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
