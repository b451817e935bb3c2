//! Who may pass to an upstream: session and CSRF check in process, from the head alone (design: one request).

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use doorward_config::Access;
use doorward_domain::service::FlowError;
use doorward_domain::{ActiveSession, AuditEntry, AuditEvent, Outcome, Visitor};
use doorward_kit::net::Authority;
use doorward_kit::{RequestContext, SessionId, redact::without_query};
use doorward_policy::{RoutePolicy, origin};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, header};

use crate::app::AppState;
use crate::cookie::{Cookies, Found, field_once};
use crate::csrf::{self, CSRF_FIELD};
use crate::session;

/// The answer of a [`Doorkeeper`].
#[derive(Debug, Clone)]
#[must_use]
pub enum Admit {
    /// Pass without identity.
    Anonymous,
    /// Pass as somebody.
    Identified {
        /// What the upstream is told.
        fields: Arc<[(HeaderName, HeaderValue)]>,
        /// Values of `Set-Cookie` for the answer, when the credential was replaced on the way.
        cookies: Vec<HeaderValue>,
        /// What may stay open no longer than this; see [`Doorkeeper::ended`].
        session: SessionId,
    },
    /// Do not pass.
    Refused(Refused),
}

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// No valid session where one is needed.
    NotAuthenticated,
    /// An unsafe request with a session that does not prove it is the site's own.
    Csrf,
    /// The same, after too many of them from one caller (APP-RL-12).
    Throttled {
        /// Until one may fail again in its own words.
        retry_after: Duration,
    },
    /// The session cookie came twice (SES-04).
    DuplicateCookie,
    /// A valid session, but none of the roles that the route asks for.
    Forbidden,
    /// An operator's session in which no second factor was shown yet (D-14).
    SecondFactor,
    /// It cannot be told who this is (SES-19).
    Unavailable,
}

/// Decides for `identified` and `signed-in` routes. Cheap to clone.
#[derive(Clone)]
pub struct Doorkeeper {
    pub(crate) app: AppState,
}

/// What is known of one request at the door.
struct Knock<'a> {
    head: &'a Parts,
    context: &'a RequestContext,
    route: &'a RoutePolicy,
}

impl Doorkeeper {
    pub(crate) fn new(app: AppState) -> Self {
        Self { app }
    }

    /// Looks at the head; nothing of the body is read before this has answered.
    pub async fn admit(&self, head: &Parts, context: &RequestContext, route: &RoutePolicy) -> Admit {
        let knock = Knock { head, context, route };
        match self.recognise(&knock).await {
            // Before the role, and where nobody has to be signed in too: no identity of such a session reaches an upstream.
            Ok(Some(active)) if self.app.accounts.needs_second_factor(&active) => {
                self.note(&knock, AuditEvent::AccessDenied, "second_factor", Some(&active));
                Admit::Refused(Refused::SecondFactor)
            }
            Ok(Some(active)) if !route.admits(&active.user.roles) => {
                self.note(&knock, AuditEvent::AccessDenied, "role", Some(&active));
                Admit::Refused(Refused::Forbidden)
            }
            Ok(Some(active)) => self.identified(&knock, &active).await,
            Ok(None) if requires_session(route) => Admit::Refused(Refused::NotAuthenticated),
            Ok(None) => Admit::Anonymous,
            Err(refused) => Admit::Refused(refused),
        }
    }

    /// Resolves when what was opened by this session on this route may stay open no longer: within some seconds after the session ended on
    /// any node, after its account lost the last role that the route asks for, or when for half a minute nobody could tell.
    pub fn ended(&self, session: SessionId, route: &RoutePolicy) -> impl Future<Output = ()> + Send + 'static {
        self.app.tethers.ended(session, route)
    }

    /// The live session, once it is sure that the request may use it.
    async fn recognise(&self, knock: &Knock<'_>) -> Result<Option<Arc<ActiveSession>>, Refused> {
        let cookies = Cookies::read(&knock.head.headers, &self.app.policy.cookies);
        if cookies.session == Found::Many {
            self.note(knock, AuditEvent::SessionCookieDuplicate, "duplicate", None);
            return Err(Refused::DuplicateCookie);
        }
        let Some(value) = cookies.session_text() else { return Ok(None) };
        let active = self.app.accounts.recognise_session(knock.context, value).await.map_err(|error| {
            tracing::error!(message = "the store did not answer at the door", error = %error);
            Refused::Unavailable
        })?;
        if let Some(active) = &active
            && let Err(reason) = self.prove(knock.head, cookies, active)
        {
            self.note(knock, AuditEvent::CsrfRejected, reason, Some(active));
            return Err(self.csrf_failed(knock).await);
        }
        Ok(active)
    }

    /// Failures have the quota here that they have at the application's own routes, and nothing but a failure is held to it.
    async fn csrf_failed(&self, knock: &Knock<'_>) -> Refused {
        let agent = agent_of(knock.head);
        match self.app.accounts.charge(self.visitor(knock, agent.as_deref()), "csrf_refusal").await {
            Err(FlowError::Throttled { retry_after }) => Refused::Throttled { retry_after },
            // Whatever else went wrong: what is not proved does not pass.
            Ok(()) | Err(_) => Refused::Csrf,
        }
    }

    /// An unsafe request proves origin and token; an upgrade proves its origin, since script cannot add fields to it.
    fn prove(&self, head: &Parts, cookies: Cookies<'_>, active: &ActiveSession) -> Result<(), &'static str> {
        let is_safe = matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if is_safe && !head.headers.contains_key(header::UPGRADE) {
            return Ok(());
        }
        let _proof = origin::decide(&self.app.policy.origin, &head.headers).map_err(origin::OriginRefusal::reason)?;
        if is_safe || head.method == Method::CONNECT {
            return Ok(());
        }
        let sent_back = field_once(&head.headers, &CSRF_FIELD);
        csrf::check(self.app.accounts.csrf(), csrf::binding(Some(active)), cookies.csrf, sent_back)
            .map_err(csrf::TokenRefusal::reason)
    }

    async fn identified(&self, knock: &Knock<'_>, active: &Arc<ActiveSession>) -> Admit {
        let now = self.app.clock.now();
        match self.app.signer.fields(active, &knock.route.upstream, now, &*self.app.entropy) {
            // Last, when nothing can refuse any more: the new credential must reach the browser.
            Ok(fields) => Admit::Identified { fields, cookies: self.renew(knock, active).await, session: active.session.id },
            Err(error) => {
                tracing::error!(message = "no identity fields could be made", error = %error);
                Admit::Refused(Refused::Unavailable)
            }
        }
    }

    /// Not on an upgrade: what answers it speaks another protocol, and its head is not ours to add to.
    async fn renew(&self, knock: &Knock<'_>, active: &ActiveSession) -> Vec<HeaderValue> {
        let head = knock.head;
        if head.method == Method::CONNECT || head.headers.contains_key(header::UPGRADE) {
            return Vec::new();
        }
        let agent = agent_of(head);
        let renewed = session::renew(&self.app, self.visitor(knock, agent.as_deref()), active).await;
        renewed.map_or_else(Vec::new, |renewed| session::cookies(&self.app, &renewed))
    }

    fn visitor<'a>(&'a self, knock: &Knock<'a>, user_agent: Option<&'a str>) -> Visitor<'a> {
        Visitor {
            context: knock.context,
            user_agent,
            host: self.app.policy.origin.host().as_str(),
            method: knock.head.method.as_str(),
            route: without_query(&knock.route.path),
        }
    }

    fn note(&self, knock: &Knock<'_>, event: AuditEvent, reason: &'static str, active: Option<&ActiveSession>) {
        let entry = AuditEntry {
            actor: active.map(|active| active.user.id),
            session: active.map(|active| active.session.id),
            client: Some(knock.context.client),
            peer: Some(knock.context.peer),
            request_id: Some(knock.context.request_id),
            user_agent: agent_of(knock.head).map(Cow::into_owned),
            host: host_of(knock.head),
            method: Some(knock.head.method.as_str().to_owned()),
            route: Some(without_query(&knock.route.path).to_owned()),
            ..AuditEntry::of_house(event, Outcome::Denied, self.app.clock.now()).because(reason)
        };
        self.app.accounts.record(entry);
    }
}

pub(crate) fn agent_of(head: &Parts) -> Option<Cow<'_, str>> {
    head.headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

fn requires_session(route: &RoutePolicy) -> bool {
    match route.access {
        Access::Public | Access::Identified => false,
        Access::SignedIn => true,
    }
}

/// The canonical host that was asked for; the edge has already refused every other.
fn host_of(head: &Parts) -> Option<String> {
    let field = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let authority = head.uri.authority().map(http::uri::Authority::as_str).or(field)?;
    Some(authority.parse::<Authority>().ok()?.host.as_str().to_owned())
}
