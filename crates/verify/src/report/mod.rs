//! From what came of the looks to the two files. This is the one place where observed text is written down, so it is redacted here.

pub(crate) mod across;
mod probes;
mod rows;

use std::path::Path;

use aws_lc_rs::digest;
use doorward_kit::{Secret, Timestamp};
use serde::Serialize;

use crate::evidence::{self, SecurityHeaders, Shorts, Tool, Urls};
use crate::flow::Sections;
use crate::plan::{Intent, Plan};
use crate::redact::Redactor;
use crate::run::Outcome;
use crate::verification::Verification;
use crate::write::{self, WriteError};

/// File name of the evidence.
pub const HEADERS_FILE: &str = "security-headers.json";
/// File name of the report by rows.
pub const VERIFICATION_FILE: &str = "verification-report.json";

/// What a run found, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The evidence; its `ok` decides.
    pub headers: SecurityHeaders,
    /// The same run by rows of the catalogue.
    pub verification: Verification,
}

impl Report {
    /// Whether nothing was wrong or missing.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.headers.ok
    }

    /// Writes both files into `dir`, which is made if need be. Each appears whole or not at all; the evidence comes first.
    ///
    /// # Errors
    /// [`WriteError`] with the file that could not be written; an older one is then still there.
    pub fn write(&self, dir: &Path) -> Result<(), WriteError> {
        let tag = &self.headers.run_id;
        for (name, text) in [(HEADERS_FILE, text_of(&self.headers)), (VERIFICATION_FILE, text_of(&self.verification))] {
            let text = text.map_err(|error| WriteError { path: dir.join(name), source: error.into() })?;
            write::replace(dir, name, tag, text.as_bytes())?;
        }
        Ok(())
    }

    pub(crate) fn make(plan: &Plan, run_id: &str, (from, to): (Timestamp, Timestamp), found: &Found<'_>) -> Self {
        let outcomes = found.outcomes;
        let mut redactor = learn(plan, found);
        let probes: Vec<_> = outcomes.iter().map(|outcome| probes::evidence(outcome, &mut redactor)).collect();
        let failures = failures(found, &redactor);
        let short = |id: &str| probes.iter().find(|probe| probe.id == id).map(probes::short).unwrap_or_default();
        let health = format!("{}/api/health", plan.origin);
        let headers = SecurityHeaders {
            schema: evidence::SCHEMA,
            run_id: run_id.to_owned(),
            started_at: instant(from),
            finished_at: instant(to),
            tool: Tool { name: "doorward-verify", version: env!("CARGO_PKG_VERSION"), config_sha256: plan.config_sha256.clone() },
            ok: failures.is_empty(),
            failures,
            urls: Urls { root: format!("{}/", plan.origin), api_health: (plan.intent == Intent::Site).then_some(health) },
            headers: Shorts { root: short("root-get"), api_health: short("api-health-get") },
            probes,
            score: crate::score::of_run(plan, outcomes),
            redactions: redactor.counts,
        };
        let sha256 =
            text_of(&headers).map(|text| hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())).unwrap_or_default();
        let verification = rows::verification(plan, &headers, found, to, &sha256);
        Self { headers, verification }
    }
}

/// What a run came to.
pub(crate) struct Found<'a> {
    pub(crate) outcomes: &'a [Outcome],
    pub(crate) sections: &'a Sections,
    /// Secrets of the run: no file may hold one.
    pub(crate) canaries: &'a [Secret<String>],
    /// Throw-away accounts that could not be removed.
    pub(crate) left_behind: &'a [String],
}

/// Every secret that any answer held, before the first is written down.
fn learn(plan: &Plan, found: &Found<'_>) -> Redactor {
    let mut redactor = Redactor::default();
    for credential in &plan.options.credentials {
        redactor.remember(credential.password.expose());
    }
    for canary in found.canaries {
        redactor.remember(canary.expose());
    }
    for outcome in found.outcomes {
        if let Some(value) = &outcome.spec.authorization {
            redactor.remember(value.expose().trim_start_matches("Basic "));
        }
        for answer in outcome.answer.iter().chain(&outcome.first) {
            for (name, value) in answer.fields.iter().chain(&answer.trailers) {
                redactor.learn(name, value);
            }
        }
    }
    redactor
}

/// One line for each thing that is wrong. An answer that did not come is one, and so is a look that nobody declared away.
fn failures(found: &Found<'_>, redactor: &Redactor) -> Vec<String> {
    let mut lines: Vec<String> = found.left_behind.iter().map(|left| format!("throw-away account not removed: {left}")).collect();
    for outcome in found.outcomes {
        let id = &outcome.spec.id;
        match &outcome.spec.skip {
            Some(skip) if !skip.declared => lines.push(format!("{id}: skipped: {}", skip.reason)),
            _ => {}
        }
        if let Some(fault) = &outcome.fault {
            lines.push(format!("{id}: {}", redactor.text(&fault.to_string())));
        }
        for finding in &outcome.findings {
            if let Some(fault) = &finding.fault {
                lines.push(format!("{id}: {}: {}", finding.subject, redactor.text(fault)));
            }
        }
    }
    lines
}

/// Pretty JSON with a line end, as both files are written.
fn text_of(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n")
}

/// UTC with milliseconds.
fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
