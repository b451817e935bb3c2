//! JUnit's XML. A row is a test case: one that fails or cannot be looked at breaks the build.

use std::fmt::Write as _;

use super::wrong;
use crate::fix;
use crate::report::Report;
use crate::verification::{RowCheck, RowVerdict};

pub(super) fn render(report: &Report) -> String {
    let run = &report.verification;
    let missing: Vec<&str> = run.artifacts.missing.clone();
    let left: Vec<&String> = report.headers.failures.iter().filter(|line| line.starts_with("throw-away account")).collect();
    let more = usize::from(!missing.is_empty()) + usize::from(!left.is_empty());
    let millis: u64 = run.checks.iter().map(|row| row.elapsed_ms).sum();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        run.checks.len() + more,
        run.summary.fail + more,
        run.summary.error,
        run.summary.skip,
        seconds(millis),
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(out, "<testsuites name=\"doorward verify\" {counts}>");
    let (domain, at) = (escape(&run.domain), escape(&run.started_at));
    let _ = writeln!(out, "  <testsuite name=\"{domain}\" timestamp=\"{at}\" {counts}>");
    for row in &run.checks {
        case(&mut out, report, row);
    }
    if !missing.is_empty() {
        extra(&mut out, "every row was looked at", &missing.join(", "));
    }
    if !left.is_empty() {
        extra(&mut out, "throw-away accounts are removed", &left.iter().map(|line| line.as_str()).collect::<Vec<_>>().join("; "));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn case(out: &mut String, report: &Report, row: &RowCheck) {
    let name = escape(&format!("{} {}", row.id, row.title));
    let _ = write!(out, "    <testcase classname=\"{}\" name=\"{name}\" time=\"{}\"", escape(row.group), seconds(row.elapsed_ms));
    let element = match row.verdict {
        RowVerdict::Pass => return out.push_str("/>\n"),
        RowVerdict::Fail => "failure",
        RowVerdict::Error => "error",
        RowVerdict::Skip => "skipped",
    };
    let message = escape(row.reason.as_deref().unwrap_or("not as it should be"));
    let _ = write!(out, ">\n      <{element} message=\"{message}\">");
    for wrong in wrong::of_row(report, row) {
        let (expected, observed) = (escape(wrong.expected), escape(wrong.observed));
        let _ = writeln!(out, "{}: {}", escape(&wrong.probe.id), escape(&wrong.reason));
        let _ = writeln!(out, "  expected {expected}\n  observed {observed}");
    }
    if let Some(fix) = fix::of(row.id) {
        let _ = writeln!(out, "To do: {}", escape(fix));
    }
    let _ = writeln!(out, "</{element}>\n    </testcase>");
}

fn extra(out: &mut String, name: &str, message: &str) {
    let _ = writeln!(
        out,
        "    <testcase classname=\"VER\" name=\"{}\"><failure message=\"{}\"/></testcase>",
        escape(name),
        escape(message)
    );
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

/// For text and attributes alike; characters that XML cannot hold become a replacement.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => drop(write!(out, "&#{};", u32::from(c))),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
