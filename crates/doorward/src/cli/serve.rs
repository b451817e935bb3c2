//! `serve`: the front door.

use std::path::Path;

use doorward_config::ProcessEnv;

use super::Exit;
use super::process::{announce, block_on, load, start_log};
use crate::lifecycle;
use crate::telemetry::Format;
use crate::wire::{House, StartError};

/// Runs until SIGTERM or SIGINT. Prints what it listens on and then `ready`, one line each, on stdout.
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
        let house = House::open(&config, &ProcessEnv).await?;
        let stop = lifecycle::stop_signal().map_err(StartError::Signal)?;
        announce(&house, "ready");
        house.run(stop).await
    })
}
