//! The API as an OpenAPI document (version 3.1), made from the same table as the router.
//!
//! What a row of [`ROUTES`] says of proof, session and quota becomes security and failures here; only words and fields are written by
//! hand, in `operation.rs`. A row cannot be left out: every endpoint is matched.

mod operation;
mod schema;

use serde_json::{Map, Value, json};

use self::operation::{Answer, Body, Operation};
use crate::route::{CsrfClass, ROUTES, Route, Scope, SessionUse};

/// The document. Field order is fixed, so that the text is the same whoever makes it.
#[must_use]
pub fn document() -> Value {
    let mut paths = Map::new();
    for route in &ROUTES {
        let Some(operation) = operation::of(route.endpoint) else { continue };
        let methods = paths.entry(route.path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(methods) = methods {
            methods.insert(route.method.as_str().to_ascii_lowercase(), describe(route, &operation));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Doorward accounts",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Doorward itself answers under /api. Cookies carry the session; every change of a signed-in caller sends \
                            the value of the CSRF cookie back in X-CSRF-Token. Bodies are JSON, at most 8 KiB unless said, at most 16 \
                            levels deep, at most 64 names. Every failure is {\"detail\": \"…\"}."
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": schema::components(),
    })
}

/// [`document`] as it is checked in and served: indented, with a line end.
#[must_use]
pub fn text() -> String {
    // Alternate form is indented; a value of strings, lists and objects always serialises.
    format!("{:#}\n", document())
}

fn describe(route: &Route, operation: &Operation) -> Value {
    let mut out = Map::new();
    out.insert("operationId".into(), operation.id.into());
    out.insert("tags".into(), json!([operation.tag]));
    out.insert("summary".into(), operation.summary.into());
    if !operation.about.is_empty() {
        out.insert("description".into(), operation.about.into());
    }
    out.insert("security".into(), security(route));
    if let Scope::Before(scope) | Scope::Flow(scope) = route.scope {
        out.insert("x-quota".into(), scope.into());
    }
    if route.path.contains("{id}") {
        let id = json!({"type": "string", "format": "uuid"});
        out.insert("parameters".into(), json!([{"name": "id", "in": "path", "required": true, "schema": id}]));
    }
    if let Some(body) = schema::body(&operation.body) {
        out.insert("requestBody".into(), body);
    }
    out.insert("responses".into(), responses(route, operation));
    Value::Object(out)
}

fn security(route: &Route) -> Value {
    match (route.session, route.csrf) {
        (SessionUse::Required, CsrfClass::Token) => json!([{"session": [], "csrf": []}]),
        (SessionUse::Required, _) => json!([{"session": []}]),
        (SessionUse::Unread | SessionUse::Sole | SessionUse::Optional, _) => json!([]),
    }
}

fn responses(route: &Route, operation: &Operation) -> Value {
    let mut out = Map::new();
    let common = common_failures(route, operation);
    let mut all: Vec<&Answer> = operation.answers.iter().chain(&common).collect();
    // Stable: of two answers with one status, the operation's own comes first.
    all.sort_by_key(|answer| answer.status);
    for answer in all {
        let key = answer.status.to_string();
        match out.get_mut(&key) {
            None => {
                out.insert(key, schema::response(answer));
            }
            Some(present) => {
                let told = present["description"].as_str().unwrap_or_default();
                if !told.contains(answer.about) {
                    present["description"] = format!("{told}; or {}", answer.about).into();
                }
            }
        }
    }
    Value::Object(out)
}

/// What the guard and the house answer on every route of this kind.
fn common_failures(route: &Route, operation: &Operation) -> Vec<Answer> {
    let mut out = Vec::new();
    let mut add = |status, about| out.push(Answer::failure(status, about));
    if route.session != SessionUse::Unread || matches!(operation.body, Body::Json(_) | Body::Report) {
        add(400, "Invalid request");
    }
    if route.session == SessionUse::Required {
        add(401, "Not authenticated");
    }
    if matches!(route.csrf, CsrfClass::Origin | CsrfClass::Token) {
        add(403, "CSRF failed");
    }
    if route.session == SessionUse::Required && !route.is_for_enrolment() {
        add(403, "Second factor required");
    }
    add(413, "Request body too large");
    if route.csrf != CsrfClass::Safe {
        add(415, "Unsupported media type");
    }
    if route.scope != Scope::Edge {
        add(429, "Rate limited");
    }
    add(500, "internal_error");
    if route.session != SessionUse::Unread || route.scope != Scope::Edge {
        add(503, "Service unavailable");
    }
    out
}
