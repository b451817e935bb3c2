//! Measurements in one run on one machine: what counts is a ratio to something that did the same work beside it.

mod accounts;
mod cpu;
mod edge;
mod load;
mod machine;
mod secrets;
mod server;

use std::time::Duration;

use crate::{error::TaskError, process};
pub(crate) use accounts::{AccountsOptions, accounts};
pub(crate) use edge::{EdgeOptions, edge};

fn release_build() -> Result<(), TaskError> {
    let mut build = process::command("cargo");
    build.args(["build", "--release", "--locked", "-p", "doorward"]);
    let status = process::run(&mut build, Duration::from_secs(1500))?;
    if status.success() { Ok(()) } else { Err(TaskError::Undone("the release build failed".into())) }
}
