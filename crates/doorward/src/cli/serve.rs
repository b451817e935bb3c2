//! `serve`: the front door.

use std::path::Path;

use doorward_config::ProcessEnv;

use super::Exit;
use super::process::{announce, block_on, load, start_log};
use crate::lifecycle;
use crate::notify::Supervisor;
use crate::telemetry::Format;
use crate::wire::{House, StartError};

/// Runs until SIGTERM or SIGINT, and reloads at SIGHUP. Prints what it listens on and then `ready`, one line each, on stdout.
#[must_use]
pub fn run(path: &Path) -> Exit {
    if let Err(exit) = start_log(Format::Json) {
        return exit;
    }
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    block_on(async {
        // First of all: a signal that came during the start would end the process.
        let hangup = lifecycle::hangup_signal().map_err(StartError::Signal)?;
        let house = House::open(&config, &ProcessEnv).await?;
        let house = house.reloading(path.to_owned(), config, hangup, Supervisor::from_env(&ProcessEnv));
        let stop = lifecycle::stop_signal().map_err(StartError::Signal)?;
        announce(&house, "ready");
        house.run(stop).await
    })
}
