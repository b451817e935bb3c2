//! A run as a person reads it. Colour only underlines: every mark has its word beside it.

use std::fmt::Write as _;

use doorward_kit::redact::Visible;

use crate::evidence::{Check, CheckVerdict, Probe};
use crate::report::Report;
use crate::run::Glance;

/// How much of a header's value is shown.
const VALUE_CHARS: usize = 400;

/// Whether there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// ANSI colours.
    Colour,
    /// Letters alone.
    Plain,
}

impl Paint {
    fn verdict(self, verdict: CheckVerdict, text: &str) -> String {
        let code = match verdict {
            CheckVerdict::Pass => "32",
            CheckVerdict::Fail => "31",
            CheckVerdict::Skip => "33",
        };
        self.code(code, text)
    }

    fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    fn dim(self, text: &str) -> String {
        self.code("2", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self == Self::Colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn mark(verdict: CheckVerdict) -> &'static str {
    match verdict {
        CheckVerdict::Pass => "✓ pass",
        CheckVerdict::Fail => "✗ fail",
        CheckVerdict::Skip => "– skip",
    }
}

/// One look on one line; `width` is that of the longest probe id.
#[must_use]
pub fn line(glance: &Glance, width: usize, paint: Paint) -> String {
    let status = glance.status.map_or_else(|| "–".to_owned(), |status| status.to_string());
    let head = format!(
        "  {}  {:<width$}  {:<7}  {status:>3}  {:>5} ms  {}",
        paint.verdict(glance.verdict, mark(glance.verdict)),
        glance.id,
        glance.vantage.as_str(),
        glance.elapsed_ms,
        Visible::new(&glance.request, 60),
    );
    match &glance.note {
        Some(note) => format!("{head}  {}", paint.dim(&Visible::new(note, 160).to_string())),
        None => head,
    }
}

/// What is wrong, what was left out, the certificate, and the sum of it.
#[must_use]
pub fn summary(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    let probes = &report.headers.probes;
    for probe in probes {
        deviations(&mut out, probe, paint);
    }
    if !out.is_empty() {
        out.insert_str(0, &format!("\n{}\n", paint.bold("What is wrong")));
    }
    certificate(&mut out, report, paint);
    let left_out = probes.iter().filter(|probe| probe.checks.iter().any(|check| check.verdict == CheckVerdict::Skip)).count();
    let checks: usize = probes.iter().map(|probe| probe.checks.len()).sum();
    let failures = report.headers.failures.len();
    let (verdict, words) = match failures {
        0 => (CheckVerdict::Pass, "✓ The site is as the guide asks".to_owned()),
        1 => (CheckVerdict::Fail, "✗ One deviation".to_owned()),
        many => (CheckVerdict::Fail, format!("✗ {many} deviations")),
    };
    let _ = writeln!(
        out,
        "\n{}  {} probes, {checks} checks, {left_out} left out",
        paint.verdict(verdict, &paint.bold(&words)),
        probes.len()
    );
    out
}

fn deviations(out: &mut String, probe: &Probe, paint: Paint) {
    if let Some(error) = &probe.error {
        let _ = writeln!(
            out,
            "\n  {} {}\n      {}",
            paint.verdict(CheckVerdict::Fail, "✗ no answer"),
            probe.id,
            Visible::new(error, 200)
        );
    }
    for check in probe.checks.iter().filter(|check| is_deviation(check)) {
        let _ = writeln!(
            out,
            "\n  {} {} · {}\n      {}",
            paint.verdict(CheckVerdict::Fail, &format!("✗ {}", check.id)),
            probe.id,
            check.header,
            Visible::new(check.reason.as_deref().unwrap_or_default(), 200),
        );
        if check.verdict == CheckVerdict::Fail {
            let _ = writeln!(out, "      {} {}", paint.dim("expected"), Visible::new(&check.expected, VALUE_CHARS));
            let _ = writeln!(out, "      {} {}", paint.dim("observed"), Visible::new(&check.observed, VALUE_CHARS));
        }
    }
}

/// Skips that nobody declared count as much as failures.
fn is_deviation(check: &Check) -> bool {
    check.verdict == CheckVerdict::Fail || (check.verdict == CheckVerdict::Skip && check.expected == "a look")
}

fn certificate(out: &mut String, report: &Report, paint: Paint) {
    let Some(tls) = &report.verification.tls else { return };
    let kind = match (tls.self_signed, tls.staging) {
        (true, _) => "self-signed",
        (_, true) => "staging",
        _ if tls.production_seen => "production",
        _ => "issued",
    };
    let chain = if tls.chain == "trusted" { "chain verified" } else { "chain not checked" };
    let _ = writeln!(
        out,
        "\n{}  {kind} by {}, {} days left, {chain}",
        paint.bold("Certificate"),
        Visible::new(&tls.issuer, 120),
        tls.days_remaining
    );
}
