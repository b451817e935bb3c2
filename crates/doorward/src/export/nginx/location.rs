//! Bodies of `location` blocks. nginx inherits none of these directives where one is written, so each block is whole.

use std::fmt::Write as _;

use doorward_policy::{Audience, GatePolicy, RoutePolicy, Treatment};

use super::text::quoted;
use crate::export::plan::Plan;
use crate::export::{ExportError, fields};

/// Whether a WebSocket passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upgrade {
    /// It does.
    Passes,
    /// It does not.
    Stops,
}

/// Doorward answers; it removes claims and writes headers itself.
pub(super) fn doorward(plan: &Plan<'_>) -> Result<String, ExportError> {
    let ca = plan.ca.as_ref().ok_or(ExportError::NoTrust)?;
    let (ca, name) = (quoted(&ca.to_string_lossy())?, quoted(plan.policy.origin.host().as_str())?);
    let mut text = told(Upgrade::Passes);
    let _ = write!(
        text,
        "      proxy_pass https://doorward_tls;\n      proxy_ssl_verify on;\n      proxy_ssl_server_name on;\n      \
         proxy_ssl_trusted_certificate {ca};\n      proxy_ssl_name {name};\n      proxy_ssl_protocols TLSv1.2 TLSv1.3;\n      \
         proxy_request_buffering off;\n      proxy_buffering off;\n      proxy_read_timeout 60s;\n"
    );
    Ok(text)
}

/// Doorward's plain listener answers.
pub(super) fn plain() -> String {
    format!("{}      proxy_pass http://doorward_plain;\n", told(Upgrade::Stops))
}

/// A public route.
pub(super) fn route(plan: &Plan<'_>, route: &RoutePolicy) -> Result<String, ExportError> {
    let mut text = limited(plan, "edge");
    if route.strip_prefix && !route.path.is_empty() {
        let _ = writeln!(text, "      rewrite \"^.{{{}}}/?(.*)$\" /$1 break;", route.path.len());
    }
    text.push_str(&headers(plan, route.audience)?);
    text.push_str(&upstream(plan, &route.upstream.name, Upgrade::from(route.websocket))?);
    Ok(text)
}

/// A gate: the list is asked before the password (nginx asks `allow` before `auth_basic`, and with `satisfy all` both).
pub(super) fn gate(plan: &Plan<'_>, gate: &GatePolicy) -> Result<String, ExportError> {
    let mut text = limited(plan, "edge_gate");
    text.push_str("      satisfy all;\n");
    for network in &gate.allow {
        let _ = writeln!(text, "      allow {network};");
    }
    // nginx writes the realm between two quotes as it is, and knows no charset.
    let _ = writeln!(text, "      deny all;\n      auth_basic {};", quoted("Restricted\", charset=\"UTF-8")?);
    let _ = writeln!(text, "      auth_basic_user_file {};", quoted(&gate.users_file.to_string_lossy())?);
    text.push_str("      proxy_set_header Authorization \"\";\n");
    text.push_str(&headers(plan, Audience::Gate(gate.profile))?);
    text.push_str(&upstream(plan, &gate.upstream.name, Upgrade::from(gate.websocket))?);
    Ok(text)
}

fn limited(plan: &Plan<'_>, scope: &str) -> String {
    format!("      limit_req zone={scope} burst={} nodelay;\n", plan.policy.limits.quota(scope).count)
}

fn upstream(plan: &Plan<'_>, name: &str, upgrade: Upgrade) -> Result<String, ExportError> {
    let mut text = told(upgrade);
    for claim in fields::CLAIMS {
        let _ = writeln!(text, "      proxy_set_header {claim} \"\";");
    }
    let _ = writeln!(text, "      client_max_body_size {};", plan.policy.sizes.upstream_body);
    let _ = writeln!(text, "      proxy_pass {};", quoted(&format!("http://up_{name}"))?);
    Ok(text)
}

/// What whoever stands behind is told of the client; its own words under these names are gone.
fn told(upgrade: Upgrade) -> String {
    let (up, connection) = match upgrade {
        Upgrade::Passes => ("$http_upgrade", "$doorward_connection"),
        Upgrade::Stops => ("\"\"", "\"\""),
    };
    let fields = [
        ("Host", "$http_host"),
        ("X-Forwarded-For", "$remote_addr"),
        ("X-Forwarded-Proto", "$scheme"),
        ("X-Forwarded-Host", "$http_host"),
        ("X-Forwarded-Port", "$server_port"),
        ("X-Forwarded-Prefix", "\"\""),
        ("X-Forwarded-Server", "\"\""),
        ("X-Forwarded-Tls-Client-Cert", "\"\""),
        ("X-Real-IP", "\"\""),
        ("TE", "\"\""),
        ("Upgrade", up),
        ("Connection", connection),
    ];
    fields.iter().map(|(name, value)| format!("      proxy_set_header {name} {value};\n")).collect()
}

/// Name of the variable that holds an upstream's value, or ours where there is none.
fn filled(audience: Audience, name: &str) -> String {
    format!("$fill_{}_{}", fields::word(audience), name.replace('-', "_"))
}

/// Values that only fill a gap, as variables of the upstream's own.
pub(super) fn fills(plan: &Plan<'_>) -> Result<String, ExportError> {
    let mut text = String::new();
    for audience in [Audience::PublicPage, Audience::Api] {
        for rule in plan.policy.headers.rules(audience).iter().filter(|rule| rule.treatment == Treatment::Fill) {
            let (name, value) = (rule.name.as_str(), rule.value.to_str().unwrap_or_default());
            let (theirs, ours) = (format!("$upstream_http_{}", name.replace('-', "_")), quoted(value)?);
            let _ = writeln!(text, "  map {theirs} {} {{ default {theirs}; \"\" {ours}; }}", filled(audience, name));
        }
    }
    Ok(text)
}

fn headers(plan: &Plan<'_>, audience: Audience) -> Result<String, ExportError> {
    let policy = &plan.policy.headers;
    let mut text = String::new();
    for name in fields::removed(policy, audience) {
        let _ = writeln!(text, "      proxy_hide_header {name};");
    }
    for rule in policy.rules(audience) {
        let (name, value) = (rule.name.as_str(), rule.value.to_str().unwrap_or_default());
        if rule.treatment != Treatment::Append {
            let _ = writeln!(text, "      proxy_hide_header {name};");
        }
        let value = if rule.treatment == Treatment::Fill { filled(audience, name) } else { quoted(value)? };
        let _ = writeln!(text, "      add_header {name} {value} always;");
    }
    Ok(text)
}
