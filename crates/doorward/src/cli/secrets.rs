//! `secrets`: the versions of the master key. No command prints a key.

mod rotate;

use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use doorward_config::{Config, ProcessEnv};
use doorward_kit::ring::KeyTimes;
use doorward_kit::{Clock as _, KeyRing, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::Exit;
use super::process::{block_on, load, print};
use super::span;
use crate::wire::StartError;
use crate::wire::key;

/// What can be done with the master key.
#[derive(Debug, Subcommand)]
pub enum SecretsCommand {
    /// Show the versions of the master key and their times.
    List {
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Add a new version to the key file; the former ones stay in it.
    Rotate(RotateArgs),
}

/// Arguments of `rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    /// How long the former key still knows sessions and links, from when the new one begins: 0, or such as 1h or 30d. Not given: as long
    /// as the longest of them lives, so that nobody notices. Short when the former key is known to others.
    #[arg(long, value_name = "TIME", value_parser = span::parse)]
    overlap: Option<Duration>,
    /// When the new key begins to be used; until then every node has to have it. 0 only while nothing runs.
    #[arg(long, value_name = "TIME", value_parser = span::parse, default_value = "10m")]
    activate_in: Duration,
}

/// Runs the command.
#[must_use]
pub fn run(path: &Path, command: &SecretsCommand) -> Exit {
    let config = match load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    match command {
        SecretsCommand::List { json } => block_on(async { list(&config, *json) }),
        SecretsCommand::Rotate(args) => block_on(rotate::rotate(&config, args)),
    }
}

fn list(config: &Config, as_json: bool) -> Result<(), StartError> {
    let ring = key::source(config)?.read_ring(&ProcessEnv)?;
    let now = SystemClock.now();
    for (version, times) in ring.versions() {
        let state = state(&ring, version, times, now);
        print(&if as_json { object(version, times, state).to_string() } else { line(version, times, state) })?;
    }
    Ok(())
}

/// What a key is at an instant.
fn state(ring: &KeyRing, version: u32, times: KeyTimes, now: Timestamp) -> &'static str {
    if ring.current(now) == version {
        "current"
    } else if !times.has_begun(now) {
        "waiting"
    } else if times.is_alive(now) {
        "former"
    } else {
        "retired"
    }
}

fn line(version: u32, times: KeyTimes, state: &str) -> String {
    let time = |name: &str, at: Option<Timestamp>| at.map(|at| format!("  {name} {at}")).unwrap_or_default();
    format!("{version:>6}  {state:8}{}{}", time("from", times.from), time("until", times.until))
}

fn object(version: u32, times: KeyTimes, state: &str) -> Value {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    json!({"version": version, "state": state, "from": time(times.from), "until": time(times.until)})
}
