//! Logs: one JSON line an event on stderr.
//!
//! Only our own targets may be turned up. Libraries below us print header fields, frames and statements at `debug` and `trace`;
//! a log level must never be the thing between a cookie and a log file (LOG-01), so they are capped at `warn`, always. Those that print
//! what a stranger sent at `error` as well are not heard at all.

mod json;

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The variable that sets the level: `error`, `warn`, `info`, `debug` or `trace`.
pub const LEVEL_VARIABLE: &str = "DOORWARD_LOG";

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON, for machines: `serve`.
    Json,
    /// Short lines, for a person who is watching: `dev`.
    Plain,
}

/// Reads a level word.
///
/// # Errors
/// Any other word is a usage error, in words for the operator.
pub fn parse_level(word: Option<&str>) -> Result<LevelFilter, String> {
    match word {
        None | Some("") => Ok(LevelFilter::INFO),
        Some(word) => word.parse().map_err(|_| format!("{LEVEL_VARIABLE} is not one of off, error, warn, info, debug, trace")),
    }
}

/// Parsers of what a browser sends, whose errors hold the octets that they stopped at. Our trail has a word for each refusal of theirs.
const UNHEARD: [&str; 1] = ["webauthn_rs"];

/// A target stands for every one that begins with it.
fn filter(level: LevelFilter) -> Targets {
    let ours = ["doorward", "access", "csp_report"].map(|target| (target, level));
    let unheard = UNHEARD.map(|target| (target, LevelFilter::OFF));
    Targets::new().with_targets(ours).with_targets(unheard).with_default(level.min(LevelFilter::WARN))
}

/// Starts logging for the process. A second call does nothing.
pub fn start(level: LevelFilter, format: Format) {
    let registry = tracing_subscriber::registry().with(filter(level));
    let _ = match format {
        Format::Json => {
            registry.with(tracing_subscriber::fmt::layer().event_format(json::JsonLines).with_writer(std::io::stderr)).try_init()
        }
        Format::Plain => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .compact()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .try_init(),
    };
    std::panic::set_hook(Box::new(|panic| {
        // The message may hold whatever was being formatted; the place alone is enough to find the fault (LOG-05).
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        tracing::error!(target: "doorward", place, "a task panicked");
    }));
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing::level_filters::LevelFilter;

    use super::filter;

    #[test]
    fn libraries_that_print_what_was_sent_are_not_heard_and_no_other_beyond_warnings() {
        let filter = filter(LevelFilter::TRACE);
        for target in ["webauthn_rs", "webauthn_rs::interface", "webauthn_rs_core::internals", "webauthn_rs_core::core"] {
            assert!(!filter.would_enable(target, &Level::ERROR), "{target}");
        }
        assert!(filter.would_enable("hyper", &Level::WARN) && !filter.would_enable("hyper", &Level::INFO));
        assert!(filter.would_enable("doorward", &Level::TRACE) && filter.would_enable("doorward_domain::factor", &Level::TRACE));
    }
}
