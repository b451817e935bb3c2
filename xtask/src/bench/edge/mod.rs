//! Measurements beside other servers, in one run on one machine.
//!
//! Every server proxies the same small answer of one common upstream over TLS keep-alive, sets the same headers and writes an
//! access log. The servers share one core, the load and the upstream the other. What counts is the CPU time that a server
//! spends per request, so that a slow load generator or a busy second core does not decide.

mod ground;
mod report;
mod server;

use crate::{
    bench::{
        cpu,
        load::{self, Load, Plan},
        machine::load_average,
        release_build,
        server::Server,
    },
    error::{At, TaskError},
    setup, tree,
};
use ground::Ground;

/// How the edge is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct EdgeOptions {
    /// Seconds of load per server and round.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,
    /// Rounds; the servers take turns in each.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    pub(crate) rounds: u32,
    /// Connections that the load keeps open.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) connections: u32,
    /// Measure the release binary that is there.
    #[arg(long)]
    pub(crate) no_build: bool,
    /// Leave `docs/bench/edge.md` as it is.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What one server did in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// CPU time of the server's processes per answered request, in microseconds.
    pub(crate) cpu_us: f64,
    /// Answered requests per second of the clock.
    pub(crate) rate: f64,
}

/// One server's rounds.
#[derive(Debug)]
pub(crate) struct Series {
    /// As the table shows it.
    pub(crate) name: &'static str,
    /// The version the server says it is.
    pub(crate) version: String,
    /// In the order of the rounds.
    pub(crate) samples: Vec<Sample>,
}

/// CPU time per proxied request, next to nginx and Traefik.
///
/// # Errors
/// When a server cannot be started, does not answer as the others do, or fails under load.
pub(crate) fn edge(options: &EdgeOptions) -> Result<(), TaskError> {
    setup::for_bench()?;
    let load_before = load_average();
    if !options.no_build {
        release_build()?;
    }
    let ground = Ground::prepare()?;
    let _upstream = server::start_upstream(&ground)?;
    let mut servers = server::start_all(&ground)?;
    for server in &servers {
        server::look(server)?;
    }
    let series = rounds(&mut servers, options)?;
    print!("{}", report::table(&series));
    if !options.dry_run {
        let page = tree::root().join("docs/bench/edge.md");
        tree::write(&page, &report::page(&series, options, load_before)?)?;
        println!("wrote docs/bench/edge.md");
    }
    Ok(())
}

fn rounds(servers: &mut [Server], options: &EdgeOptions) -> Result<Vec<Series>, TaskError> {
    let mut series: Vec<Series> =
        servers.iter().map(|server| Series { name: server.name, version: server.version.clone(), samples: vec![] }).collect();
    for server in servers.iter() {
        load(server, options.connections, 1)?;
    }
    for round in 0..options.rounds {
        // Who goes first changes, so that warmth and neighbours do not favour one place in the line.
        for turn in 0..servers.len() {
            let at = (turn + round as usize) % servers.len();
            let sample = measure(&servers[at], options)?;
            eprintln!("round {} {:<9} {:>7.1} µs {:>7.0}/s", round + 1, servers[at].name, sample.cpu_us, sample.rate);
            series[at].samples.push(sample);
        }
    }
    Ok(series)
}

fn measure(server: &Server, options: &EdgeOptions) -> Result<Sample, TaskError> {
    let before = cpu::time_of_tree(server.pid()).at(server.name)?;
    let load = load(server, options.connections, options.seconds)?;
    let after = cpu::time_of_tree(server.pid()).at(server.name)?;
    let used = after.saturating_sub(before).as_secs_f64() * 1e6;
    Ok(Sample { cpu_us: used / load.requests, rate: load.requests / load.seconds })
}

fn load(server: &Server, connections: u32, seconds: u64) -> Result<Load, TaskError> {
    load::run(&Plan { name: server.name, url: server.url("/"), connections, seconds, words: vec![] })
}
