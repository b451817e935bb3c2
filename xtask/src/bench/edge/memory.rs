//! Memory: with nothing to do, under load, and with connections that are open and silent.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::Stdio,
    thread,
    time::Duration,
};

use super::server::Rival;
use crate::{
    bench::{cpu, server::pinned},
    error::{At, TaskError},
    tree,
};

/// Open and silent connections at which memory is looked at.
pub(crate) const IDLE: [usize; 2] = [2_000, 10_000];
/// Time for a server to put away what the last request needed.
const SETTLE: Duration = Duration::from_millis(1500);

/// One server's memory in MiB (its share of what processes have in common counted once).
#[derive(Debug)]
pub(crate) struct Memory {
    /// As the table shows it.
    pub(crate) name: &'static str,
    /// After the one request that shows that it serves.
    pub(crate) fresh: f64,
    /// Right after all the load.
    pub(crate) loaded: f64,
    /// With so many idle connections as [`IDLE`] says, in a new process.
    pub(crate) idle: Vec<f64>,
}

/// What a server holds now, in MiB.
pub(crate) fn of(rival: &Rival) -> Result<f64, TaskError> {
    cpu::memory_of_tree(rival.server.pid()).at(rival.server.name)
}

/// Opens connections to a server that was just started, and looks.
pub(crate) fn with_idle_connections(rival: &Rival) -> Result<Vec<f64>, TaskError> {
    let program = tree::target().join("debug/examples/idle");
    let mut holder = pinned("1", &program);
    let port = rival.server.port();
    holder.arg(format!("127.0.0.1:{port}")).arg(format!("localhost:{port}")).args(IDLE.map(|count| count.to_string()));
    let mut child = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().at("idle")?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let seen = match (stdin, stdout) {
        (Some(mut stdin), Some(stdout)) => {
            let mut lines = BufReader::new(stdout).lines();
            let look = |count: usize| {
                let line = lines.next().transpose().at("idle")?.unwrap_or_default();
                if line != format!("open {count}") {
                    return Err(TaskError::Undone(format!("{}: {count} connections could not be held", rival.server.name)));
                }
                thread::sleep(SETTLE);
                let seen = of(rival)?;
                stdin.write_all(b"\n").at("idle")?;
                Ok(seen)
            };
            IDLE.into_iter().map(look).collect()
        }
        _ => Err(TaskError::Undone("idle has no pipes".into())),
    };
    crate::process::stop(&mut child);
    seen
}
