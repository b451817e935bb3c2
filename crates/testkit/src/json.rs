//! The one shape of every error: `{"detail": string}`.

use serde_json::Value;

use crate::raw::Reply;

/// The `detail` of an error answer, after the shape was checked: one key, or `errors` beside it (D-09, ERR-01).
#[track_caller]
pub fn detail(reply: &Reply) -> String {
    let kind = reply.header("content-type").unwrap_or_default().to_ascii_lowercase();
    assert!(
        kind.starts_with("application/json") || kind.starts_with("application/problem+json"),
        "an error of the API is JSON: {reply:?}"
    );
    let value: Value = serde_json::from_slice(&reply.body).unwrap_or_else(|error| panic!("{error} in {reply:?}"));
    let object = value.as_object().unwrap_or_else(|| panic!("not an object: {reply:?}"));
    let odd: Vec<_> = object.keys().filter(|key| !matches!(key.as_str(), "detail" | "errors")).collect();
    assert!(odd.is_empty(), "keys beside detail and errors: {odd:?} in {reply:?}");
    assert!(object.get("errors").is_none_or(Value::is_array), "errors is no array: {reply:?}");
    object.get("detail").and_then(Value::as_str).unwrap_or_else(|| panic!("no detail: {reply:?}")).to_owned()
}

/// Asserts status and exact `detail`.
#[track_caller]
pub fn assert_detail(reply: &Reply, status: u16, text: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(detail(reply), text, "{reply:?}");
}
