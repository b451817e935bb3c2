//! What changed between two runs: everything that the evidence holds, but for what differs from one answer to the next without telling
//! anything.

mod steady;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::evidence::SCHEMA;

/// How much of a value is shown.
const SHOWN: usize = 200;

/// A file is not the evidence of a run.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// It could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{} is not a security-headers.json of this version", path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
}

/// Reads the evidence of one run.
///
/// # Errors
/// [`DiffError`] when there is none.
pub fn read(path: &Path) -> Result<Value, DiffError> {
    let text = std::fs::read(path).map_err(|source| DiffError::Unreadable { path: path.to_owned(), source })?;
    let value: Option<Value> = serde_json::from_slice(&text).ok();
    let known = value.filter(|value| value["schema"] == SCHEMA && value["probes"].is_array());
    known.ok_or_else(|| DiffError::Foreign { path: path.to_owned() })
}

/// One line for each thing that differs; none when both runs saw the same.
#[must_use]
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let (before, after) = (leaves(before), leaves(after));
    let places: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = places.into_iter().filter(|place| before.get(*place) != after.get(*place));
    changed.map(|place| format!("{place}: {} → {}", shown(before.get(place)), shown(after.get(place)))).collect()
}

fn shown(value: Option<&String>) -> String {
    value.map_or_else(|| "(nothing)".to_owned(), |value| doorward_kit::redact::Visible::new(value, SHOWN).to_string())
}

/// Every steady value under its place, such as `probes/root-get/response/headers/x-frame-options`.
fn leaves(file: &Value) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    walk(file, &mut Vec::new(), &mut all);
    all
}

fn walk(value: &Value, place: &mut Vec<String>, all: &mut BTreeMap<String, String>) {
    let last = place.last().map(String::as_str).unwrap_or_default();
    match value {
        Value::Object(members) => {
            let subject = members.get("header").and_then(Value::as_str);
            for (name, member) in members.iter().filter(|(name, _)| !steady::is_passing(name)) {
                match (name.as_str(), subject, member) {
                    ("observed", Some(subject), Value::String(text)) => {
                        all.insert(format!("{}/{name}", place.join("/")), steady::observed(place, subject, text));
                    }
                    _ => step(name, member, place, all),
                }
            }
        }
        Value::Array(items) if last == "headers" || last == "trailers" => fields(items, place, all),
        Value::Array(items) => {
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for (at, item) in items.iter().enumerate() {
                let name = name(item).unwrap_or_else(|| at.to_string());
                let again = seen.entry(name.clone()).or_default();
                *again += 1;
                let unique = if *again == 1 { name } else { format!("{name}#{again}") };
                step(&unique, item, place, all);
            }
        }
        Value::String(text) => drop(all.insert(place.join("/"), steady::text(text))),
        other => drop(all.insert(place.join("/"), other.to_string())),
    }
}

fn step(name: &str, value: &Value, place: &mut Vec<String>, all: &mut BTreeMap<String, String>) {
    place.push(name.to_owned());
    if !steady::is_chance(place) {
        walk(value, place, all);
    }
    place.pop();
}

/// Fields by name, all values of one in their order, and the order of the names themselves.
fn fields(items: &[Value], place: &[String], all: &mut BTreeMap<String, String>) {
    let pairs: Vec<(&str, &str)> = items.iter().filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?))).collect();
    let place = place.join("/");
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &pairs {
        by_name.entry(name).or_default().push(steady::field(name, value));
    }
    for (name, values) in by_name {
        all.insert(format!("{place}/{name}"), values.join(" | "));
    }
    let order: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
    all.insert(format!("{place} in order"), order.join(", "));
}

/// What tells an item from its neighbours: a probe's id, a check's row and subject.
fn name(item: &Value) -> Option<String> {
    let word = |key: &str| item.get(key).and_then(Value::as_str);
    match (word("id"), word("header"), word("test")) {
        (Some(id), Some(header), _) => Some(format!("{id} {header}")),
        (Some(id), None, _) => Some(id.to_owned()),
        (None, _, test) => test.map(str::to_owned),
    }
}
