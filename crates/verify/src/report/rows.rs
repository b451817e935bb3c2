//! The run by rows of the catalogue.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use doorward_kit::Timestamp;

use super::{Found, HEADERS_FILE, instant};
use crate::evidence::{CheckVerdict, Probe, SecurityHeaders};
use crate::guide::{self, Severity};
use crate::leaf::Leaf;
use crate::plan::Plan;
use crate::run::Outcome;
use crate::verification::{
    Artifacts, Evidence, GateSection, GateStatuses, RowCheck, RowVerdict, SCHEMA, Summary, TlsSection, Verification,
};

pub(super) fn verification(
    plan: &Plan,
    headers: &SecurityHeaders,
    found: &Found<'_>,
    now: Timestamp,
    sha256: &str,
) -> Verification {
    let outcomes = found.outcomes;
    let checks = rows(headers, outcomes, sha256);
    let missing = guide::missing(&headers.probes);
    Verification {
        schema: SCHEMA,
        run_id: headers.run_id.clone(),
        mode: mode(outcomes),
        env: plan.env,
        domain: plan.origin.host().to_string(),
        started_at: headers.started_at.clone(),
        finished_at: headers.finished_at.clone(),
        ok: headers.ok && missing.is_empty(),
        summary: summary(&checks),
        checks,
        tls: tls(plan, found, now),
        gates: plan.gates.iter().map(|(name, host)| gate(name, host.as_str(), outcomes)).collect(),
        exposure: found.sections.exposure.clone(),
        rate_limits: found.sections.rate_limits.clone(),
        auth_flows: found.sections.auth_flows,
        secrets_scan: found.sections.secrets_scan.clone(),
        audit: found.sections.audit,
        timings: found.sections.timings,
        artifacts: Artifacts { security_headers: HEADERS_FILE, complete: missing.is_empty(), missing },
    }
}

/// What a row's probes came to.
#[derive(Default)]
struct Tally<'a> {
    pass: usize,
    fail: Vec<&'a str>,
    error: Vec<&'a str>,
    skip: Vec<&'a str>,
    undeclared: bool,
    seen: Vec<&'a str>,
    elapsed_ms: u64,
    reason: Option<String>,
}

fn rows(headers: &SecurityHeaders, outcomes: &[Outcome], sha256: &str) -> Vec<RowCheck> {
    let mut tallies: BTreeMap<&'static str, Tally<'_>> = BTreeMap::new();
    for (probe, outcome) in headers.probes.iter().zip(outcomes) {
        for check in &probe.checks {
            let tally = tallies.entry(check.id).or_default();
            tally.see(probe);
            match check.verdict {
                CheckVerdict::Pass => tally.pass += 1,
                CheckVerdict::Fail => tally.wrong(probe, check.reason.as_deref(), |tally| &mut tally.fail),
                CheckVerdict::Skip => {
                    tally.undeclared |= outcome.spec.skip.as_ref().is_some_and(|skip| !skip.declared);
                    tally.wrong(probe, check.reason.as_deref(), |tally| &mut tally.skip);
                }
            }
        }
        if let Some(error) = &probe.error {
            let tally = tallies.entry(outcome.spec.control.0).or_default();
            tally.see(probe);
            tally.wrong(probe, Some(error), |tally| &mut tally.error);
        }
    }
    tallies.into_iter().map(|(id, tally)| tally.into_row(id, sha256)).collect()
}

impl<'a> Tally<'a> {
    fn see(&mut self, probe: &'a Probe) {
        if self.seen.last() != Some(&probe.id.as_str()) {
            self.seen.push(&probe.id);
            self.elapsed_ms += probe.elapsed_ms;
        }
    }

    fn wrong(&mut self, probe: &'a Probe, reason: Option<&str>, list: fn(&mut Self) -> &mut Vec<&'a str>) {
        let list = list(self);
        if list.last() != Some(&probe.id.as_str()) {
            list.push(&probe.id);
        }
        if self.reason.is_none() {
            self.reason = reason.map(|reason| format!("{}: {reason}", probe.id));
        }
    }

    fn into_row(mut self, id: &'static str, sha256: &str) -> RowCheck {
        let row = guide::find(id);
        let (verdict, shown) = if !self.fail.is_empty() {
            (RowVerdict::Fail, std::mem::take(&mut self.fail))
        } else if !self.error.is_empty() {
            (RowVerdict::Error, std::mem::take(&mut self.error))
        } else if self.undeclared || self.pass == 0 {
            (RowVerdict::Skip, std::mem::take(&mut self.skip))
        } else {
            (RowVerdict::Pass, self.seen.clone())
        };
        let wrong = if verdict == RowVerdict::Pass { 0 } else { shown.len() };
        let evidence = |probe: &str| Evidence { probe: probe.to_owned(), artifact: HEADERS_FILE, sha256: sha256.to_owned() };
        RowCheck {
            id,
            group: id.rsplit_once('-').map_or(id, |(group, _)| group),
            title: row.map_or("", |row| row.title),
            guide_line: row.and_then(|row| row.guide_line),
            verdict,
            severity: row.map_or(Severity::Medium, |row| row.severity),
            evidence: shown.into_iter().map(evidence).collect(),
            expected: format!("{} of {} probes", self.seen.len(), self.seen.len()),
            observed: format!("{} of {} probes", self.seen.len() - wrong, self.seen.len()),
            elapsed_ms: self.elapsed_ms,
            reason: if verdict == RowVerdict::Pass { None } else { self.reason },
        }
    }
}

fn summary(checks: &[RowCheck]) -> Summary {
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    Summary {
        pass: count(RowVerdict::Pass),
        fail: count(RowVerdict::Fail),
        skip: count(RowVerdict::Skip),
        error: count(RowVerdict::Error),
    }
}

fn mode(outcomes: &[Outcome]) -> &'static str {
    let mut remotes = outcomes.iter().filter_map(|outcome| outcome.connection.as_ref()).map(|connection| connection.remote);
    if remotes.all(|remote: SocketAddr| remote.ip().to_canonical().is_loopback()) { "local" } else { "full" }
}

fn tls(plan: &Plan, found: &Found<'_>, now: Timestamp) -> Option<TlsSection> {
    let leaves = found.outcomes.iter().filter_map(|outcome| {
        let der = outcome.connection.as_ref()?.leaf.as_ref()?;
        Some((&outcome.spec.host, Leaf::read(der)?))
    });
    let leaves: Vec<_> = leaves.collect();
    let (_, leaf) = leaves.iter().find(|(host, _)| *host == plan.origin.host())?;
    Some(TlsSection {
        issuer: leaf.issuer.clone(),
        staging: leaf.staging,
        production_seen: leaves.iter().any(|(_, leaf)| leaf.production),
        directory: plan.options.directory.clone(),
        san: leaf.names.clone(),
        not_before: instant(leaf.not_before),
        not_after: instant(leaf.not_after),
        days_remaining: leaf.days_remaining(now),
        self_signed: leaf.self_signed,
        // With trust anchors no handshake stands that did not verify.
        chain: if plan.options.roots.is_empty() { "unchecked" } else { "trusted" },
        min_version: found.sections.min_tls,
        store_mode: plan.options.store_mode.clone(),
    })
}

fn gate(name: &str, host: &str, outcomes: &[Outcome]) -> GateSection {
    let status = |vantage: &str, word: &str| {
        let id = format!("gate-{name}-{vantage}-{word}");
        outcomes.iter().find(|outcome| outcome.spec.id == id)?.answer.as_ref().map(|answer| answer.status)
    };
    let statuses = |vantage: &str| GateStatuses {
        none: status(vantage, "none"),
        wrong: status(vantage, "wrong"),
        right: status(vantage, "right"),
    };
    GateSection { ui: name.to_owned(), host: host.to_owned(), outside: statuses("outside"), inside: statuses("inside") }
}
