//! Which request goes where: rules, services, certificates. Whatever no rule of the application's takes goes to Doorward, which decides.

use doorward_config::{Profile, Servers, Speech, Tls};
use doorward_policy::{Audience, GatePolicy, HostEntry, RoutePolicy};
use serde_json::{Map, Value, json};

use super::middleware::{self, Upgrade};
use super::{PLAIN, RESOLVER, SECURE};
use crate::export::ExportError;
use crate::export::pattern::{self, Case};
use crate::export::plan::Plan;

/// Name of the service that is Doorward's TLS listener.
const DOORWARD: &str = "doorward";
const DOORWARD_HTTP: &str = "doorward-http";
/// Rules above all routes' own.
const FIRST: usize = 100_000;

/// Whether a gate shows this Traefik's own dashboard.
pub(super) fn has_dashboard(plan: &Plan<'_>) -> bool {
    plan.policy.routes.entries().iter().any(|host| plan.direct_gate(host).is_some_and(|(gate, _)| is_dashboard(gate)))
}

fn is_dashboard(gate: &GatePolicy) -> bool {
    gate.profile == Profile::Traefik
}

#[derive(Default)]
struct Tables {
    routers: Map<String, Value>,
    middlewares: Map<String, Value>,
    services: Map<String, Value>,
    transports: Map<String, Value>,
}

impl Tables {
    /// Notes a middleware and gives its name.
    fn with(&mut self, (name, value): (String, Value)) -> String {
        self.middlewares.insert(name.clone(), value);
        name
    }
}

/// The dynamic file.
pub(super) fn dynamic(plan: &Plan<'_>, limits: &mut Vec<String>) -> Result<Map<String, Value>, ExportError> {
    let mut tables = Tables::default();
    doorward(plan, &mut tables);
    for host in plan.policy.routes.entries() {
        odd(plan, host, &mut tables);
        if host.is_gate() {
            gate(plan, host, &mut tables, limits)?;
        } else {
            site(plan, host, &mut tables, limits)?;
        }
    }
    let http = json!({
        "routers": tables.routers, "middlewares": tables.middlewares, "services": tables.services, "serversTransports": tables.transports,
    });
    Ok(super::into_map(json!({"http": http, "tls": tls(plan)})))
}

/// Doorward takes what is left: its own parts, unknown hosts, paths that are nowhere. It answers as it always does.
fn doorward(plan: &Plan<'_>, tables: &mut Tables) {
    let host = plan.policy.origin.host();
    let mut transport =
        json!({"serverName": host.as_str(), "forwardingTimeouts": {"dialTimeout": "2s", "responseHeaderTimeout": "60s"}});
    if let Some(ca) = &plan.ca {
        transport["rootCAs"] = json!([ca.to_string_lossy()]);
    }
    tables.transports.insert(DOORWARD.to_owned(), transport);
    let url = format!("https://{}", plan.doorward);
    let balancer = json!({"servers": [{"url": url}], "passHostHeader": true, "serversTransport": DOORWARD});
    tables.services.insert(DOORWARD.to_owned(), json!({"loadBalancer": balancer}));
    router(plan, tables, "doorward", "PathPrefix(`/`)", 1, DOORWARD, &[]);
    let Some(address) = plan.doorward_http else { return };
    let balancer = json!({"servers": [{"url": format!("http://{address}")}], "passHostHeader": true});
    tables.services.insert(DOORWARD_HTTP.to_owned(), json!({"loadBalancer": balancer}));
    let plain = json!({"entryPoints": [PLAIN], "rule": "PathPrefix(`/`)", "priority": 1, "service": DOORWARD_HTTP});
    tables.routers.insert(DOORWARD_HTTP.to_owned(), plain);
}

/// Paths that two servers could read differently: Doorward refuses them, or takes them on itself (GATE-08).
fn odd(plan: &Plan<'_>, host: &HostEntry, tables: &mut Tables) {
    let name = host.host.as_str();
    let rule = format!("Host(`{name}`) && PathRegexp(`[^!-~]|[;\\\\]`)");
    router(plan, tables, &format!("{name}-odd"), &rule, FIRST + 1, DOORWARD, &[]);
}

fn router(plan: &Plan<'_>, tables: &mut Tables, name: &str, rule: &str, priority: usize, service: &str, middlewares: &[String]) {
    let tls = if matches!(plan.config.tls, Tls::LeStaging { .. }) { json!({"certResolver": RESOLVER}) } else { json!({}) };
    let mut value = json!({"entryPoints": [SECURE], "rule": rule, "priority": priority, "service": service, "tls": tls});
    if !middlewares.is_empty() {
        value["middlewares"] = json!(middlewares);
    }
    tables.routers.insert(name.to_owned(), value);
}

fn site(plan: &Plan<'_>, host: &HostEntry, tables: &mut Tables, limits: &mut Vec<String>) -> Result<(), ExportError> {
    let name = host.host.as_str();
    if host.has_accounts() {
        let rule = format!("Host(`{name}`) && {}", prefixes(&Plan::built_in(), Case::Any)?);
        router(plan, tables, "built-in", &rule, FIRST, DOORWARD, &[]);
    }
    let direct: Vec<_> = plan.direct_routes(host).collect();
    for (rank, route) in host.routes().iter().enumerate() {
        let priority = 10 * (host.routes().len() - rank);
        let (label, rule) = (format!("{name}-{rank}"), prefixes(&[&route.path], Case::Exact)?);
        match direct.iter().find(|(found, _)| found.path == route.path) {
            Some((_, servers)) => {
                service(&route.upstream.name, servers, tables)?;
                let chain = chain(plan, route, tables);
                router(plan, tables, &label, &format!("Host(`{name}`) && {rule}"), priority + 1, &route.upstream.name, &chain);
            }
            None => {
                limits.push(format!(
                    "{name}{}/ goes through Doorward: its upstream or who passes is more than Traefik can decide.",
                    route.path
                ));
                router(plan, tables, &label, &format!("Host(`{name}`) && {rule}"), priority + 1, DOORWARD, &[]);
            }
        }
        // The same letters in another case are not there: an upstream must not serve them under a laxer rule.
        if !route.path.is_empty() {
            let rule = format!("Host(`{name}`) && {}", prefixes(&[&route.path], Case::Any)?);
            router(plan, tables, &format!("{label}-case"), &rule, priority, DOORWARD, &[]);
        }
    }
    Ok(())
}

fn chain(plan: &Plan<'_>, route: &RoutePolicy, tables: &mut Tables) -> Vec<String> {
    let mut chain = vec![
        tables.with(middleware::headers(plan, route.audience)),
        tables.with(middleware::rate("edge", plan.policy.limits.quota("edge"))),
        tables.with(middleware::claims(Upgrade::from(route.websocket))),
    ];
    if route.strip_prefix && !route.path.is_empty() {
        chain.push(tables.with(middleware::strip(&route.path)));
    }
    chain
}

fn gate(plan: &Plan<'_>, host: &HostEntry, tables: &mut Tables, limits: &mut Vec<String>) -> Result<(), ExportError> {
    let name = host.host.as_str();
    let Some((gate, servers)) = plan.direct_gate(host) else {
        limits.push(format!(
            "{name} goes through Doorward: Traefik knows no operators, no hashes but bcrypt, no secrets of upstreams."
        ));
        return Ok(());
    };
    let chain = [
        tables.with(middleware::headers(plan, Audience::Gate(gate.profile))),
        tables.with(middleware::rate("edge-gate", plan.policy.limits.quota("edge_gate"))),
        tables.with(middleware::allow(gate)),
        tables.with(middleware::password(gate)),
        tables.with(middleware::claims(Upgrade::from(gate.websocket))),
    ];
    let to = if is_dashboard(gate) {
        limits.push(format!("{name} shows the dashboard of this Traefik, whatever its upstream is."));
        "api@internal"
    } else {
        service(&gate.upstream.name, servers, tables)?;
        &gate.upstream.name
    };
    let paths: Vec<&str> = gate.paths.iter().map(String::as_str).collect();
    let rule = format!("Host(`{name}`) && {}", prefixes(&paths, Case::Exact)?);
    router(plan, tables, &format!("gate-{}", gate.name), &rule, FIRST, to, &chain);
    Ok(())
}

/// A rule that matches prefixes at segment boundaries, as routes do.
fn prefixes(paths: &[&str], case: Case) -> Result<String, ExportError> {
    let flag = if case == Case::Any { "(?i)" } else { "" };
    Ok(format!("PathRegexp(`{flag}{}`)", pattern::prefixes(paths)?))
}

fn service(name: &str, servers: &Servers, tables: &mut Tables) -> Result<(), ExportError> {
    if name == DOORWARD || name == DOORWARD_HTTP {
        return Err(ExportError::Inexpressible {
            what: format!("upstream {name}"),
            why: "the exported files use this name for Doorward",
        });
    }
    let urls: Vec<Value> = servers.urls().map(|url| json!({"url": url})).collect();
    let mut balancer = json!({"servers": urls, "passHostHeader": true, "serversTransport": name});
    if let Some(health) = &servers.health {
        balancer["healthCheck"] = json!({"path": health.path, "interval": format!("{}ms", health.every.as_millis())});
    }
    tables.services.insert(name.to_owned(), json!({"loadBalancer": balancer}));
    let first_byte = format!("{}ms", servers.time_limit.as_millis().min(10_000));
    let mut transport = json!({"forwardingTimeouts": {"dialTimeout": "2s", "responseHeaderTimeout": first_byte}});
    if let Speech::Tls(tls) = &servers.speech {
        if let Some(ca) = &tls.ca_file {
            transport["rootCAs"] = json!([ca.to_string_lossy()]);
        }
        if let Some(pair) = &tls.client {
            transport["certificates"] =
                json!([{"certFile": pair.certificate.to_string_lossy(), "keyFile": pair.key.to_string_lossy()}]);
        }
    }
    tables.transports.insert(name.to_owned(), transport);
    Ok(())
}

/// No handshake for a name that is not served, nothing older than TLS 1.2, and of that only what Doorward takes itself (TLS-10, TLS-11).
fn tls(plan: &Plan<'_>) -> Value {
    let suites = [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ];
    let options =
        json!({"minVersion": "VersionTLS12", "sniStrict": true, "cipherSuites": suites, "alpnProtocols": ["h2", "http/1.1"]});
    let mut value = json!({"options": {"default": options}});
    if let Tls::Files { certificate, key } = &plan.config.tls {
        value["certificates"] = json!([{"certFile": certificate.to_string_lossy(), "keyFile": key.to_string_lossy()}]);
    }
    value
}
