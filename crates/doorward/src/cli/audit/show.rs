//! How entries and progress look.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use doorward_domain::Outcome;
use doorward_domain::audit::AuditRow;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::process::say;

/// One line for a person.
pub(super) fn plain(row: &AuditRow, colour: bool) -> String {
    let record = &row.record;
    let (on, off) = match (colour, record.outcome) {
        (false, _) => ("", ""),
        (true, Outcome::Success) => ("\u{1b}[32m", "\u{1b}[0m"),
        (true, Outcome::Failure | Outcome::Denied) => ("\u{1b}[33m", "\u{1b}[0m"),
        (true, Outcome::Error) => ("\u{1b}[31m", "\u{1b}[0m"),
    };
    let mut line = format!(
        "{:.3}  {}#{}  {:<24} {on}{:<7}{off}",
        record.at,
        record.node,
        row.seq,
        record.event.as_str(),
        record.outcome.as_str()
    );
    let fields = [
        ("reason", record.reason.clone()),
        ("count", record.count.map(|count| count.to_string())),
        ("client", record.client_ip.map(|address| address.to_string())),
        ("actor", record.actor.map(|id| id.to_string())),
        ("subject", record.subject_hash.clone()),
        ("session", record.session.map(|id| id.to_string())),
        ("host", record.host.clone()),
        ("route", record.method.as_ref().zip(record.route.as_ref()).map(|(method, route)| format!("{method} {route}"))),
        ("request", record.request_id.map(|id| id.to_string())),
        ("behind_ms", row.behind_ms.map(|behind| behind.to_string())),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = write!(line, "  {name}={value}");
        }
    }
    for (key, value) in &record.meta {
        let _ = write!(line, "  {}={value}", key.as_str());
    }
    line
}

/// A bar on a terminal, a plain line now and then elsewhere.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    what: &'static str,
    total: u64,
    told: Instant,
}

/// How often a plain line is written.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Progress {
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total);
            if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len} {msg}  {per_sec}  {eta} left") {
                bar.set_style(style);
            }
            bar.set_message(what);
            bar
        });
        Self { bar, what, total, told: started() }
    }

    pub(super) fn reach(&mut self, position: u64) {
        match &self.bar {
            Some(bar) => bar.set_position(position),
            None if self.told.elapsed() >= TELL_EVERY => {
                say(&format!("{position} of {} {}", self.total, self.what));
                self.told = started();
            }
            None => {}
        }
    }

    pub(super) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn started() -> Instant {
    Instant::now()
}
