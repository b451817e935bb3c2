//! What is asked and what must come back, as data. The ids are stable: readers of reports rely on them.

mod gate;
mod plain;
mod site;
mod stranger;

use std::net::IpAddr;

use doorward_kit::{Entropy, Host, Origin, Secret};
use doorward_policy::{Audience, ControlId, Policy};

use crate::observer::{Field, Transport};
use crate::plan::{Options, Vantage};

pub(crate) use stranger::probes as of_stranger;

/// One look.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) id: String,
    /// Whose headers the answer must carry; `None` where a stranger's answer is looked at for something else.
    pub(crate) audience: Option<Audience>,
    pub(crate) class: &'static str,
    pub(crate) vantage: Vantage,
    pub(crate) transport: Transport,
    pub(crate) host: Host,
    pub(crate) port: u16,
    /// Another host than the one that is connected to, as a stray request names it.
    pub(crate) authority: Option<String>,
    pub(crate) method: &'static str,
    pub(crate) aim: Aim,
    pub(crate) fields: Vec<Field>,
    pub(crate) authorization: Option<Secret<String>>,
    /// Fields whose values no report ever holds: cookies and tokens.
    pub(crate) secrets: Vec<(String, Secret<String>)>,
    /// Sent after the head; never written down.
    pub(crate) body: Secret<String>,
    /// Leaves from this local address instead of that of its vantage.
    pub(crate) source: Option<IpAddr>,
    pub(crate) status: StatusRule,
    /// The row that a wrong status breaks.
    pub(crate) control: ControlId,
    pub(crate) wants: Vec<Want>,
    pub(crate) skip: Option<Skip>,
}

/// What is requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Aim {
    /// This target.
    Target(String),
    /// The first hashed asset that the answer to an earlier probe refers to.
    AssetOf(&'static str),
    /// No request: see [`Spec::without_request`].
    Nothing,
    /// This target, again and again until the limit answers; at most so many times.
    Burst(String, u32),
}

/// Which status is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatusRule {
    /// Exactly this.
    Exactly(u16),
    /// 200 to 399: what an upstream shows there is its own affair, but it must be there.
    Reached,
    /// Below 500: an upstream may refuse a method, but something must answer.
    Answered,
    /// A redirect, of any kind.
    Redirect,
    /// Anything.
    Any,
}

/// What must hold besides status and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Want {
    /// The body is exactly `{"detail": string}` (and at most `errors`), as JSON.
    Detail,
    /// `Location` is exactly this.
    RedirectTo(String),
    /// `Location` leads to `https` on the same host.
    SecureRedirect,
    /// One basic challenge with `charset="UTF-8"` whose realm tells nothing of the gate.
    Challenge(String),
    /// No challenge: an outsider is not asked for a password.
    NoChallenge,
    /// `Retry-After` in whole seconds.
    RetryAfter,
}

/// Why a probe is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) reason: String,
    /// Whether somebody said that it may be missing; otherwise the run fails.
    pub(crate) declared: bool,
}

/// Row of coverage: what breaks when an answer is not the one asked for.
pub(crate) const COVERAGE: ControlId = ControlId("VER-02");

impl Spec {
    /// A GET of `target` on a TLS host, for a page or an API.
    pub(crate) fn get(id: impl Into<String>, audience: Audience, host: &Host, port: u16, target: &str) -> Self {
        Self {
            id: id.into(),
            audience: Some(audience),
            class: class_of(audience),
            vantage: Vantage::Outside,
            transport: Transport::Http1,
            host: host.clone(),
            port,
            authority: None,
            method: "GET",
            aim: Aim::Target(target.to_owned()),
            fields: usual_fields(audience),
            authorization: None,
            secrets: Vec::new(),
            body: Secret::new(String::new()),
            source: None,
            status: StatusRule::Exactly(200),
            control: COVERAGE,
            wants: Vec::new(),
            skip: None,
        }
    }

    /// What is found without a request of its own: ports, the trail, many exchanges as one.
    pub(crate) fn without_request(id: &str, control: ControlId, origin: &Origin) -> Self {
        let mut spec = Self::get(id, Audience::Api, origin.host(), origin.port(), "/");
        spec.audience = None;
        spec.class = "flow";
        spec.aim = Aim::Nothing;
        spec.fields.clear();
        spec.status = StatusRule::Any;
        spec.control = control;
        spec
    }

    pub(crate) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    pub(crate) fn status(mut self, status: StatusRule) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn control(mut self, control: &'static str) -> Self {
        self.control = ControlId(control);
        self
    }

    pub(crate) fn want(mut self, want: Want) -> Self {
        self.wants.push(want);
        self
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A body, with its length.
    pub(crate) fn body(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self = self.field("content-length", &text.len().to_string());
        self.body = Secret::new(text);
        self
    }

    /// A field that no report may show.
    pub(crate) fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), Secret::new(value.to_owned())));
        self
    }

    fn skipped(mut self, reason: &str, declared: bool) -> Self {
        self.skip = Some(Skip { reason: reason.to_owned(), declared });
        self
    }
}

fn usual_fields(audience: Audience) -> Vec<Field> {
    let accept = if audience == Audience::Api { "application/json" } else { "text/html,*/*;q=0.5" };
    let agent = concat!("doorward-verify/", env!("CARGO_PKG_VERSION"));
    vec![("accept".to_owned(), accept.to_owned()), ("user-agent".to_owned(), agent.to_owned())]
}

fn class_of(audience: Audience) -> &'static str {
    match audience {
        Audience::PublicPage => "public-html",
        Audience::TokenPage => "token-html",
        Audience::Asset => "asset",
        Audience::Api => "api-json",
        Audience::PlainHttp => "plain-http",
        Audience::Gate(_) => "gated-ui",
    }
}

/// Sixteen hexadecimal digits: names that no site has.
fn nonce(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that a site which Doorward serves is asked. The burst comes last: it uses up the quota of its scope.
pub(crate) fn of_site(policy: &Policy, options: &Options, entropy: &dyn Entropy) -> Vec<Spec> {
    // Each group has its own: one that comes back in a redirect is redacted wherever it stands.
    let mut specs = site::probes(policy, options, &nonce(entropy));
    specs.extend(plain::probes(&policy.origin, options, &nonce(entropy)));
    specs.extend(gate::probes(policy, options, &nonce(entropy)));
    specs.push(site::burst(policy));
    declare(&mut specs, options);
    specs
}

/// What the operator declares away is recorded, not forgotten.
fn declare(specs: &mut [Spec], options: &Options) {
    for spec in specs.iter_mut().filter(|spec| options.declared.contains(&spec.id)) {
        spec.skip = Some(Skip { reason: "declared away by the operator".to_owned(), declared: true });
    }
}

/// The port of the plain listener as a stranger would guess it.
fn usual_http_port(origin: &Origin) -> Option<u16> {
    (origin.port() == 443).then_some(80)
}
