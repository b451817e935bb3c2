//! `security-headers.json`: every request that was made, every answer as it was on the wire, and what is wrong with it.
//!
//! The shape is that of `docs/schema/security-headers.schema.json`. Names of fields are in lower case, their order is that of the
//! wire, duplicates are pairs of their own. Over HTTP/2 equal names stand together, since the library gives them that way.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::Vantage;
pub use crate::redact::Redactions;
pub use crate::score::Score;

/// What a skip that nobody declared was to be.
pub(crate) const UNDECLARED: &str = "a look";
/// Name of the shape and its version.
pub const SCHEMA: &str = "doorward/security-headers/1";

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecurityHeaders {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The same in both files of a run.
    pub run_id: String,
    /// UTC, milliseconds.
    pub started_at: String,
    /// UTC, milliseconds.
    pub finished_at: String,
    /// Who looked, and by which configuration.
    pub tool: Tool,
    /// Whether nothing at all was wrong or missing; decides the exit code.
    pub ok: bool,
    /// `probe: subject: reason`, one for each deviation.
    pub failures: Vec<String>,
    /// Where the short headers come from.
    pub urls: Urls,
    /// The values that are asked for most often.
    pub headers: Shorts,
    /// Everything that was looked at, in order.
    pub probes: Vec<Probe>,
    /// What a public scanner would give; `null` where one would give none, since the site is down or refuses.
    pub score: Option<Score>,
    /// What was removed from the evidence.
    pub redactions: Redactions,
}

/// Who looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// `doorward-verify`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Hexadecimal SHA-256 of the configuration; `null` for a site without one.
    pub config_sha256: Option<String>,
}

/// Where the short headers come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Urls {
    /// The root.
    pub root: String,
    /// The API's health; `null` for a site without one.
    pub api_health: Option<String>,
}

/// The values that are asked for most often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shorts {
    /// Of `root-get`.
    pub root: Short,
    /// Of `api-health-get`.
    pub api_health: Short,
}

/// Values of six headers; several of one name are joined with a comma, a missing one is `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Short {
    /// `Content-Security-Policy`
    pub csp: Option<String>,
    /// `Strict-Transport-Security`
    pub hsts: Option<String>,
    /// `X-Frame-Options`
    pub xfo: Option<String>,
    /// `X-Content-Type-Options`
    pub xcto: Option<String>,
    /// `Permissions-Policy`
    pub pp: Option<String>,
    /// `Referrer-Policy`
    pub rp: Option<String>,
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Probe {
    /// Stable.
    pub id: String,
    /// `public-html`, `token-html`, `asset`, `api-json`, `plain-http` or `gated-ui`.
    pub class: &'static str,
    /// From which side.
    pub vantage: Vantage,
    /// What was asked, or would have been.
    pub request: Request,
    /// `null` when none came to stand.
    pub connection: Option<Connection>,
    /// `null` when none came.
    pub response: Option<Response>,
    /// Findings, good and bad.
    pub checks: Vec<Check>,
    /// Of the whole exchange, milliseconds.
    pub elapsed_ms: u64,
    /// Why there is no answer.
    pub error: Option<String>,
}

/// What was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Method.
    pub method: &'static str,
    /// URL, its query removed.
    pub url: String,
    /// `1.1` or `2`.
    pub http_version: &'static str,
    /// Fields, in order.
    pub headers: Vec<(String, String)>,
}

/// The connection that an answer came over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Address and port.
    pub remote: String,
    /// Server name that was sent; `null` without TLS or for an address.
    pub sni: Option<String>,
    /// `1.2`, `1.3`, or `null` without TLS.
    pub tls: Option<&'static str>,
    /// What ALPN agreed on.
    pub alpn: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Response {
    /// As it came.
    pub status: u16,
    /// `null` where more than one is right.
    pub status_expected: Option<u16>,
    /// Fields as they were on the wire, secrets removed.
    pub headers: Vec<(String, String)>,
    /// Trailer fields.
    pub trailers: Vec<(String, String)>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The row that asks for it.
    pub id: &'static str,
    /// A header's name, or `status` or `body`.
    pub header: String,
    /// How many fields of that name came.
    pub count: usize,
    /// What is right.
    pub expected: String,
    /// What came.
    pub observed: String,
    /// Which of the three.
    pub verdict: CheckVerdict,
    /// Why not `pass`.
    pub reason: Option<String>,
    /// A policy taken apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parsed: Option<BTreeMap<String, Vec<String>>>,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckVerdict {
    /// As it should be.
    Pass,
    /// Otherwise.
    Fail,
    /// Not looked at; makes the run fail unless somebody declared it.
    Skip,
}
