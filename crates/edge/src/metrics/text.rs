//! The text format of Prometheus, version 0.0.4: what is counted, line by line.
//!
//! Names and labels are words of the program, never of a request (LOG-07), so nothing needs escaping; [`Exposition::sample`] takes
//! `&'static str` to keep it so.

use std::fmt::Write as _;

/// Media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of samples is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Label names with their values, both of closed sets.
pub type Labels<'a> = &'a [(&'static str, &'static str)];

/// A text in the making.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    name: &'static str,
}

impl Exposition {
    /// Begins a family: its samples follow.
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.word());
    }

    /// One sample of the family.
    pub fn sample(&mut self, labels: Labels<'_>, value: u64) {
        self.line("", labels, None, &value.to_string());
    }

    /// One sample whose labels are names of upstreams or their addresses, which the configuration holds to characters that need no
    /// escaping.
    pub(crate) fn sample_configured(&mut self, labels: &[(&'static str, &str)], value: u64) {
        self.line("", labels, None, &value.to_string());
    }

    /// One sample in seconds or another unit that has parts.
    pub fn fraction(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, None, &format!("{value:.6}"));
    }

    /// A histogram: counts that fell under each bound but under no lower one, the last of them under none; and their sum, in microseconds.
    pub fn histogram(&mut self, labels: Labels<'_>, bounds: &[&'static str], counts: &[u64], sum_us: u64) {
        let mut total = 0;
        for (bound, count) in bounds.iter().chain([&"+Inf"]).zip(counts) {
            total += count;
            self.line("_bucket", labels, Some(bound), &total.to_string());
        }
        self.line("_sum", labels, None, &format!("{}.{:06}", sum_us / 1_000_000, sum_us % 1_000_000));
        self.line("_count", labels, None, &total.to_string());
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }

    fn line(&mut self, suffix: &str, labels: &[(&'static str, &str)], bound: Option<&str>, value: &str) {
        let _ = write!(self.text, "{}{suffix}", self.name);
        let mut between = '{';
        for (name, word) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
            let _ = write!(self.text, "{between}{name}=\"{word}\"");
            between = ',';
        }
        let end = if between == ',' { "}" } else { "" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::{Exposition, Kind};

    #[test]
    fn samples_stand_under_their_family() {
        let mut out = Exposition::default();
        out.family("a_total", Kind::Counter, "What a is.");
        out.sample(&[("x", "1"), ("y", "2")], 7);
        out.sample(&[], 8);
        out.family("b_seconds", Kind::Histogram, "What b is.");
        out.histogram(&[("x", "1")], &["0.1", "1"], &[2, 0, 3], 1_500_000);
        assert_eq!(
            out.finish(),
            "# HELP a_total What a is.\n# TYPE a_total counter\na_total{x=\"1\",y=\"2\"} 7\na_total 8\n\
             # HELP b_seconds What b is.\n# TYPE b_seconds histogram\nb_seconds_bucket{x=\"1\",le=\"0.1\"} 2\n\
             b_seconds_bucket{x=\"1\",le=\"1\"} 2\nb_seconds_bucket{x=\"1\",le=\"+Inf\"} 5\nb_seconds_sum{x=\"1\"} 1.500000\n\
             b_seconds_count{x=\"1\"} 5\n"
        );
    }
}
