//! The project's own tasks, called as `cargo xtask TASK`.
//!
//! In: a task and the tree it stands in. Out: what it did on stdout, talk on stderr, and an exit code.
//! Must never know: the product's crates. A task sees them as a user does, through cargo and the finished binary.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

mod bench;
mod control;
mod error;
mod generate;
mod nextest;
mod pipeline;
mod process;
mod sbom;
mod setup;
mod supply;
mod tree;

use clap::{Parser, Subcommand};
use error::TaskError;
use std::process::ExitCode;

/// Tasks of the Doorward project.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing, then format, lint and test everything.
    Test {
        /// Nothing but cargo: no packages, no tools, no tests that need a real part.
        #[arg(long)]
        quick: bool,
    },
    /// Say which rows of the guide the last test run decided.
    Controls {
        /// One JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Measure on this machine, beside something that does the same work.
    Bench {
        #[command(subcommand)]
        what: Bench,
    },
    /// Write what the binary is made of, as a software bill of materials (CycloneDX, JSON), to target/sbom.cdx.json.
    Sbom,
    /// Write the generated files.
    Gen {
        /// Change nothing; fail if a file is not what it should be.
        #[arg(long)]
        check: bool,
    },
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// CPU time per proxied request over TLS keep-alive, next to nginx and Traefik.
    Edge(bench::EdgeOptions),
    /// Sign-ins, sign-ups and sessions per second, their CPU time, and memory.
    Accounts(bench::AccountsOptions),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Test { quick } => pipeline::run(quick),
        Task::Controls { json } => control::report(json),
        Task::Bench { what: Bench::Edge(options) } => bench::edge(&options),
        Task::Bench { what: Bench::Accounts(options) } => bench::accounts(&options),
        Task::Sbom => sbom::run(),
        Task::Gen { check } => generate::run(check),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(TaskError::Reported(code)) => ExitCode::from(code),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
