//! `verification-report.json`: the run by rows of the catalogue, with certificate and gates.
//!
//! The shape is that of `docs/schema/verification-report.schema.json`. Sections that this version does not look at are `null`, and
//! `artifacts.missing` names their rows. `ok` is true only when nothing is wrong and nothing is missing, so it stays false until
//! those rows are looked at; the exit code follows `ok` of `security-headers.json`.

use serde::Serialize;

use crate::guide::Severity;

/// Name of the shape and its version.
pub const SCHEMA: &str = "doorward/verification/1";

/// A part that this version does not observe: always `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unobserved {}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The same in both files of a run.
    pub run_id: String,
    /// `local` when every connection stayed on this machine, else `full`.
    pub mode: &'static str,
    /// `development`, `staging` or `production`; `null` for a site without a configuration.
    pub env: Option<&'static str>,
    /// The site's host.
    pub domain: String,
    /// UTC, milliseconds.
    pub started_at: String,
    /// UTC, milliseconds.
    pub finished_at: String,
    /// Whether nothing is wrong and nothing is missing.
    pub ok: bool,
    /// Checks by verdict.
    pub summary: Summary,
    /// One for each row that was looked at.
    pub checks: Vec<RowCheck>,
    /// The site's certificate; `null` when none was seen.
    pub tls: Option<TlsSection>,
    /// Statuses at each gate.
    pub gates: Vec<GateSection>,
    /// Not in this version.
    pub exposure: Option<Unobserved>,
    /// Not in this version.
    pub rate_limits: Option<Unobserved>,
    /// Not in this version.
    pub auth_flows: Option<Unobserved>,
    /// Not in this version.
    pub secrets_scan: Option<Unobserved>,
    /// Not in this version.
    pub audit: Option<Unobserved>,
    /// Not in this version: one look at each thing says nothing of percentiles.
    pub timings: Option<Unobserved>,
    /// What was written beside this file, and what is missing.
    pub artifacts: Artifacts,
}

/// Checks by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// As it should be.
    pub pass: usize,
    /// Otherwise.
    pub fail: usize,
    /// Not looked at.
    pub skip: usize,
    /// Could not be looked at.
    pub error: usize,
}

/// What was found about one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowCheck {
    /// The row.
    pub id: &'static str,
    /// Its group.
    pub group: &'static str,
    /// What it asks for.
    pub title: &'static str,
    /// Line of the guide; `null` where the guide implies it.
    pub guide_line: Option<u32>,
    /// `pass`, `fail`, `skip` or `error`.
    pub verdict: RowVerdict,
    /// What a breach is worth.
    pub severity: Severity,
    /// The probes that show it: those that fail if any does.
    pub evidence: Vec<Evidence>,
    /// What is right.
    pub expected: String,
    /// What was seen.
    pub observed: String,
    /// Of all its probes together, milliseconds.
    pub elapsed_ms: u64,
    /// The first thing that is wrong.
    pub reason: Option<String>,
}

/// What was found about a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowVerdict {
    /// As it should be.
    Pass,
    /// Otherwise.
    Fail,
    /// Not looked at.
    Skip,
    /// Could not be looked at.
    Error,
}

/// Where a finding can be read in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Evidence {
    /// Id of the probe.
    pub probe: String,
    /// File name, beside this file.
    pub artifact: &'static str,
    /// Hexadecimal SHA-256 of that file.
    pub sha256: String,
}

/// The certificate that the site serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TlsSection {
    /// Issuer's name.
    pub issuer: String,
    /// Whether it is of a staging hierarchy.
    pub staging: bool,
    /// Whether any host served a production certificate.
    pub production_seen: bool,
    /// Not in this version: the directory is not on the wire.
    pub directory: Option<Unobserved>,
    /// Names that it is for.
    pub san: Vec<String>,
    /// UTC.
    pub not_before: String,
    /// UTC.
    pub not_after: String,
    /// Whole days; negative when it has ended.
    pub days_remaining: i64,
    /// Whether issuer and subject are one.
    pub self_signed: bool,
    /// `trusted` when it verified against the trust anchors that were given, `unchecked` when none were.
    pub chain: &'static str,
    /// Not in this version.
    pub min_version: Option<Unobserved>,
    /// Not in this version: a mode is not on the wire.
    pub store_mode: Option<Unobserved>,
}

/// Statuses at one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GateSection {
    /// Its name.
    pub ui: String,
    /// Its host.
    pub host: String,
    /// From outside.
    pub outside: GateStatuses,
    /// From inside.
    pub inside: GateStatuses,
}

/// Statuses by credentials; `null` where nothing came or nothing was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct GateStatuses {
    /// Without any.
    pub none: Option<u16>,
    /// With wrong ones.
    pub wrong: Option<u16>,
    /// With right ones.
    pub right: Option<u16>,
}

/// What was written beside this file, and what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Artifacts {
    /// File name of the evidence.
    pub security_headers: &'static str,
    /// Whether every row of a full verification was looked at.
    pub complete: bool,
    /// The rows that were not.
    pub missing: Vec<&'static str>,
}
