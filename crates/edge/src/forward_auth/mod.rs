//! What a proxy in front says of the request it asks about, in the words of four kinds of proxies.
//!
//! Comes in: the head of the question. Goes out: the head of the request it is about, and who brought it. Whatever is missing, said twice
//! or said in two dialects is no question: nothing is guessed. Must never know: routes, sessions.

use std::net::IpAddr;

use doorward_kit::PeerAddr;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

use crate::listen::framing::is_legal_target;

const PATH: &str = "/forward-auth";
const FOR: &str = "x-forwarded-for";
/// Said of the request by its proxy, and by nobody afterwards.
const SAID: [&str; 7] = [
    "x-forwarded-method",
    "x-forwarded-uri",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-original-method",
    "x-original-uri",
];

/// Whether a path of the internal listener is the question's.
pub(crate) fn is_asked(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// How the proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Traefik's ForwardAuth and Caddy's `forward_auth`: everything in `X-Forwarded-*`.
    Forwarded,
    /// nginx's `auth_request`: knows 2xx, 401 and 403 alone.
    Nginx,
    /// Envoy's `ext_authz` over HTTP: the request's own method, host, and path behind ours.
    Envoy,
}

/// The request that is asked about.
#[derive(Debug)]
pub(crate) struct Original {
    /// As the proxy took it; its own words are taken out.
    pub(crate) head: Parts,
    /// Who called the proxy.
    pub(crate) peer: PeerAddr,
    /// Whose words they were.
    pub(crate) dialect: Dialect,
}

/// Reads a question; `None` when it does not say everything exactly once.
pub(crate) fn read(mut head: Parts) -> Option<Original> {
    let dialect = dialect(&head)?;
    if !matches!(one(&head.headers, "x-forwarded-proto")?, "https" | "wss") {
        return None;
    }
    let (method, target, host) = match dialect {
        Dialect::Forwarded => spoken(&head.headers, "x-forwarded-method", "x-forwarded-uri")?,
        Dialect::Nginx => spoken(&head.headers, "x-original-method", "x-original-uri")?,
        Dialect::Envoy => {
            let target = head.uri.path_and_query()?.as_str().strip_prefix(PATH)?.to_owned();
            (head.method.clone(), target, one(&head.headers, header::HOST.as_str())?.to_owned())
        }
    };
    // A fragment would be cut off by the parser, and another path be judged than the upstream sees.
    if !target.starts_with('/') || target.contains('#') || !is_legal_target(target.as_bytes()) {
        return None;
    }
    let peer = bring(&mut head.headers)?;
    head.method = method;
    head.uri = target.parse::<Uri>().ok()?;
    for name in SAID {
        head.headers.remove(name);
    }
    head.headers.insert(header::HOST, HeaderValue::try_from(host).ok()?);
    Some(Original { head, peer, dialect })
}

fn dialect(head: &Parts) -> Option<Dialect> {
    let says = |names: [&str; 2]| names.iter().any(|name| head.headers.contains_key(*name));
    let forwarded = says(["x-forwarded-method", "x-forwarded-uri"]);
    let nginx = says(["x-original-method", "x-original-uri"]);
    match (head.uri.path() == PATH, forwarded, nginx) {
        (true, true, false) => Some(Dialect::Forwarded),
        (true, false, true) => Some(Dialect::Nginx),
        (false, false, false) => Some(Dialect::Envoy),
        _ => None,
    }
}

fn spoken(headers: &HeaderMap, method: &str, target: &str) -> Option<(Method, String, String)> {
    let method = Method::from_bytes(one(headers, method)?.as_bytes()).ok()?;
    Some((method, one(headers, target)?.to_owned(), one(headers, "x-forwarded-host")?.to_owned()))
}

/// The field's one value.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    value.to_str().ok().filter(|text| !text.is_empty())
}

/// Who called the proxy: the last hop it names. What stands before it was said by that hop, and stays for whoever believes it.
fn bring(headers: &mut HeaderMap) -> Option<PeerAddr> {
    let chain = one(headers, FOR)?.to_owned();
    let (before, last) = chain.rsplit_once(',').map_or((None, &*chain), |(before, last)| (Some(before), last));
    let last: IpAddr = last.trim_matches([' ', '\t']).parse().ok()?;
    headers.remove(FOR);
    if let Some(before) = before {
        headers.insert(HeaderName::from_static(FOR), HeaderValue::try_from(before).ok()?);
    }
    Some(PeerAddr(std::net::SocketAddr::new(last, 0)))
}
