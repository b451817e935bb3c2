//! Traefik 3: `traefik.toml`, which is read at its start, and `dynamic.toml`, which it watches.

mod middleware;
mod router;

use doorward_config::Tls;
use serde_json::{Map, Value, json};

use super::plan::Plan;
use super::{Export, ExportError, toml_text};

/// Name of the entry point of TLS.
const SECURE: &str = "websecure";
/// Name of the entry point of plain HTTP.
const PLAIN: &str = "web";
/// Name of the certificate resolver.
const RESOLVER: &str = "le-staging";

/// What none of its settings can say, wherever it stands in front.
const LIMITS: &[&str] = &[
    "Requests are framed as Go's HTTP server frames them: Doorward's framing guard stands behind Traefik, where every request is framed anew.",
    "The limit of requests is one token bucket for each address and router in one process; its answer 429 is plain text and is not in the trail.",
    "Wrong passwords at a gate are limited by the gate's rate alone: no trail, no slower answers, no limit of failures.",
    "Nobody outside a gate's list is told from a host that is not there: 403 has Traefik's own body.",
    "The site's cookies and the client's Authorization are passed on to an application's upstream as they came.",
    "A response header is overwritten, never filled or added to: public pages are always no-cache, and pgAdmin keeps its own Content-Security-Policy alone.",
    "Response headers are removed by name: other names under access-control-, x-upstream-, x-envoy-, x-debug- or ending with -cache-control pass.",
    "The Location and Set-Cookie of an upstream's answer pass as they are.",
    "A body to an upstream has no upper size: the buffering that could hold one holds streams back as well.",
    "Methods are not limited on routes that Traefik takes to their upstream itself.",
    "No origin of site.cors_origins may read answers of routes that Traefik takes to their upstream itself.",
];

/// Makes both files.
///
/// # Errors
/// [`ExportError`] when something has no words in Traefik's language.
pub fn export(plan: &Plan<'_>) -> Result<Export, ExportError> {
    let mut limits: Vec<String> = LIMITS.iter().map(|&line| line.to_owned()).collect();
    let dynamic = router::dynamic(plan, &mut limits)?;
    let files = vec![("traefik.toml", toml_text::write(&fixed(plan))), ("dynamic.toml", toml_text::write(&dynamic))];
    Ok(Export { files, limits })
}

fn fixed(plan: &Plan<'_>) -> Map<String, Value> {
    let sizes = plan.policy.sizes;
    let times = plan.policy.times;
    let transport = json!({"respondingTimeouts": {
        "readTimeout": "60s",
        "idleTimeout": seconds(times.keep_alive.as_secs()),
    }});
    // What two servers could read differently never gets as far as a router (GATE-08).
    let http = json!({
        "maxHeaderBytes": sizes.head,
        "sanitizePath": true,
        "aliasHeadersStrategy": "delete",
        "encodedCharacters": {
            "allowEncodedSlash": false, "allowEncodedBackSlash": false, "allowEncodedNullCharacter": false,
            "allowEncodedSemicolon": false, "allowEncodedPercent": false, "allowEncodedQuestionMark": false,
            "allowEncodedHash": false,
        },
    });
    let entry = |address: String| json!({"address": address, "transport": transport, "http": http});
    let mut table = json!({
        "global": {"checkNewVersion": false, "sendAnonymousUsage": false},
        "log": {"level": "INFO"},
        "entryPoints": {SECURE: entry(plan.https.to_string()), PLAIN: entry(plan.http.to_string())},
        "providers": {"file": {"filename": "dynamic.toml", "watch": true}},
    });
    if matches!(plan.config.tls, Tls::LeStaging { .. }) {
        table["certificatesResolvers"] = json!({RESOLVER: {"acme": resolver(plan)}});
    }
    if router::has_dashboard(plan) {
        table["api"] = json!({"dashboard": true, "insecure": false, "disableDashboardAd": true});
    }
    into_map(table)
}

/// The staging authority and no other (TLS-01).
fn resolver(plan: &Plan<'_>) -> Value {
    let mut acme = json!({
        "caServer": "https://acme-staging-v02.api.letsencrypt.org/directory",
        "storage": "acme-staging.json",
        "keyType": "EC256",
        "tlsChallenge": {},
    });
    if let Tls::LeStaging { email: Some(email) } = &plan.config.tls {
        acme["email"] = json!(email);
    }
    acme
}

fn seconds(count: u64) -> String {
    format!("{count}s")
}

fn into_map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
