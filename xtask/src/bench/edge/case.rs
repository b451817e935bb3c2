//! What is asked of every server, and what an answer cost it.

use super::{EdgeOptions, ground::KNOWN, server::Rival};
use crate::{
    bench::{
        cpu,
        load::{self, Load, Plan},
    },
    error::{At, TaskError},
};

/// One kind of request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case {
    /// Heading of its table.
    pub(crate) title: &'static str,
    /// What the reader should know of it.
    pub(crate) note: &'static str,
    way: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Tls,
    Http2,
    Known,
    NewConnection,
    Plain,
}

/// Every kind, the most important first.
pub(crate) const CASES: [Case; 5] = [
    Case { title: "Proxied request, HTTP/1.1 over TLS, connections kept", note: "The common case.", way: Way::Tls },
    Case { title: "Proxied request, HTTP/2 over TLS", note: "16 connections with 4 streams each.", way: Way::Http2 },
    Case {
        title: "Authenticated request, HTTP/1.1 over TLS, connections kept",
        note: "Doorward looks at its session and sends who it is with a signature; the others ask a service that says 200 to everybody \
               (`auth_request`, `forward_auth`, ForwardAuth), whose own work is not counted. HAProxy has no such thing built in.",
        way: Way::Known,
    },
    Case {
        title: "New TLS connection for each request",
        note: "A whole handshake of TLS 1.3 with a P-256 certificate, one request, the end.",
        way: Way::NewConnection,
    },
    Case {
        title: "Proxied request without TLS, connections kept",
        note: "Doorward serves nothing without TLS: its figure is the redirect to TLS, and no request is proxied.",
        way: Way::Plain,
    },
];

/// What one server did in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// CPU time of the server's processes per answered request, in microseconds.
    pub(crate) cpu_us: f64,
    /// Answered requests per second of the clock.
    pub(crate) rate: f64,
    /// 99 in 100 answers were quicker, in milliseconds.
    pub(crate) p99_ms: f64,
}

/// One server's rounds.
#[derive(Debug)]
pub(crate) struct Series {
    /// As the table shows it.
    pub(crate) name: &'static str,
    /// In the order of the rounds.
    pub(crate) samples: Vec<Sample>,
}

impl Case {
    fn suits(self, rival: &Rival) -> bool {
        self.way != Way::Known || rival.cookie.is_some()
    }

    /// Every server that can, in turns.
    pub(crate) fn measure(self, rivals: &[Rival], options: &EdgeOptions) -> Result<Vec<Series>, TaskError> {
        let rivals: Vec<&Rival> = rivals.iter().filter(|rival| self.suits(rival)).collect();
        let mut series: Vec<Series> = rivals.iter().map(|rival| Series { name: rival.server.name, samples: vec![] }).collect();
        eprintln!("{}", self.title);
        for rival in &rivals {
            self.load(rival, options.connections, 1)?;
        }
        for round in 0..options.rounds {
            // Who goes first changes, so that warmth and neighbours do not favour one place in the line.
            for turn in 0..rivals.len() {
                let at = (turn + round as usize) % rivals.len();
                let sample = self.sample(rivals[at], options)?;
                let Sample { cpu_us, rate, p99_ms } = sample;
                eprintln!("round {} {:<9} {cpu_us:>7.1} µs {rate:>7.0}/s p99 {p99_ms:.2} ms", round + 1, series[at].name);
                series[at].samples.push(sample);
            }
        }
        Ok(series)
    }

    fn sample(self, rival: &Rival, options: &EdgeOptions) -> Result<Sample, TaskError> {
        let (name, pid) = (rival.server.name, rival.server.pid());
        let before = cpu::time_of_tree(pid).at(name)?;
        let load = self.load(rival, options.connections, options.seconds)?;
        let used = cpu::time_of_tree(pid).at(name)?.saturating_sub(before).as_secs_f64() * 1e6;
        Ok(Sample { cpu_us: used / load.requests, rate: load.requests / load.seconds, p99_ms: load.waits.p99 })
    }

    fn load(self, rival: &Rival, connections: u32, seconds: u64) -> Result<Load, TaskError> {
        let name = rival.server.name;
        let header = |text: String| vec!["--header".to_owned(), text];
        let (url, words) = match self.way {
            Way::Http2 => return load::run_http2(name, &rival.server.url("/"), seconds),
            Way::Tls => (rival.server.url("/"), vec![]),
            Way::Known => (rival.server.url(KNOWN), header(format!("Cookie: {}", rival.cookie.as_deref().unwrap_or_default()))),
            Way::NewConnection => (rival.server.url("/"), header("Connection: close".into())),
            Way::Plain => (format!("http://localhost:{}/", rival.plain), vec![]),
        };
        let plan = Plan { name, url, connections, seconds, words };
        load::run(&plan)
    }
}
