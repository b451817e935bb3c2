//! Where host and path lead, who passes there, and what the answer carries.

use doorward_config::Access;
use doorward_kit::ClientAddr;
use doorward_policy::route::BuiltIn;
use doorward_policy::{Audience, CanonicalPath, GatePolicy, Policy, Target};
use http::HeaderMap;
use serde::Serialize;

use super::Arrival;
use crate::exposure::spoken;

/// Where a request leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WayMap {
    /// As asked.
    pub host: String,
    /// As it is matched and forwarded, when it is one that is.
    pub path: String,
    /// The status that the door itself answers with to a request without cookies and credentials; absent where somebody else answers.
    pub status: Option<u16>,
    /// Why, or who answers.
    pub decision: String,
    /// `built in`, `public`, `identified`, `signed-in` or `gated`; absent where nothing is.
    pub access: Option<&'static str>,
    /// The prefix that matched.
    pub prefix: Option<String>,
    /// Name of the gate.
    pub gate: Option<String>,
    /// Name of the upstream.
    pub upstream: Option<String>,
    /// Where that is.
    pub target: Option<String>,
    /// Fields that every answer carries, over TLS; an upstream may add others.
    pub answer: Vec<(String, String)>,
}

pub(super) fn of(policy: &Policy, arrival: &Arrival, client: ClientAddr) -> WayMap {
    let blank = WayMap {
        host: arrival.host.clone(),
        path: arrival.path.clone(),
        status: None,
        decision: String::new(),
        access: None,
        prefix: None,
        gate: None,
        upstream: None,
        target: None,
        answer: Vec::new(),
    };
    let Some(entry) = policy.routes.find(&arrival.host) else {
        let decision = "no host of this site is called so (GATE-07, EXPO-11)".into();
        return WayMap { status: Some(421), decision, answer: carried(policy, Audience::Api), ..blank };
    };
    let path = match CanonicalPath::parse(&arrival.path) {
        Ok(path) => path,
        Err(fault) => {
            let audience = entry.gate().map_or_else(|| of_refusal(&arrival.path), |gate| Audience::Gate(gate.profile));
            let decision = format!("the path is refused, not repaired: {fault} (GATE-08)");
            return WayMap { status: Some(400), decision, answer: carried(policy, audience), ..blank };
        }
    };
    let blank = WayMap { path: path.as_str().to_owned(), ..blank };
    match entry.resolve(&path) {
        Target::BuiltIn(part) => WayMap {
            decision: built_in(part).into(),
            access: Some("built in"),
            answer: carried(policy, part.audience()),
            ..blank
        },
        Target::Route(route) => {
            let (access, status, decision) = match route.access {
                Access::Public => ("public", None, "forwarded, whoever asks"),
                Access::Identified => ("identified", None, "forwarded, with the identity of whoever is signed in"),
                Access::SignedIn => ("signed-in", Some(401), "forwarded with a session alone; pages are led to the sign-in"),
            };
            WayMap {
                status,
                decision: decision.into(),
                access: Some(access),
                prefix: Some(format!("{}/", route.path)),
                upstream: Some(route.upstream.name.clone()),
                target: Some(spoken(&route.upstream.target)),
                answer: carried(policy, route.audience),
                ..blank
            }
        }
        Target::Gate(gate) => at_gate(policy, gate, client, &path, blank),
        Target::NoPath(audience) => WayMap {
            status: Some(404),
            decision: "nothing is at this path (EXPO-03)".into(),
            answer: carried(policy, audience),
            ..blank
        },
    }
}

fn at_gate(policy: &Policy, gate: &GatePolicy, client: ClientAddr, path: &CanonicalPath<'_>, blank: WayMap) -> WayMap {
    let is_inside = gate.allow.iter().any(|network| network.contains(client.ip()));
    let prefix = gate.paths.iter().find(|prefix| path.strip_prefix(prefix).is_some());
    let (status, decision) = match (is_inside, prefix) {
        (false, _) => (403, format!("{client} is in no network of the gate; its password is not looked at (GATE-03)")),
        (true, Some(_)) => (401, "asks for the gate's password, then forwards (GATE-15)".into()),
        (true, None) => (401, "asks for the gate's password; behind it nothing is at this path, 404 (GATE-20)".into()),
    };
    WayMap {
        status: Some(status),
        decision,
        access: Some("gated"),
        prefix: prefix.map(|prefix| format!("{prefix}/")),
        gate: Some(gate.name.clone()),
        upstream: Some(gate.upstream.name.clone()),
        target: Some(spoken(&gate.upstream.target)),
        answer: carried(policy, Audience::Gate(gate.profile)),
        ..blank
    }
}

/// A path that is none still says by its first piece whether a program or a person asks.
fn of_refusal(path: &str) -> Audience {
    let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    if first.eq_ignore_ascii_case("api") { Audience::Api } else { Audience::PublicPage }
}

fn built_in(part: BuiltIn) -> &'static str {
    match part {
        BuiltIn::Api => "answered here, JSON",
        BuiltIn::Page => "answered here, pages",
        BuiltIn::TokenPage => "answered here, pages that a mail link opens",
        BuiltIn::Asset => "answered here, style and script",
    }
}

fn carried(policy: &Policy, audience: Audience) -> Vec<(String, String)> {
    let mut fields = HeaderMap::new();
    policy.headers.apply(audience, &mut fields);
    let told = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let mut fields: Vec<_> = fields.iter().map(told).collect();
    fields.sort();
    fields
}
