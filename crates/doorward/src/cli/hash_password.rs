//! `hash-password`: a line for a gate's users file.

use std::io::{IsTerminal as _, Read as _, Write as _};

use doorward_kit::{Secret, SystemEntropy};

use super::Exit;
use crate::htpasswd;

/// Prints `user:$argon2id$…` for a password read from standard input, never from the command line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The user name of the line.
    user: String,
}

/// Runs the command.
pub fn run(args: &Args) -> Exit {
    let mut talk = std::io::stderr();
    if std::io::stdin().is_terminal() {
        let _ = writeln!(talk, "Password for {} (it is shown while you type; end with Enter and Ctrl-D):", args.user);
    }
    let mut text = String::new();
    // A little more than is taken, so that an overlong password is refused instead of cut.
    if std::io::stdin().take(600).read_to_string(&mut text).is_err() {
        let _ = writeln!(talk, "doorward: the password is not UTF-8");
        return Exit::Usage;
    }
    let password = Secret::new(text.trim_end_matches(['\r', '\n']).to_owned());
    match htpasswd::line(&args.user, &password, &SystemEntropy) {
        Ok(line) => match writeln!(std::io::stdout(), "{line}") {
            Ok(()) => Exit::Done,
            Err(_) => Exit::Failed,
        },
        Err(error) => {
            let _ = writeln!(talk, "doorward: {error}");
            Exit::Usage
        }
    }
}
