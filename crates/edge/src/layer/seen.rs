//! What is known of a request so far: enough to answer it, log it and report it at any step.

use std::sync::Arc;

use doorward_kit::redact::{LoggedPath, Visible};
use doorward_kit::{ClientAddr, Entropy, RequestContext, RequestId};
use doorward_policy::route::HostEntry;
use doorward_policy::{Audience, CorsGrant, Policy};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use tokio::time::Instant;

use super::headers::X_REQUEST_ID;
use crate::port::{EdgeAudit, EdgeEvent, EdgeEventKind};
use crate::stack::Arrival;

/// Longest user agent that is reported, in characters.
const USER_AGENT_MAX: usize = 256;

/// Grows as the request goes on; read at the end.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Identifies and places the request.
    pub(crate) context: RequestContext,
    /// What the client calls the request, when that is a UUID in its one spelling: for the log alone (HDR-20).
    pub(crate) client_request_id: Option<RequestId>,
    /// Which headers the answer carries, as far as is known.
    pub(crate) audience: Audience,
    /// As sent.
    pub(crate) method: Method,
    /// As sent; empty for a refused head, which has none that could be believed.
    pub(crate) uri: Uri,
    /// Whether the client can show a page.
    pub(crate) takes_html: bool,
    /// Whether a person is on the way to a page of the site's own host.
    pub(crate) is_navigation: bool,
    /// What admission wants set in the browser, whoever answers.
    pub(crate) cookies: Vec<HeaderValue>,
    /// What the answer says to other sites' pages.
    pub(crate) cors: CorsGrant,
    /// Whether it is one of many that get no line of their own.
    pub(crate) is_counted_only: bool,
    entry: Option<Arc<HostEntry>>,
    host_text: String,
    begun: Instant,
}

impl Seen {
    /// Notes what can be told without judging anything.
    pub(crate) fn new(entropy: &dyn Entropy, client: ClientAddr, arrival: &Arrival, policy: &Policy, head: &Parts) -> Self {
        let context =
            RequestContext { request_id: RequestId::random(entropy), client, peer: arrival.peer, secure: arrival.secure };
        let believed = arrival.refused.is_none();
        let entry = authority(head).filter(|_| believed).and_then(|authority| policy.routes.find(authority)).cloned();
        let takes_html = accepts_html(&head.headers);
        let safe = matches!(head.method, Method::GET | Method::HEAD);
        Self {
            context,
            client_request_id: client_request_id(&head.headers).filter(|_| believed),
            audience: guess(entry.as_deref(), &head.uri, believed),
            // Of a refused head even the method is not to be believed.
            method: if believed { head.method.clone() } else { Method::from_bytes(b"-").unwrap_or_default() },
            uri: if believed { head.uri.clone() } else { Uri::default() },
            takes_html: takes_html && believed,
            is_navigation: safe && (takes_html || is_navigation(&head.headers)),
            cookies: Vec::new(),
            cors: CorsGrant::Silent,
            is_counted_only: false,
            host_text: entry.as_ref().map(|entry| entry.host.to_string()).unwrap_or_default(),
            entry,
            begun: Instant::now(),
        }
    }

    /// The host it is meant for, if it is one of ours.
    pub(crate) fn entry(&self) -> Option<&Arc<HostEntry>> {
        self.entry.as_ref()
    }

    /// The same as text, IPv6 in brackets; empty when it is none of ours.
    pub(crate) fn host(&self) -> &str {
        &self.host_text
    }

    /// Time since it came.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.begun.elapsed()
    }

    /// Milliseconds since it came.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The path, fit for a log (LOG-02).
    pub(crate) fn logged_path(&self) -> LoggedPath<'_> {
        LoggedPath(self.uri.path())
    }

    /// Tells the audit trail; the gate is the one whose host was asked for.
    pub(crate) fn report(
        &self,
        audit: &dyn EdgeAudit,
        kind: EdgeEventKind,
        reason: &'static str,
        user: Option<&str>,
        agent: Option<&HeaderValue>,
    ) {
        let user_agent = agent.map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            Visible::new(&text, USER_AGENT_MAX).to_string()
        });
        let gate = self.entry.as_ref().and_then(|entry| entry.gate()).map(|gate| gate.name.clone());
        audit.record(EdgeEvent {
            kind,
            context: self.context,
            host: self.host_text.clone(),
            method: super::method::name(&self.method).to_owned(),
            user_agent,
            reason,
            gate,
            user: user.map(str::to_owned),
            count: None,
        });
    }
}

/// What names the host: `:authority` in HTTP/2, else `Host`.
pub(crate) fn authority(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers.get(header::HOST)?.to_str().ok(),
    }
}

/// The client's id. Nothing but 122 bits can be in it, and no credential of ours is written like that; all else is as good as absent.
fn client_request_id(headers: &HeaderMap) -> Option<RequestId> {
    const HYPHENATED: usize = 36;
    let mut values = headers.get_all(X_REQUEST_ID).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let text = value.to_str().ok().filter(|text| text.len() == HYPHENATED)?;
    text.parse().ok()
}

/// Before the target is known, errors take the headers that the request would most likely have had.
fn guess(entry: Option<&HostEntry>, uri: &Uri, believed: bool) -> Audience {
    match entry {
        Some(entry) if believed => match entry.gate() {
            Some(gate) => Audience::Gate(gate.profile),
            None if is_under_api(uri.path()) => Audience::Api,
            None => Audience::PublicPage,
        },
        _ => Audience::Api,
    }
}

/// Whether a path speaks JSON, in any spelling of its first segment.
pub(crate) fn is_under_api(path: &str) -> bool {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    first.eq_ignore_ascii_case("api")
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().any(|value| memchr::memmem::find(value.as_bytes(), b"text/html").is_some())
}

fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate")
}
