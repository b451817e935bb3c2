//! Caddy 2: one `Caddyfile`, whole, with no module beyond those that Caddy comes with.

use std::fmt::Write as _;

use doorward_config::{Speech, Tls};
use doorward_policy::{Audience, HostEntry, RoutePolicy, Treatment};

use super::pattern::{self, Case};
use super::plan::Plan;
use super::{Export, ExportError, fields};

/// What none of its directives can say.
const LIMITS: &[&str] = &[
    "Requests are not limited on routes that Caddy takes to their upstream itself: its own modules count nothing.",
    "Gates go through Doorward: Caddy keeps hashes in its own configuration, and a copy would outlive a change of the users file.",
    "Routes that need a session, and those that cut a prefix off, go through Doorward.",
    "Requests are framed as Go's HTTP server frames them: Doorward's framing guard stands behind Caddy, where every request is framed anew.",
    "The site's cookies and the client's Authorization are passed on to an application's upstream as they came.",
    "Response headers are removed by name: other names under access-control-, x-upstream-, x-envoy-, x-debug- or ending with -cache-control pass.",
    "The Location and Set-Cookie of an upstream's answer pass as they are.",
    "Methods are not limited on routes that Caddy takes to their upstream itself.",
    "No origin of site.cors_origins may read answers of routes that Caddy takes to their upstream itself.",
    "What Caddy's server refuses before it knows the host (a head that is too large) carries no header of the policy.",
];

/// Makes the file.
///
/// # Errors
/// [`ExportError`] when something has no words in Caddy's language.
pub fn export(plan: &Plan<'_>) -> Result<Export, ExportError> {
    let mut limits: Vec<String> = LIMITS.iter().map(|&line| line.to_owned()).collect();
    let mut text = fixed(plan);
    for host in plan.policy.routes.entries() {
        text.push_str(&site(plan, host, &mut limits)?);
    }
    text.push_str(&stranger(plan)?);
    Ok(Export { files: vec![("Caddyfile", text)], limits })
}

/// What holds for every host, and plain HTTP, which Doorward answers.
fn fixed(plan: &Plan<'_>) -> String {
    let (head, keep) = (plan.policy.times.head.as_secs(), plan.policy.times.keep_alive.as_secs());
    let size = plan.policy.sizes.head;
    let mut text = format!(
        "\n{{\n\tadmin off\n\tauto_https disable_redirects\n\thttp_port {}\n\thttps_port {}\n\tservers {{\n\t\tprotocols h1 h2\n\t\t\
         max_header_size {size}\n\t\ttimeouts {{\n\t\t\tread_header {head}s\n\t\t\tidle {keep}s\n\t\t}}\n\t}}\n}}\n",
        plan.http.port(),
        plan.https.port(),
    );
    let _ = write!(text, "http://:{} {{\n{}", plan.http.port(), bind(plan.http));
    match plan.doorward_http {
        Some(address) => {
            let _ = write!(text, "\theader {{\n\t\t-Server\n\t\tdefer\n\t}}\n\treverse_proxy http://{address}\n}}\n");
        }
        None => text.push_str("\tredir https://{host}{uri} 308\n}\n"),
    }
    text
}

fn bind(address: std::net::SocketAddr) -> String {
    if address.ip().is_unspecified() { String::new() } else { format!("\tbind {}\n", address.ip()) }
}

fn site(plan: &Plan<'_>, host: &HostEntry, limits: &mut Vec<String>) -> Result<String, ExportError> {
    let name = host.host.as_str();
    let rest = doorward(plan)?;
    let mut text = format!("https://{name}:{} {{\n{}{}", plan.https.port(), bind(plan.https), tls(plan)?);
    // What Caddy answers itself, when nobody stands behind.
    let _ = write!(
        text,
        "\thandle_errors {{\n{}\t\trespond \"{{err.status_code}} {{err.status_text}}\"\n\t}}\n",
        headers(plan, Audience::PublicPage)?
    );
    text.push_str("\troute {\n");
    let mut index = 0;
    let mut place = |matcher: &str, body: &str| {
        index += 1;
        let _ = write!(text, "\t@m{index} {matcher}\n\thandle @m{index} {{\n{body}\t}}\n");
    };
    // Paths that two servers could read differently: Doorward refuses them, or takes them on itself (GATE-08).
    place("vars_regexp {http.request.orig_uri} `(?i)[^!-~]|[;\\\\]|//|/[.]|%(00|23|25|2[ef]|3[bf]|5c|[89a-f].)`", &rest);
    if host.has_accounts() {
        place(&rule(&Plan::built_in(), Case::Any)?, &rest);
    }
    for route in host.routes() {
        let direct = plan.direct_routes(host).find(|(found, servers)| {
            found.path == route.path && servers.speech == Speech::Http1 && (!route.strip_prefix || route.path.is_empty())
        });
        let body = match direct {
            Some((route, servers)) => upstream(plan, route, &servers.urls().collect::<Vec<_>>())?,
            None => {
                limits.push(format!("{name}{}/ goes through Doorward.", route.path));
                rest.clone()
            }
        };
        place(&rule(&[&route.path], Case::Exact)?, &body);
        if !route.path.is_empty() {
            // The same letters in another case are not there: an upstream must not serve them under a laxer rule.
            place(&rule(&[&route.path], Case::Any)?, &rest);
        }
    }
    let _ = write!(text, "\thandle {{\n{rest}\t}}\n\t}}\n}}\n");
    Ok(text)
}

/// A host that is not ours gets Doorward's refusal; Caddy's own answer would be an empty 200.
fn stranger(plan: &Plan<'_>) -> Result<String, ExportError> {
    let tls = if matches!(plan.config.tls, Tls::Files { .. }) { tls(plan)? } else { String::new() };
    Ok(format!("https://:{} {{\n{}{tls}{}}}\n", plan.https.port(), bind(plan.https), doorward(plan)?))
}

fn rule(paths: &[&str], case: Case) -> Result<String, ExportError> {
    let flag = if case == Case::Any { "(?i)" } else { "" };
    Ok(format!("path_regexp `{flag}{}`", pattern::prefixes(paths)?))
}

fn tls(plan: &Plan<'_>) -> Result<String, ExportError> {
    let protocols = "protocols tls1.2 tls1.3";
    match &plan.config.tls {
        Tls::Files { certificate, key } => {
            let (certificate, key) = (quoted(&certificate.to_string_lossy())?, quoted(&key.to_string_lossy())?);
            Ok(format!("\ttls {certificate} {key} {{\n\t\t{protocols}\n\t}}\n"))
        }
        // The staging authority and no other (TLS-01).
        Tls::LeStaging { email } => {
            let email = email.as_ref().map(|email| quoted(email).map(|email| format!("\t\t\temail {email}\n"))).transpose()?;
            Ok(format!(
                "\ttls {{\n\t\t{protocols}\n\t\tissuer acme {{\n\t\t\tdir https://acme-staging-v02.api.letsencrypt.org/directory\n\t\t\t\
                 disable_http_challenge\n{}\t\t}}\n\t}}\n",
                email.unwrap_or_default()
            ))
        }
        Tls::SelfSigned => {
            let why = "Caddy would ask another authority: give it files";
            Err(ExportError::Inexpressible { what: "tls.source".to_owned(), why })
        }
    }
}

/// Doorward answers; it removes claims and writes headers itself.
fn doorward(plan: &Plan<'_>) -> Result<String, ExportError> {
    let name = quoted(plan.policy.origin.host().as_str())?;
    let trust = match &plan.ca {
        Some(ca) => format!("\t\t\t\ttls_trusted_ca_certs {}\n", quoted(&ca.to_string_lossy())?),
        None => String::new(),
    };
    Ok(format!(
        "\t\theader {{\n\t\t\t-Server\n\t\t\tdefer\n\t\t}}\n\t\treverse_proxy https://{} {{\n\t\t\tflush_interval -1\n\t\t\t\
         transport http {{\n\t\t\t\ttls_server_name {name}\n{trust}\t\t\t\tdial_timeout 2s\n\t\t\t\tversions 1.1\n\t\t\t}}\n\t\t}}\n",
        plan.doorward
    ))
}

/// A public route.
fn upstream(plan: &Plan<'_>, route: &RoutePolicy, urls: &[String]) -> Result<String, ExportError> {
    let mut text = headers(plan, route.audience)?;
    // Upstreams read `_` and `.` as `-`.
    let odd = ["*_*", "*.*", "X-Forwarded-*", "X-Real-IP"];
    for claim in odd.iter().chain(fields::CLAIMS) {
        let _ = writeln!(text, "\t\trequest_header -{claim}");
    }
    if !route.websocket {
        text.push_str("\t\trequest_header -Upgrade\n");
    }
    let _ = write!(
        text,
        "\t\trequest_body {{\n\t\t\tmax_size {}\n\t\t}}\n\t\treverse_proxy {} {{\n\t\t\ttransport http {{\n\t\t\t\tdial_timeout 2s\n\t\t\t\t\
         response_header_timeout 10s\n\t\t\t\tversions 1.1\n\t\t\t}}\n\t\t}}\n",
        plan.policy.sizes.upstream_body,
        urls.join(" ")
    );
    Ok(text)
}

/// Written when the answer goes out, over whatever the upstream sent.
fn headers(plan: &Plan<'_>, audience: Audience) -> Result<String, ExportError> {
    let policy = &plan.policy.headers;
    let mut text = "\t\theader {\n".to_owned();
    for name in fields::removed(policy, audience) {
        let _ = writeln!(text, "\t\t\t-{name}");
    }
    for rule in policy.rules(audience) {
        let sign = match rule.treatment {
            Treatment::Set => "",
            Treatment::Fill => "?",
            Treatment::Append => "+",
        };
        let _ = writeln!(text, "\t\t\t{sign}{} {}", rule.name, quoted(rule.value.to_str().unwrap_or_default())?);
    }
    text.push_str("\t\t\tdefer\n\t\t}\n");
    Ok(text)
}

/// A value between quotes. Braces are read as placeholders, so there are none.
fn quoted(value: &str) -> Result<String, ExportError> {
    if value.chars().any(|c| matches!(c, '{' | '}' | '\\') || c.is_control()) {
        let why = "a Caddyfile cannot hold braces, backslashes and control characters in a value";
        return Err(ExportError::Inexpressible { what: format!("{value:?}"), why });
    }
    Ok(format!("\"{}\"", value.replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_ends() {
        assert_eq!(quoted("csp=\"/api\"").as_deref(), Ok(r#""csp=\"/api\"""#));
        for evil in ["{$HOME}", "{http.request.uri}", "a\\", "a\nb"] {
            assert!(quoted(evil).is_err());
        }
    }
}
