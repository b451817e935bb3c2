//! Measurements beside other servers, in one run on one machine.
//!
//! Every server proxies the same small answer of one common upstream, sets the same headers and writes an access log. The servers share one
//! core, the load and the upstream the other. What counts is the CPU time that a server spends per request, so that a slow load generator
//! or a busy second core does not decide.

mod case;
mod ground;
mod memory;
mod report;
mod server;
mod session;
mod siege;

use std::time::Duration;

use crate::{
    bench::{machine::load_average, release_build},
    error::TaskError,
    process, setup, tree,
};
use case::{CASES, Case, Series};
use ground::Ground;
use memory::Memory;
use siege::Siege;

/// How the edge is measured.
#[derive(Debug, clap::Args)]
pub(crate) struct EdgeOptions {
    /// Seconds of load per server, round and kind of request.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) seconds: u64,
    /// Rounds; the servers take turns in each.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=50))]
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

/// Everything that one run found out.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Names and versions.
    pub(crate) versions: Vec<(&'static str, String)>,
    pub(crate) cases: Vec<(Case, Vec<Series>)>,
    pub(crate) memory: Vec<Memory>,
    pub(crate) siege: Siege,
}

/// CPU time, throughput, waits and memory next to nginx, HAProxy, Caddy and Traefik, and waits under attack.
///
/// # Errors
/// When a server cannot be started, does not answer as the others do, or fails under load.
pub(crate) fn edge(options: &EdgeOptions) -> Result<(), TaskError> {
    setup::for_bench()?;
    let load_before = load_average();
    if !options.no_build {
        release_build()?;
    }
    build_tools()?;
    let figures = measure(&Ground::prepare()?, options)?;
    print!("{}", report::tables(&figures));
    if !options.dry_run {
        let page = tree::root().join("docs/bench/edge.md");
        tree::write(&page, &report::page(&figures, options, load_before)?)?;
        println!("wrote docs/bench/edge.md");
    }
    Ok(())
}

/// The clients that no package has. What they cost is not measured, so they need no release build.
fn build_tools() -> Result<(), TaskError> {
    let mut build = process::command("cargo");
    build.args(["build", "--quiet", "--locked", "-p", "doorward-testkit", "--example", "idle", "--example", "siege"]);
    let status = process::run(&mut build, Duration::from_secs(900))?;
    if status.success() { Ok(()) } else { Err(TaskError::Undone("the clients could not be built".into())) }
}

fn measure(ground: &Ground, options: &EdgeOptions) -> Result<Figures, TaskError> {
    let _upstream = server::start_upstream(ground)?;
    session::open_account(ground)?;
    let mut memory = Vec::new();
    for who in server::ALL {
        let rival = server::start(who, ground)?;
        let (name, fresh) = (rival.server.name, memory::of(&rival)?);
        let idle = memory::with_idle_connections(&rival)?;
        eprintln!("{name:<9} {fresh:.1} MiB, with {:?} idle connections {idle:.1?} MiB", memory::IDLE);
        memory.push(Memory { name, fresh, loaded: f64::NAN, idle });
    }
    let siege = siege::lay(ground)?;
    eprintln!("under siege: {:.2} times the p99, at most {:.2}", siege.ratio, siege.at_most);
    let mut rivals = server::ALL.iter().map(|who| server::start(*who, ground)).collect::<Result<Vec<_>, _>>()?;
    for (who, rival) in server::ALL.iter().zip(&mut rivals) {
        server::introduce(*who, rival)?;
    }
    let cases = CASES.iter().map(|case| Ok((*case, case.measure(&rivals, options)?))).collect::<Result<_, TaskError>>()?;
    for (memory, rival) in memory.iter_mut().zip(&rivals) {
        memory.loaded = memory::of(rival)?;
    }
    let versions = rivals.iter().map(|rival| (rival.server.name, rival.server.version.clone())).collect();
    Ok(Figures { versions, cases, memory, siege })
}
