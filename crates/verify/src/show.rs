//! A run as a person reads it. Colour only underlines: every mark has its word beside it.

use std::fmt::Write as _;

use doorward_kit::redact::Visible;

use crate::evidence::{Check, CheckVerdict, Probe, UNDECLARED};
use crate::report::Report;
use crate::run::Glance;
use crate::{fix, guide};

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

/// What is wrong, the certificate, and the sum of it.
#[must_use]
pub fn summary(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    let probes = &report.headers.probes;
    for deviation in deviations(probes) {
        deviation.tell(&mut out, paint);
    }
    if !out.is_empty() {
        out.insert_str(0, &format!("\n{}\n", paint.bold("What is wrong")));
    }
    certificate(&mut out, report, paint);
    score(&mut out, report, paint);
    let left_out = probes.iter().filter(|probe| probe.checks.iter().any(|check| check.verdict == CheckVerdict::Skip)).count();
    let checks: usize = probes.iter().map(|probe| probe.checks.len()).sum();
    let (verdict, words) = match report.headers.failures.len() {
        0 => (CheckVerdict::Pass, "✓ No deviation".to_owned()),
        1 => (CheckVerdict::Fail, "✗ One deviation".to_owned()),
        many => (CheckVerdict::Fail, format!("✗ {many} deviations")),
    };
    let words = paint.verdict(verdict, &paint.bold(&words));
    let _ = writeln!(out, "\n{words}  in {} probes and {checks} checks, {left_out} left out", probes.len());
    out
}

/// One thing that is wrong, with every probe that shows it.
struct Deviation<'a> {
    row: Option<&'a str>,
    title: String,
    reason: &'a str,
    values: Option<(&'a str, &'a str)>,
    probes: Vec<&'a str>,
}

/// The same fault in several answers is told once.
fn deviations(probes: &[Probe]) -> Vec<Deviation<'_>> {
    let mut all: Vec<Deviation<'_>> = Vec::new();
    for probe in probes {
        let error = probe.error.as_deref().map(|reason| (None, "no answer".to_owned(), reason, None));
        let checks = probe.checks.iter().filter(|check| is_deviation(check)).map(|check| {
            let values = (check.verdict == CheckVerdict::Fail).then_some((check.expected.as_str(), check.observed.as_str()));
            (Some(check.id), format!("{} {}", check.id, check.header), check.reason.as_deref().unwrap_or_default(), values)
        });
        for (row, title, reason, values) in error.into_iter().chain(checks) {
            match all.iter_mut().find(|old| old.title == title && old.reason == reason && old.values == values) {
                Some(old) => old.probes.push(&probe.id),
                None => all.push(Deviation { row, title, reason, values, probes: vec![&probe.id] }),
            }
        }
    }
    all
}

/// Skips that nobody declared count as much as failures.
fn is_deviation(check: &Check) -> bool {
    check.verdict == CheckVerdict::Fail || (check.verdict == CheckVerdict::Skip && check.expected == UNDECLARED)
}

impl Deviation<'_> {
    fn tell(&self, out: &mut String, paint: Paint) {
        let title = paint.verdict(CheckVerdict::Fail, &format!("✗ {}", self.title));
        let _ = writeln!(out, "\n  {title}  {}", Visible::new(self.reason, 200));
        if let Some((expected, observed)) = self.values {
            let _ = writeln!(out, "      {}  {}", paint.dim("expected"), Visible::new(expected, VALUE_CHARS));
            let _ = writeln!(out, "      {}  {}", paint.dim("observed"), Visible::new(observed, VALUE_CHARS));
        }
        let _ = writeln!(out, "      {}  {}", paint.dim("seen in "), self.probes.join(", "));
        let row = self.row.and_then(guide::find);
        if let Some(row) = row {
            let line = row.guide_line.map(|line| format!(" (line {line} of the guide)")).unwrap_or_default();
            let _ = writeln!(out, "      {}  {}{line}", paint.dim("promised"), row.title);
        }
        if let Some(fix) = row.and_then(|row| fix::of(row.id)) {
            let _ = writeln!(out, "      {}  {fix}", paint.dim("to do   "));
        }
    }
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

fn score(out: &mut String, report: &Report, paint: Paint) {
    let Some(score) = &report.headers.score else { return };
    let public = &score.public_scan_expected;
    let _ = writeln!(
        out,
        "{}        {} ({}) by MDN's Observatory where the certificate is trusted; {} ({}) from the public net: {}",
        paint.bold("Score"),
        score.grade,
        score.value,
        public.grade,
        public.value,
        public.why
    );
}
