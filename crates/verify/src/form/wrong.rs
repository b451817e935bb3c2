//! What is wrong with a row, probe by probe.

use crate::evidence::{CheckVerdict, Probe};
use crate::report::Report;
use crate::verification::{RowCheck, RowVerdict};

/// One probe that shows a breach of a row.
pub(super) struct Wrong<'a> {
    pub(super) probe: &'a Probe,
    pub(super) reason: String,
    pub(super) expected: &'a str,
    pub(super) observed: &'a str,
}

/// Whether a row is as it should be.
pub(super) fn is_right(row: &RowCheck) -> bool {
    row.verdict == RowVerdict::Pass
}

/// Every probe that shows a breach, with the first reason of each.
pub(super) fn of_row<'a>(report: &'a Report, row: &'a RowCheck) -> Vec<Wrong<'a>> {
    if is_right(row) {
        return Vec::new();
    }
    let named = |id: &str| report.headers.probes.iter().find(|probe| probe.id == id);
    row.evidence.iter().filter_map(|evidence| Some(wrong(named(&evidence.probe)?, row))).collect()
}

fn wrong<'a>(probe: &'a Probe, row: &RowCheck) -> Wrong<'a> {
    let check = probe.checks.iter().find(|check| check.id == row.id && check.verdict != CheckVerdict::Pass);
    match (check, &probe.error) {
        (Some(check), _) => Wrong {
            probe,
            reason: format!("{}: {}", check.header, check.reason.as_deref().unwrap_or("not as it should be")),
            expected: &check.expected,
            observed: &check.observed,
        },
        (None, Some(error)) => Wrong { probe, reason: error.clone(), expected: "an answer", observed: "none" },
        (None, None) => Wrong { probe, reason: row.reason.clone().unwrap_or_default(), expected: "", observed: "" },
    }
}
