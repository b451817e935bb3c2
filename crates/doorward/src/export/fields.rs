//! Names of header fields as lists: other edges remove what is named and know no prefixes.

use doorward_policy::header::STRIPPED;
use doorward_policy::{Audience, HeaderPolicy, HeaderRule, Treatment};

/// Fields of an upstream's answer under the prefixes that [`doorward_policy::header::STRIPPED_PREFIXES`] names, as far as they are known.
const UNDER_PREFIXES: &[&str] = &[
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
    "cdn-cache-control",
    "cloudflare-cdn-cache-control",
    "x-debug-token",
    "x-debug-token-link",
    "x-envoy-upstream-service-time",
];

/// Fields that only a rule may set.
const RULES_ALONE: &[&str] = &["cross-origin-embedder-policy", "origin-agent-cluster", "reporting-endpoints"];

/// Fields of a request in which a caller could claim to be somebody, somewhere or something else (PROXY-02).
pub(super) const CLAIMS: &[&str] = &[
    "X-Doorward-User",
    "X-Doorward-Email",
    "X-Doorward-Name",
    "X-Doorward-Roles",
    "X-Doorward-Session",
    "X-Doorward-Assertion",
    "X-Doorward-Edge",
    "X-Original-URL",
    "X-Original-URI",
    "X-Original-Host",
    "X-Rewrite-URL",
    "X-User",
    "X-User-Id",
    "X-User-Name",
    "X-User-Email",
    "X-Remote-User",
    "X-Auth-Request-User",
    "X-Auth-Request-Email",
    "X-Authenticated-User",
    "X-WebAuth-User",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "X-HTTP-Method",
    "X-HTTP-Method-Override",
    "X-Method-Override",
    "X-Script-Name",
    "X-Request-Id",
    "X-Host",
    "Fastly-Client-IP",
    "True-Client-IP",
    "CF-Connecting-IP",
    "Remote-User",
    "Script-Name",
    "Forwarded",
    "Proxy",
];

/// What is removed from an upstream's answer to this audience before the rules are written.
pub(super) fn removed(headers: &HeaderPolicy, audience: Audience) -> Vec<&'static str> {
    let ruled = |name: &str| headers.rules(audience).iter().any(|rule| rule.name == name);
    let all = STRIPPED.iter().chain(UNDER_PREFIXES).chain(RULES_ALONE).copied();
    all.filter(|name| !ruled(name)).collect()
}

/// What is written over whatever the upstream sent. Other edges cannot tell whether there is a value, so what would only fill a gap is
/// written always; what would be added to the upstream's own is not written at all.
pub(super) fn written(headers: &HeaderPolicy, audience: Audience) -> impl Iterator<Item = (&str, &str)> {
    let rules = headers.rules(audience).iter().filter(|rule| rule.treatment != Treatment::Append);
    rules.filter_map(|rule: &HeaderRule| Some((rule.name.as_str(), rule.value.to_str().ok()?)))
}

/// A short name of an audience, for a name in a file.
pub(super) fn word(audience: Audience) -> String {
    format!("{audience:?}").chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}
