//! `doorward`: the hardened front door of a web application.

use std::process::ExitCode;

fn main() -> ExitCode {
    doorward::cli::main().into()
}
