//! `POST /api/csp-report`: takes what browsers say about blocked content, and logs the harmless part of it (HDR-16).

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use doorward_kit::redact::{LoggedPath, Visible, without_query};
use http::StatusCode;
use serde_json::Value;

use crate::app::AppState;
use crate::extract::{body, strict};
use crate::guard::Caller;
use crate::problem::Problem;

/// Reports come in batches of flat objects.
const BOUNDS: strict::Bounds = strict::Bounds { depth: 8, keys: 512 };
/// Most lines one request may cause in the log.
const LOGGED_MAX: usize = 5;
const DIRECTIVE_MAX_CHARS: usize = 64;
const URL_MAX_CHARS: usize = 256;
/// Stands for what a browser would not have sent.
const OTHER: &str = "other";

pub(crate) async fn take(State(app): State<AppState>, caller: Caller, body: Body) -> Result<Response, Problem> {
    let bytes = body::read(body, app.policy.sizes.api_body).await?;
    let value = strict::parse(&bytes, BOUNDS).map_err(|strict::NotStrict| Problem::INVALID_REQUEST)?;
    for report in reports(&value).take(LOGGED_MAX) {
        log(report, &caller);
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// CSP 2 wraps one report, the Reporting API sends a list (CSP 3 §5.3).
fn reports(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(list) => Box::new(list.iter().filter_map(|item| item.get("body"))),
        single => Box::new(single.get("csp-report").into_iter()),
    }
}

fn log(report: &Value, caller: &Caller) {
    let text = |names: [&str; 2]| names.iter().find_map(|name| report.get(name)?.as_str()).unwrap_or_default();
    let directive = directive(text(["effectiveDirective", "effective-directive"]));
    let blocked = LoggedPath(blocked(text(["blockedURL", "blocked-uri"]))).to_string();
    let document = LoggedPath(page(text(["documentURL", "document-uri"]))).to_string();
    tracing::warn!(
        message = "a browser reports blocked content",
        request_id = %caller.context.request_id,
        directive = %Visible::new(directive, DIRECTIVE_MAX_CHARS),
        blocked = %Visible::new(&blocked, URL_MAX_CHARS),
        document = %Visible::new(&document, URL_MAX_CHARS),
    );
}

/// A directive name is lower-case letters and hyphens; anything else is a stranger's text and not worth a line (LOG-01).
fn directive(text: &str) -> &str {
    let is_name = text.bytes().all(|octet| octet.is_ascii_lowercase() || octet == b'-');
    if is_name { text } else { OTHER }
}

/// A URL without its query, or one of the words that stand in its place (CSP 3 §5.3).
fn blocked(text: &str) -> &str {
    const WORDS: [&str; 7] = ["inline", "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink", "data", "blob"];
    if text.contains("://") || WORDS.contains(&text) { without_query(text) } else { OTHER }
}

/// Where a page of ours can have been; a stranger may write anything there.
fn page(text: &str) -> &str {
    let is_page = text.starts_with("https://") || text.starts_with("http://");
    if is_page { text } else { OTHER }
}
