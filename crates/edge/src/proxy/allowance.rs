//! How long an answer may make us wait for the upstream: between two pieces, and in all (HTTP-16).
//!
//! Only waiting for the upstream counts. A client that reads slowly, or a large file that flows, is not cut off: every
//! [`BYTES_A_SECOND`] octets buy a second. Events and gRPC are answers without an end: they may be silent for longer, and last.

use std::time::Duration;

use doorward_policy::TimePolicy;
use http::header::{CONTENT_TYPE, HeaderMap};

/// The slowest that a long answer may flow.
const BYTES_A_SECOND: u64 = 64 * 1024;

/// What is left of the time that an answer may take.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Between two pieces.
    idle: Duration,
    /// In all; `None` is without end.
    left: Option<Duration>,
    /// Octets that have not bought anything yet.
    change: u64,
}

impl Allowance {
    /// For an answer with this head, `limit` in all, of which `waited` are gone.
    pub(super) fn new(headers: &HeaderMap, times: &TimePolicy, limit: Duration, waited: Duration) -> Self {
        if is_stream(headers) {
            return Self { idle: times.stream_idle, left: None, change: 0 };
        }
        Self { idle: times.body_idle, left: Some(limit.saturating_sub(waited)), change: 0 }
    }

    /// How long the next piece may take.
    pub(super) fn patience(&self) -> Duration {
        self.left.map_or(self.idle, |left| left.min(self.idle))
    }

    /// The upstream was waited for.
    pub(super) fn waited(&mut self, time: Duration) {
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(time);
        }
    }

    /// A piece came.
    pub(super) fn moved(&mut self, bytes: usize) {
        if let Some(left) = &mut self.left {
            self.change += bytes as u64;
            *left += Duration::from_secs(self.change / BYTES_A_SECOND);
            self.change %= BYTES_A_SECOND;
        }
    }
}

/// Whether the answer says of itself that it goes on.
pub(super) fn is_stream(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return false };
    let kind = kind.as_bytes();
    let is = |name: &[u8]| kind.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    is(b"text/event-stream") || is(b"application/grpc")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use doorward_policy::TimePolicy;
    use http::HeaderMap;

    use super::Allowance;

    fn allowance(kind: &'static str) -> Allowance {
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind.parse().expect("a value"))]);
        Allowance::new(&headers, &TimePolicy::default(), Duration::from_secs(30), Duration::from_secs(4))
    }

    #[test]
    fn waiting_is_paid_with_time_and_time_is_bought_with_octets() {
        let mut text = allowance("text/html");
        assert_eq!(text.patience(), Duration::from_secs(26));
        text.waited(Duration::from_secs(20));
        text.moved(60 * 1024);
        assert_eq!(text.patience(), Duration::from_secs(6));
        text.moved(70 * 1024);
        assert_eq!(text.patience(), Duration::from_secs(8));
        text.waited(Duration::from_secs(9));
        assert_eq!(text.patience(), Duration::ZERO);
        text.moved(1024 * 1024 * 1024);
        assert_eq!(text.patience(), TimePolicy::default().body_idle);
    }

    #[test]
    fn streams_have_no_end() {
        for kind in ["text/event-stream", "Text/Event-Stream; charset=utf-8", "application/grpc", "application/grpc+proto"] {
            let mut stream = allowance(kind);
            stream.waited(Duration::from_secs(100_000));
            assert_eq!(stream.patience(), TimePolicy::default().stream_idle, "{kind}");
        }
    }
}
