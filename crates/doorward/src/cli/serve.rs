//! `serve`: the front door.

use std::path::Path;

use doorward_acme::DirectoryFault;
use doorward_config::ProcessEnv;

use super::Exit;
use super::process::{announce, block_on, load, say, start_log};
use crate::certificate::{Authority, CertificateError};
use crate::notify::Supervisor;
use crate::telemetry::Format;
use crate::wire::{House, StartError};
use crate::{activation, lifecycle};

/// Runs until SIGTERM or SIGINT, and reloads at SIGHUP. Prints what it listens on and then `ready`, one line each, on stdout.
#[must_use]
pub fn run(path: &Path, authority: fn() -> Result<Authority, DirectoryFault>) -> Exit {
    if let Err(exit) = start_log(Format::Json) {
        return exit;
    }
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    // While the process has one thread: descriptors and variables belong to all of them.
    let passed = match activation::passed(&ProcessEnv) {
        Ok(passed) => passed,
        Err(error) => {
            let error = StartError::from(error);
            say(&error.to_string());
            return error.exit();
        }
    };
    block_on(async {
        // First of all: a signal that came during the start would end the process.
        let hangup = lifecycle::hangup_signal().map_err(StartError::Signal)?;
        let house = House::open_on(&config, &ProcessEnv, passed, authority().map_err(CertificateError::from)?).await?;
        let house = house.reloading(path.to_owned(), config, hangup, Supervisor::from_env(&ProcessEnv));
        let stop = lifecycle::stop_signal().map_err(StartError::Signal)?;
        announce(&house, "ready");
        house.run(stop).await
    })
}
