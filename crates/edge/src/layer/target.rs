//! Which host and which path a request means.

use std::sync::Arc;

use doorward_kit::net::Authority;
use doorward_policy::route::HostEntry;
use doorward_policy::{Audience, CanonicalPath, Policy, SizePolicy, Target, destination};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version, header};

use super::seen::{self, Seen};
use crate::listen::FramingFault;
use crate::listen::framing::{is_legal_field, is_legal_target};
use crate::rescue::Fault;

/// Finds the host, after making sure that only one is named.
///
/// HTTP/1.1 was checked by the framing guard. In HTTP/2 `:authority` wins, and a `host` field that differs is refused (GATE-11).
pub(crate) fn host<'a>(head: &Parts, policy: &'a Policy) -> Result<&'a Arc<HostEntry>, Fault> {
    // HTTP/2 is spoken over TLS alone; the library lets any `:scheme` pass, an empty one too (RFC 9113 §8.3.1).
    if head.version == Version::HTTP_2 && head.uri.scheme_str() != Some("https") {
        return Err(Fault::Target);
    }
    let authority = seen::authority(head).ok_or(Fault::Authority)?;
    let mut fields = head.headers.get_all(header::HOST).iter();
    let field = fields.next();
    if fields.next().is_some() || field.is_some_and(|field| !names(field.as_bytes(), authority)) {
        return Err(Fault::Authority);
    }
    policy.routes.find(authority).ok_or(Fault::UnknownHost)
}

fn names(field: &[u8], authority: &str) -> bool {
    if field == authority.as_bytes() {
        return true;
    }
    let field = std::str::from_utf8(field).ok().and_then(|text| text.parse::<Authority>().ok());
    field.is_some() && field == authority.parse().ok()
}

/// Refuses what a browser would run although an API answers it; admission is not asked, so that nothing depends on who asks (HDR-19).
pub(crate) fn may_be_put_there(target: &Target<'_>, headers: &HeaderMap, seen: &mut Seen) -> Result<(), Fault> {
    let audience = match target {
        Target::BuiltIn(part) => part.audience(),
        Target::Route(route) => route.audience,
        Target::NoPath(audience) => *audience,
        Target::Gate(_) => return Ok(()),
    };
    if audience != Audience::Api || !destination::would_run(headers) {
        return Ok(());
    }
    seen.audience = audience;
    Err(Fault::Destination)
}

/// Path and query as sent. `OPTIONS *` is about the whole host, and means its root here.
pub(crate) fn origin_form<'a>(method: &Method, uri: &'a Uri) -> Result<(&'a str, Option<&'a str>), Fault> {
    if uri.path() == "*" {
        return if *method == Method::OPTIONS { Ok(("/", None)) } else { Err(Fault::Target) };
    }
    let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    if !is_legal_target(target.as_bytes()) {
        return Err(Fault::Target);
    }
    Ok((uri.path(), uri.query()))
}

/// The framing guard has done this for HTTP/1.1. The library of HTTP/2 has bounds of its own, but refuses in its own words and
/// without our headers (HDR-10), so ours are narrower.
pub(crate) fn within_bounds(head: &Parts, sizes: &SizePolicy) -> Result<(), Fault> {
    if head.uri.path_and_query().is_some_and(|target| target.as_str().len() > sizes.request_line) {
        return Err(Fault::TargetTooLong);
    }
    if head.headers.len() > sizes.fields || head.version == Version::HTTP_2 && list_size(head) > sizes.head {
        return Err(Fault::HeadTooLarge);
    }
    let is_legal = |(name, value): (&HeaderName, &HeaderValue)| is_legal_field(name.as_str().as_bytes(), value.as_bytes());
    if head.version == Version::HTTP_2 && !head.headers.iter().all(is_legal) {
        return Err(FramingFault::Field.into());
    }
    Ok(())
}

/// Octets of all fields as HTTP/2 counts them (RFC 9113 §6.5.2), but for the pseudo fields, which have bounds of their own.
fn list_size(head: &Parts) -> usize {
    head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

/// The target as the application sees it: the canonical path with the query as sent, without scheme and authority.
pub(crate) fn rebuild(path: &CanonicalPath<'_>, query: Option<&str>) -> Result<Uri, Fault> {
    let text = match query {
        Some(query) => format!("{}?{query}", path.as_str()),
        None => path.as_str().to_owned(),
    };
    Uri::try_from(text).map_err(|_| Fault::Target)
}
