//! The command line: as typed, as meant, run. Data goes to stdout, talk to stderr.

pub mod audit;
pub mod calibrate;
pub mod check;
pub mod dev;
mod exit;
pub mod explain;
pub mod export;
pub mod hash_password;
pub mod import;
pub mod mail;
pub mod openapi;
mod process;
pub mod secrets;
pub mod serve;
pub mod session;
mod span;
pub mod user;
pub mod verify;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use doorward_acme::DirectoryFault;

pub use exit::Exit;

use crate::certificate::Authority;

/// The hardened front door of a web application.
#[derive(Debug, Parser)]
#[command(
    name = "doorward",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 what was looked at is not right, 2 usage or configuration, 3 could not do it."
)]
struct CommandLine {
    /// The configuration file.
    #[arg(long, global = true, value_name = "FILE", default_value = "doorward.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole product on localhost, with a demo application behind it; nothing to configure.
    Dev(dev::Args),
    /// Say whether the configuration is right, and what it exposes.
    Check(check::Args),
    /// Say what the door would make of a connection and a request.
    Explain(explain::Args),
    /// Write the policy as configuration for another edge that stands in front.
    Export(export::Args),
    /// Run the front door.
    Serve,
    /// Look at the live site from outside and write down what is on the wire.
    Verify(Box<verify::Args>),
    /// Operate accounts.
    #[command(subcommand)]
    User(user::UserCommand),
    /// Bring accounts from another system.
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// See and end sessions.
    #[command(subcommand)]
    Session(session::SessionCommand),
    /// See what became of mail, and have it tried again.
    #[command(subcommand)]
    Mail(mail::MailCommand),
    /// See and rotate the site's keys.
    #[command(subcommand)]
    Secrets(secrets::SecretsCommand),
    /// Read, export and prove the audit trail.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Make a line for a gate's users file.
    HashPassword(hash_password::Args),
    /// Find out how much a password hash may cost on this machine.
    Calibrate(calibrate::Args),
    /// Print the description of the API (OpenAPI 3.1, JSON).
    Openapi,
}

/// Parses the command line and runs what it asks for; certificates are ordered from the staging authority and no other.
#[must_use]
pub fn main() -> Exit {
    main_with(Authority::staging)
}

/// As [`main`], with another authority: what the tests run in place of the program. Which one there can be is decided when
/// `doorward-acme` is compiled, and in a release there is one (TLS-06).
#[must_use]
pub fn main_with(authority: fn() -> Result<Authority, DirectoryFault>) -> Exit {
    if let Err(error) = crate::process::take_all_files() {
        process::say(&format!("no more open files: {error}"));
    }
    if let Err(error) = crate::process::keep_memory_private() {
        process::say(&format!("core files cannot be forbidden: {error}"));
    }
    let line = match CommandLine::try_parse() {
        Ok(line) => line,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match line.command {
        Command::Dev(args) => dev::run(&args),
        Command::Check(args) => check::run(&line.config, &args),
        Command::Explain(args) => explain::run(&line.config, &args),
        Command::Export(args) => export::run(&line.config, &args),
        Command::Serve => serve::run(&line.config, authority),
        Command::Verify(args) => verify::run(&line.config, &args),
        Command::User(command) => user::run(&line.config, &command),
        Command::Import(command) => import::run(&line.config, &command),
        Command::Session(command) => session::run(&line.config, &command),
        Command::Mail(command) => mail::run(&line.config, &command),
        Command::Secrets(command) => secrets::run(&line.config, &command),
        Command::Audit(command) => audit::run(&line.config, &command),
        Command::HashPassword(args) => hash_password::run(&args),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Openapi => openapi::run(),
    }
}
