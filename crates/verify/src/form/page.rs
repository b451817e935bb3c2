//! The report as a page that a person reads: what was promised, what was seen, and what to do.
//!
//! The page needs nothing else: its style stands in it and is the one thing that its policy lets in.

use askama::Template;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wrong::{self, Wrong};
use crate::evidence::{Probe, UNDECLARED};
use crate::fix;
use crate::guide::Severity;
use crate::report::Report;
use crate::score::Score;
use crate::verification::{GateStatuses, RowCheck, RowVerdict, Verification};

const STYLE: &str = include_str!("../../templates/report.css");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: &'static str,
    style_hash: String,
    run: &'a Verification,
    score: Option<&'a Score>,
    wrong: Vec<Card<'a>>,
    right: Vec<&'a RowCheck>,
    /// Left out on purpose: nothing to worry about, and nothing to rely on.
    left_out: Vec<Card<'a>>,
    failures: &'a [String],
    probes: &'a [Probe],
}

/// A row that is not as it should be.
struct Card<'a> {
    row: &'a RowCheck,
    word: &'static str,
    weight: &'static str,
    fix: &'static str,
    shown: Vec<Wrong<'a>>,
}

impl Card<'_> {
    fn is_left_out(&self) -> bool {
        self.row.verdict == RowVerdict::Skip && self.shown.iter().all(|one| one.expected != UNDECLARED)
    }
}

pub(super) fn render(report: &Report) -> askama::Result<String> {
    let hash = digest::digest(&digest::SHA256, STYLE.as_bytes());
    let (right, wrong): (Vec<&RowCheck>, Vec<&RowCheck>) =
        report.verification.checks.iter().partition(|row| wrong::is_right(row));
    let cards = wrong.into_iter().map(|row| card(report, row));
    let (left_out, wrong): (Vec<_>, Vec<_>) = cards.partition(Card::is_left_out);
    let page = Page {
        style: STYLE,
        style_hash: STANDARD.encode(hash),
        run: &report.verification,
        score: report.headers.score.as_ref(),
        wrong,
        right,
        left_out,
        failures: &report.headers.failures,
        probes: &report.headers.probes,
    };
    page.render()
}

fn card<'a>(report: &'a Report, row: &'a RowCheck) -> Card<'a> {
    let word = match row.verdict {
        RowVerdict::Fail => "not kept",
        RowVerdict::Error => "could not be seen",
        RowVerdict::Skip => "not looked at",
        RowVerdict::Pass => "kept",
    };
    let weight = match row.severity {
        Severity::Critical => "a door stands open",
        Severity::High => "a defence is missing",
        Severity::Medium => "a second line of defence is missing",
        Severity::Low => "hygiene",
    };
    Card { row, word, weight, fix: fix::of(row.id).unwrap_or_default(), shown: wrong::of_row(report, row) }
}

/// The three statuses at a gate in words.
fn statuses(statuses: &GateStatuses) -> String {
    let word = |status: Option<u16>| status.map_or_else(|| "–".to_owned(), |status| status.to_string());
    format!("{} / {} / {}", word(statuses.none), word(statuses.wrong), word(statuses.right))
}

/// A status, or a dash.
fn status(probe: &Probe) -> String {
    probe.response.as_ref().map_or_else(|| "–".to_owned(), |response| response.status.to_string())
}

/// A time as people write it; seconds are in the machine's file.
fn minute(instant: &str) -> String {
    match (instant.get(..10), instant.get(11..16)) {
        (Some(day), Some(time)) => format!("{day}, {time} UTC"),
        _ => instant.to_owned(),
    }
}
