//! Others' waits while 2 000 slow clients and an abuser at full speed are there (EDGE-RL-10), with the limits that everybody has.

use std::time::Duration;

use serde::Deserialize;

use super::{ground::Ground, server};
use crate::{error::TaskError, process, tree};

const SLOW: usize = 2_000;
const WINDOW_MS: usize = 1_500;
const PAIRS: usize = 8;

/// What the besieger says.
#[derive(Debug, Deserialize)]
pub(crate) struct Siege {
    /// 99th percentiles, in milliseconds.
    pub(crate) quiet_ms: f64,
    pub(crate) besieged_ms: f64,
    /// The second by the first, and its upper bound with a confidence of 95 %.
    pub(crate) ratio: f64,
    pub(crate) at_most: f64,
    /// Waits of either side.
    pub(crate) waits: u64,
    /// What the abuser got done.
    pub(crate) connections: u64,
    pub(crate) turned_away: u64,
    pub(crate) refused: u64,
    pub(crate) answered: u64,
    pub(crate) reset: u64,
    /// Slow clients that were open at the end of each window, at least.
    pub(crate) slow_left: u64,
}

/// Starts ours anew, on every core, and besieges it.
pub(crate) fn lay(ground: &Ground) -> Result<Siege, TaskError> {
    let rival = server::start_besieged(ground)?;
    let mut besieger = process::command(tree::target().join("debug/examples/siege"));
    let ports = ground.doorward;
    besieger.arg(format!("127.0.0.1:{}", ports.tls)).arg(format!("127.0.0.1:{}", ports.plain));
    besieger.arg(format!("localhost:{}", ports.tls));
    besieger.args([SLOW, 1, WINDOW_MS, PAIRS, PAIRS].map(|number| number.to_string()));
    let said = process::output(&mut besieger, Duration::from_secs(180))?;
    drop(rival);
    serde_json::from_str(said.trim()).map_err(|error| TaskError::Undone(format!("the besieger said {said:?}: {error}")))
}
