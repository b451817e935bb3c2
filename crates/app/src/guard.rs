//! What stands before every handler: the checks that the route's row asks for, in the order of CSRF-16.
//!
//! size, origin, content type, quota, session, token, an operator's second factor; only then the handler reads the body. Each refusal is
//! the same octets for everyone, so that a later check never speaks through an earlier one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use doorward_domain::{ActiveSession, AuditEntry, AuditEvent, Outcome, Visitor};
use doorward_kit::RequestContext;
use doorward_policy::origin;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::app::AppState;
use crate::cookie::{Cookies, Found, field_once};
use crate::csrf::{self, CSRF_FIELD};
use crate::extract::media;
use crate::problem::Problem;
use crate::route::{CsrfClass, Route, Scope, SessionUse};
use crate::session;

/// Who calls, once the guard has let them through; handlers take it as an extractor.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) context: RequestContext,
    pub(crate) session: Option<Arc<ActiveSession>>,
    route: &'static Route,
    method: Method,
    user_agent: Option<String>,
    host: Arc<str>,
}

impl Caller {
    fn new(app: &AppState, route: &'static Route, head: &Parts) -> Option<Self> {
        let agent = head.headers.get(header::USER_AGENT);
        Some(Self {
            context: *head.extensions.get::<RequestContext>()?,
            session: None,
            route,
            method: head.method.clone(),
            user_agent: agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            host: app.policy.origin.host().as_str().into(),
        })
    }

    /// Counts an attempt whose body is none that a flow could look at: no probe is free (APP-RL-05).
    pub(crate) async fn charge_unread(&self, app: &AppState, problem: Problem) -> Problem {
        let Scope::Flow(scope) = self.route.scope else { return problem };
        let charged = app.accounts.charge(self.visitor(), scope).await;
        charged.map_or_else(|error| Problem::of_flow(error, Problem::INTERNAL), |()| problem)
    }

    /// What the flows write into the audit trail.
    pub(crate) fn visitor(&self) -> Visitor<'_> {
        Visitor {
            context: &self.context,
            user_agent: self.user_agent.as_deref(),
            host: &self.host,
            method: self.method.as_str(),
            route: self.route.path,
        }
    }

    /// Notes a refusal that no flow has seen.
    pub(crate) fn note_refusal(&self, app: &AppState, event: AuditEvent, reason: &'static str) {
        let entry = AuditEntry::of_visitor(self.visitor(), event, Outcome::Denied, app.clock.now()).because(reason);
        let entry = match self.session.as_deref() {
            Some(active) => entry.by(active.user.id).in_session(active.session.id),
            None => entry,
        };
        app.accounts.record(entry);
    }

    /// Notes a failed CSRF check and says so. Failures have a quota of their own (APP-RL-12), which nothing but a failure is held to:
    /// a foreign page that sends its visitors here costs them nothing.
    pub(crate) async fn csrf_failed(&self, app: &AppState, reason: &'static str) -> Problem {
        self.note_refusal(app, AuditEvent::CsrfRejected, reason);
        let charged = app.accounts.charge(self.visitor(), "csrf_refusal").await;
        charged.map_or_else(|error| Problem::of_flow(error, Problem::INTERNAL), |()| Problem::CSRF_FAILED)
    }
}

/// The guard of one route.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) app: AppState,
    pub(crate) route: &'static Route,
}

/// The layer: checks, then the handler, then the cookies of a renewed credential and `Vary`.
pub(crate) async fn stand(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let mut response = match guard.check(&head).await {
        Ok(mut caller) => {
            let renewed = guard.renew(&mut caller).await;
            head.extensions.insert(caller);
            let mut response = next.run(Request::from_parts(head, body)).await;
            session::carry(&guard.app, response.headers_mut(), &renewed);
            response
        }
        Err(problem) => problem.into_response(),
    };
    vary(guard.route, response.headers_mut());
    response
}

impl Guard {
    async fn check(&self, head: &Parts) -> Result<Caller, Problem> {
        let Self { app, route } = self;
        let headers = &head.headers;
        let mut caller = Caller::new(app, route, head).ok_or_else(no_context)?;
        if let Err(problem) = media::check_length(headers, route.body_max(&app.policy.sizes)) {
            // Too large comes first (CSRF-16), but what a foreign page makes a browser send uses up none of its owner's quotas.
            return Err(match self.check_origin(&caller, headers).await {
                Ok(()) => caller.charge_unread(app, problem).await,
                Err(_) => problem,
            });
        }
        let cookies = Cookies::read(headers, &app.policy.cookies);
        if route.session != SessionUse::Unread && cookies.session == Found::Many {
            caller.note_refusal(app, AuditEvent::SessionCookieDuplicate, "duplicate");
            return Err(Problem::INVALID_REQUEST);
        }
        self.check_origin(&caller, headers).await?;
        if let Err(problem) = self.check_type(&caller, headers) {
            return Err(caller.charge_unread(app, problem).await);
        }
        if let Scope::Before(scope) = route.scope {
            let charged = app.accounts.charge(caller.visitor(), scope).await;
            charged.map_err(|error| Problem::of_flow(error, Problem::INTERNAL))?;
        }
        caller.session = self.lookup(&caller, cookies).await?;
        self.check_token(&caller, headers, cookies).await?;
        self.check_second_factor(&caller)?;
        Ok(caller)
    }

    /// An operator who has shown no second factor in this session can do nothing but show one, or make one (D-14).
    fn check_second_factor(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(active) = caller.session.as_deref() else { return Ok(()) };
        if self.route.is_for_enrolment() || !self.app.accounts.needs_second_factor(active) {
            return Ok(());
        }
        caller.note_refusal(&self.app, AuditEvent::AccessDenied, "second_factor");
        Err(if active.user.has_second_factor { Problem::STEP_UP } else { Problem::SECOND_FACTOR })
    }

    /// Gives a session that is due a new credential before the handler runs, so that a form is made for the one its browser will hold.
    /// Only where nothing changes: what changes something may replace the credential itself, and checks its token in the handler.
    async fn renew(&self, caller: &mut Caller) -> Vec<HeaderValue> {
        let Some(active) = caller.session.as_deref().filter(|_| self.route.csrf == CsrfClass::Safe) else { return Vec::new() };
        let Some(renewed) = session::renew(&self.app, caller.visitor(), active).await else { return Vec::new() };
        let cookies = session::cookies(&self.app, &renewed);
        caller.session = Some(renewed.active);
        cookies
    }

    async fn check_origin(&self, caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
        match self.route.csrf {
            CsrfClass::Safe | CsrfClass::Open => Ok(()),
            CsrfClass::Origin | CsrfClass::Token | CsrfClass::Form => match origin::decide(&self.app.policy.origin, headers) {
                // Silence is enough: JSON or the token decides (CSRF-08).
                Ok(origin::OriginProof::Own | origin::OriginProof::Silent) => Ok(()),
                Err(refusal) => Err(caller.csrf_failed(&self.app, refusal.reason()).await),
            },
        }
    }

    /// A foreign content type is what a forged simple request looks like, so it is noted as one (CSRF-09, CSRF-17).
    fn check_type(&self, caller: &Caller, headers: &HeaderMap) -> Result<(), Problem> {
        let checked = media::check_type(self.route, headers);
        if checked.is_err() && self.route.csrf != CsrfClass::Open {
            caller.note_refusal(&self.app, AuditEvent::CsrfRejected, "content_type");
        }
        checked
    }

    async fn lookup(&self, caller: &Caller, cookies: Cookies<'_>) -> Result<Option<Arc<ActiveSession>>, Problem> {
        match self.route.session {
            SessionUse::Unread | SessionUse::Sole => Ok(None),
            SessionUse::Optional | SessionUse::Required => {
                let found = match cookies.session_text() {
                    Some(value) => self.app.accounts.recognise_session(&caller.context, value).await?,
                    None => None,
                };
                if found.is_none() && self.route.session == SessionUse::Required {
                    return Err(Problem::NOT_AUTHENTICATED);
                }
                Ok(found)
            }
        }
    }

    async fn check_token(&self, caller: &Caller, headers: &HeaderMap, cookies: Cookies<'_>) -> Result<(), Problem> {
        if self.route.csrf != CsrfClass::Token {
            return Ok(());
        }
        let binding = csrf::binding(caller.session.as_deref());
        match csrf::check(self.app.accounts.csrf(), binding, cookies.csrf, field_once(headers, &CSRF_FIELD)) {
            Ok(()) => Ok(()),
            Err(refusal) => Err(caller.csrf_failed(&self.app, refusal.reason()).await),
        }
    }
}

fn no_context() -> Problem {
    tracing::error!("a request came without its context; whoever serves this router must add it");
    Problem::INTERNAL
}

/// Names the fields that the answer depends on (requirements, section (b)).
fn vary(route: &Route, headers: &mut HeaderMap) {
    let mut add = |name: &HeaderName| {
        headers.append(header::VARY, HeaderValue::from(name.clone()));
    };
    if matches!(route.csrf, CsrfClass::Origin | CsrfClass::Token | CsrfClass::Form) {
        add(&header::ORIGIN);
        add(&origin::SEC_FETCH_SITE);
    }
    if route.session != SessionUse::Unread {
        add(&header::COOKIE);
    }
}
