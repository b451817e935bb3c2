//! nginx: one `nginx.conf`, whole, for `nginx -p DIR -c nginx.conf`.

mod location;
mod text;

use std::fmt::Write as _;
use std::num::NonZeroU32;

use doorward_config::{Servers, Speech, Tls};
use doorward_policy::{HostEntry, Quota};

use super::pattern::{self, Case};
use super::plan::Plan;
use super::{Export, ExportError};
use location::Upgrade;
use text::quoted;

/// What none of its directives can say.
const LIMITS: &[&str] = &[
    "Every answer carries `Server: nginx`: no directive removes it.",
    "Requests are framed as nginx frames them: Doorward's framing guard stands behind it, where every request is framed anew.",
    "The limit of requests is one bucket for each address (each single IPv6 address, not each line) in one machine; its answer 429 is a page.",
    "Wrong passwords at a gate are limited by the gate's rate alone: no trail, no slower answers, no limit of failures.",
    "Nobody outside a gate's list is told from a host that is not there: 403, as 400, 413 and 502, has nginx's own page.",
    "What nginx refuses before it knows the host (a head that is too large, TRACE) carries no header of the policy.",
    "The site's cookies and the client's Authorization are passed on to an application's upstream as they came.",
    "Response headers are removed by name: other names under access-control-, x-upstream-, x-envoy-, x-debug- or ending with -cache-control pass.",
    "The Location and Set-Cookie of an upstream's answer pass as they are.",
    "Methods are not limited on routes that nginx takes to their upstream itself.",
    "No origin of site.cors_origins may read answers of routes that nginx takes to their upstream itself.",
    "Routes that need a session go through Doorward.",
];

/// Makes the file.
///
/// # Errors
/// [`ExportError`] when something has no words in nginx's language.
pub fn export(plan: &Plan<'_>) -> Result<Export, ExportError> {
    let Tls::Files { certificate, key } = &plan.config.tls else {
        let why = "nginx orders no certificates: give it files";
        return Err(ExportError::Inexpressible { what: "tls.source".to_owned(), why });
    };
    let mut limits: Vec<String> = LIMITS.iter().map(|&line| line.to_owned()).collect();
    let mut servers = String::new();
    for host in plan.policy.routes.entries() {
        servers.push_str(&server(plan, host, &mut limits)?);
    }
    let mut text = fixed(plan)?;
    let _ = writeln!(text, "  ssl_certificate {};", quoted(&certificate.to_string_lossy())?);
    let _ = writeln!(text, "  ssl_certificate_key {};", quoted(&key.to_string_lossy())?);
    text.push_str(&upstreams(plan)?);
    text.push_str(&front(plan)?);
    text.push_str(&servers);
    text.push_str("}\n");
    Ok(Export { files: vec![("nginx.conf", text)], limits })
}

/// What holds for every host.
fn fixed(plan: &Plan<'_>) -> Result<String, ExportError> {
    let (sizes, times) = (plan.policy.sizes, plan.policy.times);
    let (edge, gate) = (plan.policy.limits.quota("edge"), plan.policy.limits.quota("edge_gate"));
    let fills = location::fills(plan)?;
    Ok(format!(
        r#"
worker_processes auto;
pid nginx.pid;
error_log error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log access.log;
  server_tokens off;
  # Names with other letters than these are dropped: upstreams read `_` and `.` as `-`.
  underscores_in_headers off;
  ignore_invalid_headers on;
  client_header_buffer_size {half};
  large_client_header_buffers 2 {half};
  client_header_timeout {head}s;
  client_body_timeout {body}s;
  keepalive_timeout {keep}s;
  proxy_http_version 1.1;
  proxy_connect_timeout {connect}s;
  proxy_read_timeout {body}s;
  proxy_redirect off;
  limit_req_status 429;
  limit_req_zone $binary_remote_addr zone=edge:10m rate={edge}r/m;
  limit_req_zone $binary_remote_addr zone=edge_gate:10m rate={gate}r/m;
  map $http_upgrade $doorward_connection {{ default upgrade; "" ""; }}
{fills}  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
  ssl_session_tickets off;
"#,
        half = sizes.head / 2,
        head = times.head.as_secs(),
        body = times.body_idle.as_secs(),
        keep = times.keep_alive.as_secs(),
        connect = times.connect.as_secs(),
        edge = per_minute(edge),
        gate = per_minute(gate),
    ))
}

/// nginx counts whole requests in a minute; less than one becomes one.
fn per_minute(quota: Quota) -> u64 {
    let count = NonZeroU32::get(quota.count);
    (u64::from(count) * 60 / quota.window.as_secs().max(1)).max(1)
}

fn upstreams(plan: &Plan<'_>) -> Result<String, ExportError> {
    let mut text = format!("  upstream doorward_tls {{ server {}; keepalive 32; }}\n", plan.doorward);
    if let Some(address) = plan.doorward_http {
        let _ = writeln!(text, "  upstream doorward_plain {{ server {address}; }}");
    }
    for upstream in &plan.config.upstreams {
        let doorward_config::UpstreamTarget::Servers(servers) = &upstream.target else { continue };
        if !speaks(servers) {
            continue;
        }
        let list: String = servers.addresses.iter().map(|at| format!(" server {}:{};", at.host, at.port)).collect();
        let _ = writeln!(text, "  upstream {} {{{list} keepalive 32; }}", quoted(&format!("up_{}", upstream.name))?);
    }
    Ok(text)
}

/// Whether nginx can speak to them; HTTP/2 it cannot, and authorities of our own are left to Doorward.
fn speaks(servers: &Servers) -> bool {
    servers.speech == Speech::Http1
}

/// Handshakes for no host of ours, and everything over plain HTTP, which Doorward answers.
fn front(plan: &Plan<'_>) -> Result<String, ExportError> {
    let rest = location::doorward(plan)?;
    let mut text = format!(
        "  server {{\n    listen {} ssl http2 default_server;\n    ssl_reject_handshake on;\n    client_max_body_size 0;\n    \
         location / {{\n{rest}    }}\n  }}\n",
        plan.https
    );
    let http = plan.http;
    let plain = location::plain();
    match plan.doorward_http {
        Some(_) => {
            let _ = writeln!(text, "  server {{\n    listen {http} default_server;\n    location / {{\n{plain}    }}\n  }}");
        }
        None => {
            let _ = writeln!(text, "  server {{ listen {http} default_server; return 308 https://$host$request_uri; }}");
        }
    }
    Ok(text)
}

fn server(plan: &Plan<'_>, host: &HostEntry, limits: &mut Vec<String>) -> Result<String, ExportError> {
    let name = host.host.as_str();
    let rest = location::doorward(plan)?;
    let mut text = format!(
        "  server {{\n    listen {} ssl http2;\n    server_name {};\n    client_max_body_size 0;\n",
        plan.https,
        quoted(name)?
    );
    // Paths that two servers could read differently: Doorward refuses them, or takes them on itself (GATE-08).
    text.push_str("    error_page 418 = @doorward;\n");
    text.push_str(
        "    if ($request_uri ~* \"[^!-~]|[;\\\\\\\\]|//|/[.]|%(00|23|25|2[ef]|3[bf]|5c|[89a-f].)\") { return 418; }\n",
    );
    let _ = write!(text, "    location @doorward {{\n{rest}    }}\n");
    let mut place = |rule: &str, body: &str| {
        let _ = write!(text, "    location {rule} {{\n{body}    }}\n");
    };
    if host.has_accounts() {
        place(&rule(&Plan::built_in(), Case::Any)?, &rest);
    }
    for route in host.routes() {
        let direct = plan.direct_routes(host).find(|(found, servers)| found.path == route.path && speaks(servers));
        let body = match direct {
            Some((route, _)) => location::route(plan, route)?,
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
    match plan.direct_gate(host).filter(|(_, servers)| speaks(servers)) {
        Some((gate, _)) => {
            let paths: Vec<&str> = gate.paths.iter().map(String::as_str).collect();
            place(&rule(&paths, Case::Exact)?, &location::gate(plan, gate)?);
        }
        None if host.is_gate() => limits.push(format!("{name} goes through Doorward.")),
        None => {}
    }
    place("/", &rest);
    text.push_str("  }\n");
    Ok(text)
}

fn rule(paths: &[&str], case: Case) -> Result<String, ExportError> {
    let sign = if case == Case::Any { "~*" } else { "~" };
    Ok(format!("{sign} \"{}\"", pattern::prefixes(paths)?))
}

impl From<bool> for Upgrade {
    fn from(passes: bool) -> Self {
        if passes { Self::Passes } else { Self::Stops }
    }
}
