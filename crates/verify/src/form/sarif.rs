//! SARIF 2.1.0, as far as readers of it need: rows are rules, and every probe that shows a breach is a result.

use serde::Serialize;

use super::wrong;
use crate::fix;
use crate::guide::Severity;
use crate::report::Report;
use crate::verification::{RowCheck, RowVerdict};

#[derive(Serialize)]
pub(super) struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
struct Run<'a> {
    tool: Tool<'a>,
    results: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    short_description: Text,
    help: Text,
    default_configuration: Level,
}

#[derive(Serialize)]
struct Level {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: Physical<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical<'a> {
    artifact_location: Artifact<'a>,
}

#[derive(Serialize)]
struct Artifact<'a> {
    uri: &'a str,
}

pub(super) fn log(report: &Report) -> Log<'_> {
    let rows = &report.verification.checks;
    let results = rows.iter().enumerate().flat_map(|(index, row)| results(report, index, row)).collect();
    let driver = Driver { name: "doorward-verify", version: env!("CARGO_PKG_VERSION"), rules: rows.iter().map(rule).collect() };
    Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run { tool: Tool { driver }, results }],
    }
}

fn rule(row: &RowCheck) -> Rule<'_> {
    let title = if row.title.is_empty() { row.id } else { row.title };
    Rule {
        id: row.id,
        short_description: Text { text: title.to_owned() },
        help: Text { text: fix::of(row.id).unwrap_or(title).to_owned() },
        default_configuration: Level { level: level(row) },
    }
}

fn results<'a>(report: &'a Report, rule_index: usize, row: &'a RowCheck) -> Vec<Finding<'a>> {
    let result = |wrong: wrong::Wrong<'a>| {
        let text = format!("{}: {} (expected {:?}, observed {:?})", wrong.probe.id, wrong.reason, wrong.expected, wrong.observed);
        let artifact_location = Artifact { uri: &wrong.probe.request.url };
        let locations = [Location { physical_location: Physical { artifact_location } }];
        let level = if row.verdict == RowVerdict::Skip { "note" } else { level(row) };
        Finding { rule_id: row.id, rule_index, level, message: Text { text }, locations }
    };
    wrong::of_row(report, row).into_iter().map(result).collect()
}

fn level(row: &RowCheck) -> &'static str {
    match row.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "note",
    }
}
