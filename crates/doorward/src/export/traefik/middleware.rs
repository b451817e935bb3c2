//! What happens to a request on Traefik's way, as named middlewares.

use doorward_policy::{Audience, GatePolicy, Quota};
use serde_json::{Map, Value, json};

use super::super::fields;
use super::super::plan::Plan;

/// Response headers of an audience; outermost, so that Traefik's own answers carry them too.
pub(super) fn headers(plan: &Plan<'_>, audience: Audience) -> (String, Value) {
    let policy = &plan.policy.headers;
    let removed = fields::removed(policy, audience).into_iter().map(|name| (name, ""));
    let set: Map<String, Value> =
        removed.chain(fields::written(policy, audience)).map(|(n, v)| (n.to_owned(), json!(v))).collect();
    (format!("headers-{}", fields::word(audience)), json!({"headers": {"customResponseHeaders": set}}))
}

/// Removes what a caller could claim; `upgrade` says whether a WebSocket passes.
pub(super) fn claims(upgrade: Upgrade) -> (String, Value) {
    let mut set: Map<String, Value> = fields::CLAIMS.iter().map(|name| ((*name).to_owned(), json!(""))).collect();
    let name = match upgrade {
        Upgrade::Passes => "claims",
        Upgrade::Stops => {
            set.insert("Upgrade".to_owned(), json!(""));
            "claims-no-upgrade"
        }
    };
    (name.to_owned(), json!({"headers": {"customRequestHeaders": set}}))
}

/// Whether a WebSocket passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// It does.
    Passes,
    /// It does not.
    Stops,
}

impl From<bool> for Upgrade {
    fn from(passes: bool) -> Self {
        if passes { Self::Passes } else { Self::Stops }
    }
}

/// A bucket for each customer line that fills at the quota's rate.
pub(super) fn rate(name: &str, quota: Quota) -> (String, Value) {
    let limit = json!({
        "average": quota.count, "burst": quota.count, "period": super::seconds(quota.window.as_secs().max(1)),
        "sourceCriterion": {"ipStrategy": {"ipv6Subnet": 64}},
    });
    (format!("rate-{name}"), json!({"rateLimit": limit}))
}

/// Who may knock at a gate: asked before any password (GATE-05).
pub(super) fn allow(gate: &GatePolicy) -> (String, Value) {
    let list: Vec<String> = gate.allow.iter().map(ToString::to_string).collect();
    (format!("allow-{}", gate.name), json!({"ipAllowList": {"sourceRange": list}}))
}

/// The password of a gate; whatever stands behind never sees it.
pub(super) fn password(gate: &GatePolicy) -> (String, Value) {
    // Traefik writes the realm between two quotes as it is, and knows no charset: without one, browsers guess how to encode a password.
    let realm = "Restricted\", charset=\"UTF-8";
    let auth = json!({"usersFile": gate.users_file.to_string_lossy(), "realm": realm, "removeHeader": true});
    (format!("password-{}", gate.name), json!({"basicAuth": auth}))
}

/// Cuts a prefix off.
pub(super) fn strip(path: &str) -> (String, Value) {
    let word: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    (format!("strip{word}"), json!({"stripPrefix": {"prefixes": [path]}}))
}
