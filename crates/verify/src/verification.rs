//! `verification-report.json`: the run by rows of the catalogue, with certificate and gates.
//!
//! The shape is that of `docs/schema/verification-report.schema.json`. `ok` is true only when nothing is wrong and every row of a full
//! verification was looked at or declared away; `artifacts.missing` names the others.

use serde::Serialize;

use crate::guide::Severity;

/// Name of the shape and its version.
pub const SCHEMA: &str = "doorward/verification/1";

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
    /// Declared against observed; `null` where nobody looked.
    pub exposure: Option<ExposureSection>,
    /// Each limit that was tried.
    pub rate_limits: Vec<RateLimit>,
    /// What the flows of accounts came to.
    pub auth_flows: AuthFlows,
    /// Planted secrets; `null` where the sinks are out of reach.
    pub secrets_scan: Option<SecretsScan>,
    /// The trail; `null` where it is out of reach.
    pub audit: Option<AuditSection>,
    /// Percentiles over the run's own looks.
    pub timings: Timings,
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
    /// URL of the directory that certificates are ordered from, as configured.
    pub directory: Option<String>,
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
    /// Lowest version that the site agreed on when it was asked for each; `null` when nobody asked.
    pub min_version: Option<&'static str>,
    /// Mode of the folder of keys, beside the server alone.
    pub store_mode: Option<String>,
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

/// Declared against observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposureSection {
    /// `443/tcp` and the like.
    pub declared: Vec<String>,
    /// What took a connection.
    pub observed: Vec<String>,
    /// Observed and not declared.
    pub unexpected: Vec<String>,
    /// Paths of the internal listener that the public one answers as the internal one would.
    pub internal_paths_public: Vec<String>,
}

/// One limit, tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// Its scope.
    pub scope: String,
    /// As configured.
    pub limit: u32,
    /// As configured, milliseconds.
    pub window_ms: u64,
    /// Which request got the first 429, counted from 1.
    pub first_429_at: Option<u32>,
    /// What it said.
    pub retry_after_s: Option<u32>,
    /// Whether the next request after that time passed; `null` when that was not waited for.
    pub recovered: Option<bool>,
    /// Whether the refusal had body and fields as it should.
    pub shape_ok: bool,
}

/// What the flows of accounts came to; `null` where one was not looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct AuthFlows {
    /// Every forged request was refused.
    pub csrf_rejected: Option<bool>,
    /// Recovery answers alike for known and unknown addresses.
    pub forgot_identical: Option<bool>,
    /// One answer for every link that is no good.
    pub reset_generic: Option<bool>,
    /// Sign-up answers alike for known and unknown addresses.
    pub signup_uniform: Option<bool>,
    /// Known and unknown by the clock.
    pub timing: Option<TimingSection>,
}

impl Eq for AuthFlows {}

/// Known and unknown by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimingSection {
    /// How many pairs were compared.
    pub pairs: usize,
    /// Area under the curve: 0.5 when the two cannot be told apart.
    pub auc: f64,
    /// Difference of the medians, milliseconds.
    pub median_gap_ms: f64,
}

/// Planted secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretsScan {
    /// How many were planted.
    pub canaries: usize,
    /// Where they were looked for.
    pub sinks: Vec<String>,
    /// How many were found.
    pub hits: usize,
}

/// The trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuditSection {
    /// Whether every link holds.
    pub chain_ok: bool,
    /// Entries that the run must have left.
    pub events_expected: usize,
    /// How many of these are there.
    pub events_seen: usize,
}

/// Percentiles over the run's own looks, milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Timings {
    /// 95 of 100 answers of the health check took at most this.
    pub health_p95_ms: Option<u64>,
    /// 99 of 100 refused sign-ins took at most this.
    pub login_p99_ms: Option<u64>,
}
