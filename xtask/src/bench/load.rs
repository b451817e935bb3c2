//! The load: `wrk` on the second core.

use std::time::Duration;

use crate::{bench::server::Server, error::TaskError, process};

/// What the load generator saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Load {
    /// Answered requests.
    pub(crate) requests: f64,
    /// Time by the clock.
    pub(crate) seconds: f64,
}

/// Loads a server for some seconds.
///
/// # Errors
/// When a request was not answered with success: a figure made of errors is no figure.
pub(crate) fn run(server: &Server, connections: u32, seconds: u64) -> Result<Load, TaskError> {
    let mut wrk = process::command("taskset");
    wrk.args(["-c", "1", "wrk", "--threads", "1", "--connections", &connections.to_string()]);
    wrk.args(["--duration", &format!("{seconds}s"), "--timeout", "10s", &server.url()]);
    let text = process::output(&mut wrk, Duration::from_secs(seconds + 30))?;
    parse(&text).map_err(|problem| TaskError::Undone(format!("{}: {problem}\n{text}", server.name)))
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
    let seconds = time.strip_suffix('s').and_then(|number| number.parse().ok()).ok_or("the time is not in seconds")?;
    if requests > 0.0 { Ok(Load { requests, seconds }) } else { Err("nothing was answered") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_is_read() {
        assert_eq!(parse("Running\n  1234 requests in 2.50s, 3.42MB read\n"), Ok(Load { requests: 1234.0, seconds: 2.5 }));
    }

    #[test]
    fn failures_are_no_figure() {
        assert!(parse("  1234 requests in 2.50s, 3.42MB read\n  Non-2xx or 3xx responses: 3\n").is_err());
        assert!(parse("  Socket errors: connect 1, read 0, write 0, timeout 0\n  1 requests in 2.50s, 1B read\n").is_err());
        assert!(parse("  0 requests in 2.50s, 0.00B read\n").is_err());
        assert!(parse("").is_err());
    }
}
