//! What will be looked at, decided before the first connection: nothing that is in the plan can be forgotten in the report.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use doorward_kit::{Entropy, Host, Origin};
use doorward_policy::{CookiePolicy, HeaderPolicy, Policy};
use rustls::pki_types::CertificateDer;

use crate::credential::GateCredential;
use crate::flow::Flow;
use crate::probe::{self, Spec};

/// From which side a probe comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Vantage {
    /// An address that no gate's allowlist holds.
    Outside,
    /// An address that the allowlists hold.
    Inside,
}

impl Vantage {
    /// The word in probe ids and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Inside => "inside",
        }
    }
}

/// How the site is looked at; everything that the policy itself does not say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Port of the plain listener; `None` when the configuration has none.
    pub http_port: Option<u16>,
    /// Ports of every public listener, as configured; the origin's own is always one.
    pub listening: Vec<u16>,
    /// Connect there instead of asking the resolver.
    pub pins: Vec<Pin>,
    /// Where the site is meant to be: a name that resolves to anything else is a deviation (VER-14).
    pub intended: Vec<IpAddr>,
    /// Local address of [`Vantage::Inside`].
    pub inside: Option<IpAddr>,
    /// Local address of [`Vantage::Outside`]; without it the probes of the public site leave from wherever the machine sends them.
    pub outside: Option<IpAddr>,
    /// Trust anchors. With them every chain must verify; without them any certificate is taken and recorded as unchecked.
    pub roots: Vec<CertificateDer<'static>>,
    /// Right credentials of gates. They are only sent where `roots` prove who listens.
    pub credentials: Vec<GateCredential>,
    /// Ids of probes that the operator declares away; they are recorded as skipped and do not make the run fail.
    pub declared: Vec<String>,
    /// The configuration orders certificates: every one that is served has to be the staging authority's (TLS-18).
    pub staging_only: bool,
    /// URL of the directory that certificates are ordered from, as configured; `None` where none are.
    pub directory: Option<String>,
    /// Mode of the folder that keys of certificates are in, such as `0700`, where this machine can see it.
    pub store_mode: Option<String>,
    /// The operator asked for a look from outside alone: what only the site's side could show is skipped by that word.
    pub from_afar: bool,
    /// A path whose upstream the operator has stopped, to see the answer 502.
    pub stopped: Option<String>,
}

/// `HOST:PORT:ADDR`, as curl's `--resolve` takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Which host.
    pub host: Host,
    /// Which port.
    pub port: u16,
    /// Where it is.
    pub address: IpAddr,
}

/// A pin is not `HOST:PORT:ADDR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not HOST:PORT:ADDR, such as app.example.com:443:203.0.113.10")]
pub struct PinError;

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        let (host, rest) = text.split_once(':').ok_or(PinError)?;
        let (port, address) = rest.split_once(':').ok_or(PinError)?;
        let address = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
        Ok(Self {
            host: host.parse().map_err(|_| PinError)?,
            port: port.parse().map_err(|_| PinError)?,
            address: address.parse().map_err(|_| PinError)?,
        })
    }
}

/// How long a run may take (VER-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One probe, from the first octet of the connection to the last of the answer: 5 s.
    pub probe: Duration,
    /// The whole run: 60 s. What has not been looked at by then is an error of its own.
    pub whole: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { probe: Duration::from_secs(5), whole: Duration::from_secs(60) }
    }
}

/// Whether a site is held to its whole policy or only to what any site can be held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// A site that Doorward serves.
    Site,
    /// Any site: headers, TLS and cookies.
    Stranger,
}

/// A run, decided.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) origin: Origin,
    pub(crate) env: Option<&'static str>,
    pub(crate) config_sha256: Option<String>,
    pub(crate) intent: Intent,
    pub(crate) headers: HeaderPolicy,
    pub(crate) cookies: CookiePolicy,
    pub(crate) gates: Vec<(String, Host)>,
    pub(crate) probes: Vec<Spec>,
    pub(crate) flows: Vec<Flow>,
    /// The whole policy, for a site that Doorward serves.
    pub(crate) policy: Option<Policy>,
    pub(crate) options: Options,
    /// Time bounds.
    pub limits: Limits,
}

impl Plan {
    /// Plans a whole look at a site that Doorward serves.
    #[must_use]
    pub fn for_site(policy: &Policy, options: Options, entropy: &dyn Entropy) -> Self {
        let gates = policy.routes.entries().iter().filter_map(|entry| entry.gate());
        Self {
            origin: policy.origin.clone(),
            env: Some(env_word(policy.env)),
            config_sha256: Some(policy.config_sha256.clone()),
            intent: Intent::Site,
            headers: HeaderPolicy::guide(),
            cookies: policy.cookies,
            gates: gates.map(|gate| (gate.name.clone(), gate.host.clone())).collect(),
            probes: probe::of_site(policy, &options, entropy),
            flows: Flow::ALL.to_vec(),
            policy: Some(policy.clone()),
            options,
            limits: Limits::default(),
        }
    }

    /// Plans a look at any site: its headers, its certificate and its cookies, against the guide's table.
    #[must_use]
    pub fn for_stranger(origin: &Origin, options: Options, entropy: &dyn Entropy) -> Self {
        Self {
            origin: origin.clone(),
            env: None,
            config_sha256: None,
            intent: Intent::Stranger,
            headers: HeaderPolicy::guide(),
            cookies: CookiePolicy::doorward(),
            gates: Vec::new(),
            probes: probe::of_stranger(origin, &options, entropy),
            flows: vec![Flow::Tls],
            policy: None,
            options,
            limits: Limits::default(),
        }
    }

    /// Ids of the probes, in the order in which they run.
    pub fn probe_ids(&self) -> impl Iterator<Item = &str> {
        let of_flows = self.flows.iter().flat_map(|flow| flow.ids()).map(|planned| planned.id);
        self.probes.iter().map(|spec| spec.id.as_str()).chain(of_flows)
    }

    /// The site.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whole policy or only what any site can be held to.
    #[must_use]
    pub fn intent(&self) -> Intent {
        self.intent
    }
}

fn env_word(env: doorward_config::Env) -> &'static str {
    match env {
        doorward_config::Env::Development => "development",
        doorward_config::Env::Staging => "staging",
        doorward_config::Env::Production => "production",
    }
}
