//! The rows that a run looks at: their title, their line of the guide and what a breach of them is worth.

use crate::evidence::{CheckVerdict, Probe, UNDECLARED};

/// How bad a breach is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// A door stands open.
    Critical,
    /// A defence is missing.
    High,
    /// A defence in depth is missing.
    Medium,
    /// Evidence or hygiene.
    Low,
}

/// One row.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// `None` where the guide implies the row.
    pub(crate) guide_line: Option<u32>,
    pub(crate) severity: Severity,
}

const fn row(id: &'static str, guide_line: Option<u32>, severity: Severity, title: &'static str) -> Row {
    Row { id, title, guide_line, severity }
}

/// Every row that a check can bear.
pub(crate) const ROWS: &[Row] = &[
    row("AUD-01", Some(30), Severity::Medium, "what a run did stands in the audit trail"),
    row("AUD-07", None, Severity::High, "every link of the audit trail holds"),
    row("CSRF-02", Some(5), Severity::High, "a CSRF token is good for its own session alone"),
    row("CSRF-13", Some(5), Severity::High, "sign-in takes nothing from another site"),
    row("CSRF-14", Some(5), Severity::High, "nobody is signed out without a token"),
    row("CSRF-15", Some(5), Severity::High, "CSRF cookie is Secure, SameSite=Strict, host-only and readable by script"),
    row("ENUM-02", Some(24), Severity::High, "sign-up does not tell whether there is an account"),
    row("ERR-01", Some(21), Severity::Medium, "API errors are exactly {\"detail\": string}"),
    row("EXPO-01", Some(9), Severity::Critical, "only the edge's ports are open"),
    row("EXPO-03", Some(9), Severity::High, "a host that is not declared is answered by nobody"),
    row("EXPO-04", Some(9), Severity::High, "what the internal listener serves is not public"),
    row("EXPO-08", Some(9), Severity::Medium, "answers do not name what runs behind the door"),
    row("EXPO-12", Some(9), Severity::High, "ports and routes are what is declared"),
    row("FORGOT-01", Some(25), Severity::High, "recovery does not tell whether there is an account"),
    row("GATE-04", Some(8), Severity::Critical, "nobody is inside by saying so"),
    row("GATE-08", Some(8), Severity::Critical, "a path that could be read in two ways is refused"),
    row("GATE-01", Some(8), Severity::Critical, "gated UIs ask allowlisted callers for a password"),
    row("GATE-03", Some(8), Severity::Critical, "outsiders get one constant 403, whatever they show"),
    row("GATE-19", Some(8), Severity::High, "the gate's challenge is basic, UTF-8 and names nothing"),
    row("HDR-01", Some(15), Severity::High, "HSTS for at least a year with sub-domains on every HTTPS answer"),
    row("HDR-02", Some(15), Severity::Low, "no HSTS over plain HTTP"),
    row("HDR-03", Some(15), Severity::High, "content types are not sniffed"),
    row("HDR-04", Some(15), Severity::High, "pages cannot be framed"),
    row("HDR-05", Some(15), Severity::Medium, "one referrer policy per class of answer"),
    row("HDR-06", Some(16), Severity::High, "an enforced content security policy on every answer"),
    row("HDR-07", Some(16), Severity::Medium, "unused browser features are off"),
    row("HDR-08", None, Severity::Medium, "answers are isolated from other origins"),
    row("HDR-09", Some(16), Severity::High, "no header of an upstream overrides or joins the edge's"),
    row("HDR-11", Some(15), Severity::Medium, "HEAD and OPTIONS answer with the headers of GET"),
    row("HDR-13", Some(15), Severity::Medium, "deprecated and talkative headers are absent"),
    row("HDR-15", None, Severity::High, "caches keep what they may and nothing else"),
    row("HDR-16", Some(16), Severity::Low, "policy violations can be reported"),
    row("RESET-01", Some(26), Severity::High, "every link that is no good gets one answer"),
    row("RESET-02", Some(26), Severity::Critical, "a link of recovery works once"),
    row("PROXY-02", None, Severity::Critical, "nobody is somebody by sending the fields that say who is there"),
    row("HTTP-01", None, Severity::High, "heads that two servers could read differently are refused"),
    row("HTTP-02", None, Severity::High, "lengths that can be read differently are refused"),
    row("HTTP-03", None, Severity::High, "a transfer coding is chunked or nothing"),
    row("SES-01", Some(4), Severity::High, "cookies are Secure, SameSite and, for sessions, HttpOnly and host-only"),
    row("SES-07", Some(4), Severity::High, "sign-in gives a new credential"),
    row("SES-08", Some(4), Severity::High, "a credential that the site did not make opens nothing"),
    row("SES-09", Some(4), Severity::High, "sign-out ends the session on the server"),
    row("TLS-15", None, Severity::High, "no version of TLS before 1.2 is agreed on"),
    row("TLS-16", Some(15), Severity::High, "plain HTTP redirects pages and refuses the API"),
    row("TLS-18", Some(12), Severity::High, "the served certificate is not a production one"),
    row("VER-02", Some(17), Severity::High, "every class of answer was seen as it should be"),
    row("VER-12", Some(31), Severity::High, "no planted secret is in what the site writes"),
    row("VER-14", Some(17), Severity::High, "the site's names lead to the intended address"),
];

/// Rows of the catalogue that a full verification looks at, with the ids that must have been looked at for each.
const MANDATORY: &[(&str, &[&str])] = &[
    ("VER-08", &["root-get"]),
    ("VER-09", &["exposure-ports", "exposure-routes", "exposure-unknown-host", "exposure-internal"]),
    // No flow looks at the recovery yet: a minute's window does not fit into a run.
    ("VER-10", &["api-429", "limit-recovery"]),
    (
        "VER-11",
        &[
            "csrf-login-origin",
            "csrf-login-site",
            "csrf-logout-missing",
            "csrf-logout-foreign",
            "csrf-session-lives",
            "signup-known",
            "signup-unknown",
            "forgot-known",
            "forgot-unknown",
            "reset-invented",
            "reset-malformed",
            "reset-once",
            "reset-used",
        ],
    ),
    ("VER-12", &["canary-sinks", "canary-log"]),
];

/// Rows that were not looked at in full: an id is missing, or was skipped without anybody's word.
pub(crate) fn missing(probes: &[Probe]) -> Vec<&'static str> {
    let is_seen = |id: &str| {
        let mut checks = probes.iter().filter(|probe| probe.id == id).flat_map(|probe| &probe.checks).peekable();
        checks.peek().is_some() && checks.all(|check| check.verdict != CheckVerdict::Skip || check.expected != UNDECLARED)
    };
    MANDATORY.iter().filter(|(_, ids)| !ids.iter().all(|id| is_seen(id))).map(|(row, _)| *row).collect()
}

/// The row with an id; an id that the table lacks is shown as it is.
pub(crate) fn find(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == id)
}
