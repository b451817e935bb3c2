//! What the tests need beyond the Rust toolchain: looked for first, installed when missing, said aloud either way.

mod apt;
mod node;
mod python;

use crate::{error::TaskError, process, tree};
use std::time::Duration;

/// Everything that `xtask test` uses.
pub(crate) fn for_tests() -> Result<(), TaskError> {
    apt::install(apt::FOR_TESTS)?;
    python::install(&python::TOOLS)?;
    python::install(&python::REAL_PARTS)?;
    python::install(&python::PGADMIN)?;
    python::install(&python::RIVALS)?;
    node::install_packages()?;
    nextest()
}

/// Everything that `xtask bench` uses on top.
pub(crate) fn for_bench() -> Result<(), TaskError> {
    apt::install(apt::FOR_BENCH)?;
    python::install(&python::RIVALS)
}

/// True if `cargo nextest` can be called.
pub(crate) fn has_nextest() -> bool {
    tree::program("cargo-nextest").is_some()
}

/// The tools' environment brings a ready binary; where its wheel does not fit the machine, cargo builds one.
fn nextest() -> Result<(), TaskError> {
    if has_nextest() {
        return Ok(());
    }
    eprintln!("setup: cargo install cargo-nextest (no ready binary for this machine)");
    let mut install = process::command("cargo");
    install.args(["install", "cargo-nextest", "--locked", "--root"]).arg(tree::tools());
    let status = process::run(&mut install, Duration::from_secs(900))?;
    if status.success() { Ok(()) } else { Err(TaskError::Undone("cargo-nextest could not be installed".into())) }
}
