//! WebSocket upgrades (RFC 6455 §4): asked for properly, by our own pages, and answered properly, or there is no tunnel.

use std::future::poll_fn;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Response, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::wire::Wire;
use super::{ForwardPlan, UpstreamFault, cookie, field, head, tunnel};

/// RFC 6455 §1.3.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A wish to upgrade that the route and the request allow.
pub(super) struct Upgrade {
    client: OnUpgrade,
    accept: String,
    bounds: tunnel::Bounds,
}

impl Upgrade {
    /// Takes the wish out of a request; `None` when there is none, or when it is not allowed and the request goes on as a plain one.
    ///
    /// # Errors
    /// [`UpstreamFault::CrossSite`] when the page that asks is not ours (CSRF-18). A browser always says which page asks, so
    /// silence is refused as well.
    pub(super) fn wanted(parts: &mut Parts, plan: &ForwardPlan<'_>) -> Result<Option<Self>, UpstreamFault> {
        let Some(terms) = plan.tunnel.filter(|_| parts.headers.contains_key(header::UPGRADE)) else {
            return Ok(None);
        };
        let Some(accept) = proper_key(parts).map(accept_for) else {
            return Ok(None);
        };
        if !is_own_page(&parts.headers, plan) {
            return Err(UpstreamFault::CrossSite);
        }
        // The watch begins before the upstream is asked: nothing that ends meanwhile is missed.
        let bounds = tunnel::Bounds::of(&terms, plan.context.request_id);
        Ok(parts.extensions.remove::<OnUpgrade>().map(|client| Self { client, accept, bounds }))
    }

    /// Writes the wish into the head for the upstream.
    pub(super) fn ask(headers: &mut HeaderMap) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }

    /// Joins both ends, once the upstream has agreed.
    ///
    /// # Errors
    /// [`UpstreamFault::BadResponse`] when its 101 does not answer what was asked (RFC 6455 §4.1).
    pub(super) async fn accept(self, response: Response<Incoming>, wire: Box<Wire>) -> Result<Response<()>, UpstreamFault> {
        let (mut parts, _) = response.into_parts();
        if !is_agreed(&parts.headers, &self.accept) {
            return Err(UpstreamFault::BadResponse);
        }
        let mut wire = wire;
        poll_fn(|cx| wire.poll_connection(cx)).await;
        let (upstream, open, first) = wire.into_stream();
        let tunnel = tunnel::run(self.client, upstream, first, self.bounds);
        tokio::spawn(async move {
            tunnel.await;
            drop(open);
        });
        field::remove_named_by_connection(&mut parts.headers);
        cookie::keep_ours(&mut parts.headers);
        Self::ask(&mut parts.headers);
        // A 101 has no content, whatever it claims (RFC 9110 §15.2).
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::TRANSFER_ENCODING);
        parts.extensions = http::Extensions::new();
        Ok(Response::from_parts(parts, ()))
    }
}

/// The one key of a request that asks as RFC 6455 §4.2.1 says.
fn proper_key(parts: &Parts) -> Option<&[u8]> {
    let headers = &parts.headers;
    let asks = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && only(headers, header::UPGRADE)?.eq_ignore_ascii_case(b"websocket")
        && field::has_token(headers, &header::CONNECTION, b"upgrade")
        && only(headers, header::SEC_WEBSOCKET_VERSION)? == b"13"
        && !headers.contains_key(header::TRANSFER_ENCODING)
        && headers.get(header::CONTENT_LENGTH).is_none_or(|length| length == "0");
    let key = only(headers, header::SEC_WEBSOCKET_KEY)?;
    (asks && STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16)).then_some(key)
}

fn only(headers: &HeaderMap, name: header::HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
}

fn accept_for(key: &[u8]) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(key);
    context.update(GUID);
    STANDARD.encode(context.finish())
}

fn is_own_page(headers: &HeaderMap, plan: &ForwardPlan<'_>) -> bool {
    let own = head::authority(plan);
    only(headers, header::ORIGIN)
        .and_then(|origin| origin.strip_prefix(head::scheme(plan.context).as_bytes()))
        .and_then(|rest| rest.strip_prefix(b"://"))
        .is_some_and(|authority| authority == own.as_bytes())
}

fn is_agreed(headers: &HeaderMap, accept: &str) -> bool {
    only(headers, header::UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        && field::has_token(headers, &header::CONNECTION, b"upgrade")
        && only(headers, header::SEC_WEBSOCKET_ACCEPT).is_some_and(|value| value == accept.as_bytes())
}
