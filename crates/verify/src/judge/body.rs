//! Error bodies of the API (ERR-01, D-09).

use doorward_policy::ControlId;
use serde_json::Value;

use super::Finding;
use crate::observer::Answer;

/// Exactly `{"detail": string}`, at most with `errors`. What the body says is not repeated: it may hold anything.
pub(super) fn detail(answer: &Answer) -> Finding {
    let fault = type_fault(answer).or_else(|| body_fault(&answer.body));
    let observed = if fault.is_none() { "as expected" } else { "otherwise" };
    Finding::new(ControlId("ERR-01"), "body", "{\"detail\": string} as application/json", observed).fault(fault)
}

fn type_fault(answer: &Answer) -> Option<&'static str> {
    let types = answer.values("content-type");
    let [value] = types.as_slice() else {
        return Some("there is not exactly one content type");
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    (!essence.eq_ignore_ascii_case("application/json")).then_some("the content type is not application/json")
}

fn body_fault(body: &[u8]) -> Option<&'static str> {
    let Ok(Value::Object(members)) = serde_json::from_slice(body) else {
        return Some("the body is not a JSON object");
    };
    match members.get("detail") {
        Some(Value::String(_)) if members.keys().all(|name| matches!(name.as_str(), "detail" | "errors")) => None,
        Some(Value::String(_)) => Some("the body has members besides detail"),
        Some(_) => Some("detail is not a string"),
        None => Some("detail is missing"),
    }
}
