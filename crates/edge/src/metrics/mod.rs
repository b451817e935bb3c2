//! What the edge counts of itself, for the internal listener.
//!
//! Comes in: one call a request. Goes out: lines of text when somebody asks. Every count is an atomic in a table that is as large at the
//! start as it ever gets: labels are variants of enums, so no stranger can make a series (LOG-07), and counting neither locks nor
//! allocates.

mod text;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use doorward_config::Profile;
use doorward_policy::Audience;
use futures_util::future::BoxFuture;
use http::StatusCode;

pub use text::{Exposition, Kind, Labels, MEDIA_TYPE};

/// Makes the whole text; asked for every `/metrics`.
pub type MetricsSource = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// Every audience, in the order of the table.
const AUDIENCES: [(Audience, &str); 10] = [
    (Audience::PublicPage, "page"),
    (Audience::TokenPage, "token_page"),
    (Audience::Asset, "asset"),
    (Audience::Api, "api"),
    (Audience::PlainHttp, "plain"),
    (Audience::Gate(Profile::Strict), "gate_strict"),
    (Audience::Gate(Profile::DjangoAdmin), "gate_django_admin"),
    (Audience::Gate(Profile::PgAdmin), "gate_pgadmin"),
    (Audience::Gate(Profile::Flower), "gate_flower"),
    (Audience::Gate(Profile::Traefik), "gate_traefik"),
];

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Upper bounds of the histogram, in microseconds and as they are written, in seconds.
const BOUNDS_US: [u64; 12] = [500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000, 2_500_000, 10_000_000];
const BOUNDS: [&str; 12] = ["0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "1", "2.5", "10"];

/// Which kind of listener a request came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// TLS.
    Https,
    /// Redirects.
    Http,
    /// Operators.
    Internal,
}

const LISTENERS: [(Listener, &str); 3] = [(Listener::Https, "https"), (Listener::Http, "http"), (Listener::Internal, "internal")];

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By listener, audience and class of the status.
    answers: [[[AtomicU64; CLASSES.len()]; AUDIENCES.len()]; LISTENERS.len()],
    /// By audience.
    latency: [Latency; AUDIENCES.len()],
    /// By listener.
    connections: [AtomicI64; LISTENERS.len()],
    handshakes_failed: AtomicU64,
    turned_away: AtomicU64,
}

#[derive(Debug, Default)]
struct Latency {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// Open as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Metrics>, Listener);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.connections[index_of(self.1)].fetch_sub(1, Relaxed);
    }
}

impl Metrics {
    /// Counts an answer, and how long its head took.
    pub(crate) fn answered(&self, listener: Listener, audience: Audience, status: StatusCode, took: Duration) {
        let audience = AUDIENCES.iter().position(|(other, _)| *other == audience).unwrap_or_default();
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.answers[index_of(listener)][audience][class].fetch_add(1, Relaxed);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS_US.len());
        let latency = &self.latency[audience];
        latency.counts[bucket].fetch_add(1, Relaxed);
        latency.sum_us.fetch_add(took, Relaxed);
    }

    /// A connection was accepted; it counts until what is returned is dropped.
    pub(crate) fn connected(self: &Arc<Self>, listener: Listener) -> OpenConnection {
        self.connections[index_of(listener)].fetch_add(1, Relaxed);
        OpenConnection(self.clone(), listener)
    }

    /// A handshake came to nothing.
    pub(crate) fn handshake_failed(&self) {
        self.handshakes_failed.fetch_add(1, Relaxed);
    }

    /// A connection was closed at once.
    pub(crate) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Relaxed);
    }

    /// Writes everything. Zeros are written too: a rate needs a beginning.
    pub(crate) fn write(&self, out: &mut Exposition) {
        out.family("doorward_requests_total", Kind::Counter, "Answers by listener, audience and class of the status.");
        for (listener, audiences) in LISTENERS.iter().zip(&self.answers) {
            for (audience, classes) in AUDIENCES.iter().zip(audiences).filter(|(audience, _)| is_met(listener.0, audience.0)) {
                for (class, count) in CLASSES.iter().zip(classes) {
                    let labels = [("listener", listener.1), ("audience", audience.1), ("status", *class)];
                    out.sample(&labels, count.load(Relaxed));
                }
            }
        }
        out.family("doorward_request_duration_seconds", Kind::Histogram, "Time from a request's head to its answer's head.");
        for (audience, latency) in AUDIENCES.iter().zip(&self.latency) {
            let counts = latency.counts.each_ref().map(|count| count.load(Relaxed));
            out.histogram(&[("audience", audience.1)], &BOUNDS, &counts, latency.sum_us.load(Relaxed));
        }
        out.family("doorward_connections", Kind::Gauge, "Open connections of clients, by listener.");
        for (listener, open) in LISTENERS.iter().zip(&self.connections) {
            out.sample(&[("listener", listener.1)], gauge(open));
        }
        out.family("doorward_tls_handshakes_failed_total", Kind::Counter, "Handshakes that failed or took too long.");
        out.sample(&[], self.handshakes_failed.load(Relaxed));
        out.family(
            "doorward_connections_refused_total",
            Kind::Counter,
            "Connections closed at once, since their network had its share of connections or handshakes.",
        );
        out.sample(&[], self.turned_away.load(Relaxed));
    }
}

/// Never below zero, even while two threads are at it.
pub(crate) fn gauge(count: &AtomicI64) -> u64 {
    u64::try_from(count.load(Relaxed)).unwrap_or(0)
}

/// Only the TLS listeners meet every audience.
fn is_met(listener: Listener, audience: Audience) -> bool {
    (listener == Listener::Https) == (audience != Audience::PlainHttp)
}

fn index_of(listener: Listener) -> usize {
    match listener {
        Listener::Https => 0,
        Listener::Http => 1,
        Listener::Internal => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_one_sample_and_one_in_its_bucket() {
        let metrics = Metrics::default();
        metrics.answered(Listener::Https, Audience::Api, StatusCode::NOT_FOUND, Duration::from_micros(501));
        metrics.answered(Listener::Https, Audience::Api, StatusCode::OK, Duration::from_secs(3600));
        metrics.answered(Listener::Http, Audience::PlainHttp, StatusCode::PERMANENT_REDIRECT, Duration::ZERO);
        let mut out = Exposition::default();
        metrics.write(&mut out);
        let text = out.finish();
        for line in [
            "doorward_requests_total{listener=\"https\",audience=\"api\",status=\"4xx\"} 1",
            "doorward_requests_total{listener=\"https\",audience=\"api\",status=\"2xx\"} 1",
            "doorward_requests_total{listener=\"http\",audience=\"plain\",status=\"3xx\"} 1",
            "doorward_request_duration_seconds_bucket{audience=\"api\",le=\"0.0005\"} 0",
            "doorward_request_duration_seconds_bucket{audience=\"api\",le=\"0.001\"} 1",
            "doorward_request_duration_seconds_bucket{audience=\"api\",le=\"10\"} 1",
            "doorward_request_duration_seconds_bucket{audience=\"api\",le=\"+Inf\"} 2",
            "doorward_request_duration_seconds_sum{audience=\"api\"} 3600.000501",
        ] {
            assert!(text.lines().any(|written| written == line), "no {line} in\n{text}");
        }
    }

    #[test]
    fn open_connections_are_counted_until_they_end() {
        let metrics = Arc::new(Metrics::default());
        let (first, second) = (metrics.connected(Listener::Https), metrics.connected(Listener::Https));
        drop(first);
        assert_eq!(gauge(&metrics.connections[0]), 1);
        drop(second);
        assert_eq!(gauge(&metrics.connections[0]), 0);
    }
}
