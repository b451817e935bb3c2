//! The load: `wrk`, or `h2load` for HTTP/2, on the second core.

use std::time::Duration;

use crate::{error::TaskError, process, tree};

/// What to ask for, and how hard.
pub(crate) struct Plan<'a> {
    /// The server's name, for messages.
    pub(crate) name: &'a str,
    /// Asked for again and again, unless a script says otherwise.
    pub(crate) url: String,
    /// Kept open.
    pub(crate) connections: u32,
    /// By the clock.
    pub(crate) seconds: u64,
    /// More words for `wrk`: header fields, a script.
    pub(crate) words: Vec<String>,
}

/// What the load generator saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    /// Answered requests.
    pub(crate) requests: f64,
    /// Time by the clock.
    pub(crate) seconds: f64,
    /// The middle wait and the longest of 99 in 100, in milliseconds.
    pub(crate) waits: Waits,
}

/// How long answers took, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Waits {
    /// Half were quicker.
    pub(crate) p50: f64,
    /// 99 in 100 were quicker.
    pub(crate) p99: f64,
}

/// Loads a server for some seconds.
///
/// # Errors
/// When a request was not answered with success: a figure made of errors is no figure.
pub(crate) fn run(plan: &Plan<'_>) -> Result<Load, TaskError> {
    let text = said(plan)?;
    parse(&text).map_err(|problem| TaskError::Undone(format!("{}: {problem}\n{text}", plan.name)))
}

fn said(plan: &Plan<'_>) -> Result<String, TaskError> {
    let mut wrk = process::command("taskset");
    wrk.args(["-c", "1", "wrk", "--latency", "--threads", "1", "--connections", &plan.connections.to_string()]);
    wrk.args(["--duration", &format!("{}s", plan.seconds), "--timeout", "10s"]);
    wrk.args(&plan.words).arg(&plan.url);
    process::output(&mut wrk, Duration::from_secs(plan.seconds + 30))
}

/// Loads a server over HTTP/2 for some seconds: 16 connections, 4 streams each.
///
/// # Errors
/// When a request was not answered with success.
pub(crate) fn run_http2(name: &str, url: &str, seconds: u64) -> Result<Load, TaskError> {
    let log = tree::target().join("bench/h2load.log");
    let _ = std::fs::remove_file(&log);
    let mut h2load = process::command("taskset");
    h2load.args(["-c", "1", "h2load", "--threads=1", "--clients=16", "--max-concurrent-streams=4"]);
    h2load.arg(format!("--duration={seconds}")).arg(format!("--log-file={}", log.display())).arg(url);
    let text = process::output(&mut h2load, Duration::from_secs(seconds + 30))?;
    let problem = |problem: &str| TaskError::Undone(format!("{name}: {problem}\n{text}"));
    if !text.contains(" 0 failed, 0 errored, 0 timeout") {
        return Err(problem("requests failed under load"));
    }
    parse_log(&tree::read(&log)?, seconds as f64).ok_or_else(|| problem("no answer is in the log"))
}

/// `microseconds-since-1970 status microseconds`, a line for each answer.
fn parse_log(text: &str, seconds: f64) -> Option<Load> {
    let mut waits: Vec<u64> = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace().skip(1);
        if words.next() != Some("200") {
            return None;
        }
        waits.push(words.next()?.parse().ok()?);
    }
    waits.sort_unstable();
    let at = |share: usize| waits.get(waits.len() * share / 100).map(|us| *us as f64 / 1000.0);
    Some(Load { requests: waits.len() as f64, seconds, waits: Waits { p50: at(50)?, p99: at(99)? } })
}

fn parse(text: &str) -> Result<Load, &'static str> {
    if let Some(line) = text.lines().find(|line| line.contains("Non-2xx") || line.contains("Socket errors")) {
        // wrk counts a connection that the server closed after its last answer as a read error; the request is sent again.
        if line.contains("Non-2xx") || !(line.contains("connect 0,") && line.contains("write 0, timeout 0")) {
            return Err("requests failed under load");
        }
    }
    let line = text.lines().find(|line| line.contains(" requests in ")).ok_or("no count of requests")?;
    let (requests, rest) = line.trim().split_once(" requests in ").ok_or("no count of requests")?;
    let (time, _) = rest.split_once(',').ok_or("no time")?;
    let requests = requests.parse().map_err(|_| "the count is no number")?;
    let seconds = milliseconds(time).ok_or("the time is no time")? / 1000.0;
    let wait = |share: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(share))?;
        milliseconds(line.trim())
    };
    let waits = Waits { p50: wait("50%").ok_or("no middle wait")?, p99: wait("99%").ok_or("no long wait")? };
    if requests > 0.0 { Ok(Load { requests, seconds, waits }) } else { Err("nothing was answered") }
}

/// A time as `wrk` writes it: `812.00us`, `1.53ms`, `2.50s`, `1.02m`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let number: f64 = number.parse().ok()?;
    match unit {
        "us" => Some(number / 1000.0),
        "ms" => Some(number),
        "s" => Some(number * 1000.0),
        "m" => Some(number * 60_000.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITS: &str =
        "  Latency Distribution\n     50%  812.00us\n     75%    1.00ms\n     90%    1.20ms\n     99%    4.50ms\n";

    #[test]
    fn count_and_waits_are_read() {
        let load = parse(&format!("Running\n{WAITS}  1234 requests in 2.50s, 3.42MB read\n")).unwrap();
        assert_eq!(load, Load { requests: 1234.0, seconds: 2.5, waits: Waits { p50: 0.812, p99: 4.5 } });
    }

    #[test]
    fn answers_over_http2_are_counted_one_by_one() {
        let lines: String = (1..=200).map(|n| format!("1700000000000000\t200\t{}\n", n * 10)).collect();
        let load = parse_log(&lines, 2.0).unwrap();
        assert_eq!(load, Load { requests: 200.0, seconds: 2.0, waits: Waits { p50: 1.01, p99: 1.99 } });
        assert_eq!(parse_log("1700000000000000\t503\t10\n", 1.0), None);
        assert_eq!(parse_log("", 1.0), None);
    }

    #[test]
    fn failures_are_no_figure() {
        assert!(parse(&format!("{WAITS}  1234 requests in 2.50s, 3.42MB read\n  Non-2xx or 3xx responses: 3\n")).is_err());
        assert!(
            parse(&format!("{WAITS}  Socket errors: connect 1, read 0, write 0, timeout 0\n  1 requests in 2.50s, 1B read\n"))
                .is_err()
        );
        assert!(parse(&format!("{WAITS}  0 requests in 2.50s, 0.00B read\n")).is_err());
        assert!(parse("  1234 requests in 2.50s, 3.42MB read\n").is_err());
        assert!(parse("").is_err());
    }
}
