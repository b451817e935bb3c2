//! Gates that ask for an operator session: the half on the gate's host. The other half is `page::gate`, on the site.
//!
//! Comes in: a request that has passed allowlist and password. Goes out: who it is, or where the browser has to go first. Only the names
//! of hosts that the configuration has are ever written into an address.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use doorward_domain::service::FlowError;
use doorward_domain::{ActiveSession, Visitor};
use doorward_kit::{Origin, RequestContext, SessionId};
use doorward_policy::redirect::LocalTarget;
use doorward_policy::route::HAND_OVER_PATH;
use doorward_policy::{GatePolicy, Policy, origin};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cookie::{self, Found};
use crate::door::{Doorkeeper, agent_of};
use crate::extract::form;

/// The longest path of a gate that is come back to; what is longer leads to its root. A target of the site holds it, escaped, beside a name
/// and a digest.
const RETURN_MAX_BYTES: usize = 128;

/// The answer of [`Doorkeeper::operator`].
#[derive(Debug, Clone)]
#[must_use]
pub enum AtGate {
    /// Pass as an operator.
    Passed {
        /// What the upstream is told.
        fields: Arc<[(HeaderName, HeaderValue)]>,
        /// What may stay open no longer than this; see [`Doorkeeper::operator_ended`].
        session: SessionId,
    },
    /// Go elsewhere first.
    Led {
        /// Where.
        location: HeaderValue,
        /// Values of `Set-Cookie`.
        cookies: Vec<HeaderValue>,
    },
    /// An unsafe request that another origin makes.
    Foreign,
    /// No operator session, and nobody who could be led to one.
    NoSession,
    /// A hand-over that is not good, for whatever cause.
    BadHandOver,
    /// A cookie came twice.
    DuplicateCookie,
    /// It cannot be told who this is.
    Unavailable,
}

/// A request at a gate.
#[derive(Debug, Clone, Copy)]
pub struct GateKnock<'a> {
    /// Its head.
    pub head: &'a Parts,
    /// Made by the edge.
    pub context: &'a RequestContext,
    /// Which gate.
    pub gate: &'a GatePolicy,
    /// Canonical.
    pub path: &'a str,
    /// As sent.
    pub query: Option<&'a str>,
    /// Whether a person's browser goes there.
    pub is_navigation: bool,
}

impl Doorkeeper {
    /// Decides at a gate that asks for an operator session.
    pub async fn operator(&self, knock: GateKnock<'_>) -> AtGate {
        if knock.path == HAND_OVER_PATH {
            // A browser that is led there asks with GET; nothing else uses a hand-over up.
            return if knock.head.method == Method::GET { self.accept(knock).await } else { AtGate::BadHandOver };
        }
        if !self.is_own(knock) {
            return AtGate::Foreign;
        }
        match cookie::named(&knock.head.headers, self.app.policy.cookies.gate.name) {
            Found::Many => AtGate::DuplicateCookie,
            Found::Absent => self.lead(knock),
            Found::Once(value) => match self.recognised(knock, value).await {
                Ok(Some(active)) => self.passed(knock, &active),
                Ok(None) => self.lead(knock),
                Err(unavailable) => unavailable,
            },
        }
    }

    /// Resolves when the session that passed a gate has ended, or its account is no operator's any more.
    pub fn operator_ended(&self, session: SessionId) -> impl Future<Output = ()> + Send + 'static {
        let roles = self.app.accounts.rules().operator_roles.clone();
        self.app.tethers.ended_without(session, roles)
    }

    async fn recognised(&self, knock: GateKnock<'_>, value: &[u8]) -> Result<Option<Arc<ActiveSession>>, AtGate> {
        let Ok(value) = std::str::from_utf8(value) else { return Ok(None) };
        self.app.accounts.recognise_pass(&knock.gate.name, value).await.map_err(|error| {
            tracing::error!(message = "the store did not answer at a gate", error = %error);
            AtGate::Unavailable
        })
    }

    /// Whether an unsafe request comes from the gate's own pages: its cookie is `Lax`, which keeps other sites out, but not other hosts of
    /// the same one (CSRF-06, CSRF-07).
    fn is_own(&self, knock: GateKnock<'_>) -> bool {
        let is_safe = matches!(knock.head.method, Method::GET | Method::HEAD | Method::OPTIONS);
        is_safe || self.app.gates.find(&knock.gate.name).is_some_and(|gate| origin::decide(&gate, &knock.head.headers).is_ok())
    }

    fn passed(&self, knock: GateKnock<'_>, active: &Arc<ActiveSession>) -> AtGate {
        let now = self.app.clock.now();
        match self.app.signer.fields(active, &knock.gate.upstream, now, &*self.app.entropy) {
            Ok(fields) => AtGate::Passed { fields, session: active.session.id },
            Err(error) => {
                tracing::error!(message = "no identity fields could be made", error = %error);
                AtGate::Unavailable
            }
        }
    }

    /// To the site, and back with a hand-over. Only whoever goes somewhere can be sent elsewhere.
    fn lead(&self, knock: GateKnock<'_>) -> AtGate {
        if !knock.is_navigation {
            return AtGate::NoSession;
        }
        let request = self.app.accounts.gate_request(&knock.gate.name);
        let wanted = knock.query.map_or_else(|| knock.path.to_owned(), |query| format!("{}?{query}", knock.path));
        let back = LocalTarget::parse(&wanted).filter(|back| back.as_str().len() <= RETURN_MAX_BYTES);
        let location = format!(
            "{}/account/gate/{}?request={}&return={}",
            self.app.policy.origin.as_str(),
            knock.gate.name,
            request.name,
            escape(back.as_ref().map_or("/", LocalTarget::as_str)),
        );
        let cookie = self.app.policy.cookies.gate_request.set(&request.token.reveal(), Some(REQUEST_LIFE));
        led(&location, &[cookie])
    }

    async fn accept(&self, knock: GateKnock<'_>) -> AtGate {
        let cookies = &self.app.policy.cookies;
        let asked = match cookie::named(&knock.head.headers, cookies.gate_request.name) {
            Found::Many => return AtGate::DuplicateCookie,
            Found::Absent => None,
            Found::Once(value) => std::str::from_utf8(value).ok(),
        };
        let fields = form::parse(knock.query.unwrap_or_default().as_bytes()).unwrap_or_default();
        let field = |name: &str| fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let agent = agent_of(knock.head);
        let visitor = Visitor {
            context: knock.context,
            user_agent: agent.as_deref(),
            host: knock.gate.host.as_str(),
            method: knock.head.method.as_str(),
            route: HAND_OVER_PATH,
        };
        let token = field("token").unwrap_or_default();
        match self.app.accounts.accept_hand_over(visitor, &knock.gate.name, token, asked).await {
            Ok(pass) => {
                let back = field("return").and_then(LocalTarget::parse);
                let location = back.as_ref().map_or("/", LocalTarget::as_str);
                led(location, &[cookies.gate.set(&pass.reveal(), None), cookies.gate_request.clear()])
            }
            Err(FlowError::Store(error)) => {
                tracing::error!(message = "the store did not answer at a gate", error = %error);
                AtGate::Unavailable
            }
            Err(_) => AtGate::BadHandOver,
        }
    }
}

/// How long a browser may take on the site: signing in and a second factor lie on the way.
const REQUEST_LIFE: std::time::Duration = std::time::Duration::from_secs(15 * 60);

fn led(location: &str, cookies: &[String]) -> AtGate {
    // Ours, or through `LocalTarget`: visible ASCII.
    match HeaderValue::from_str(location) {
        Ok(location) => AtGate::Led { location, cookies: cookies.iter().filter_map(|set| cookie::value(set)).collect() },
        Err(_) => AtGate::BadHandOver,
    }
}

/// As one value of a query, or of a path of ours within one.
pub(crate) fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Where the gates are that ask for an operator session, by name. A reload exchanges them.
#[derive(Default)]
pub(crate) struct Gates(RwLock<HashMap<String, Origin>>);

impl Gates {
    /// Takes them from a policy.
    pub(crate) fn set(&self, policy: &Policy) {
        let site = &policy.origin;
        let gates = policy.routes.entries().iter().filter_map(|entry| entry.gate()).filter(|gate| gate.operator_session);
        let origin = |gate: &GatePolicy| Origin::new(site.scheme(), gate.host.clone(), Some(site.port()));
        let found = gates.map(|gate| (gate.name.clone(), origin(gate))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// Where a gate is; `None` for one that is not there or asks for nothing.
    pub(crate) fn find(&self, name: &str) -> Option<Origin> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}
