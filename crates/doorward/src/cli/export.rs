//! `export`: the same policy as configuration for another edge.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use doorward_policy::Policy;

use super::{Exit, process};
use crate::export::{Choice, Edge, Plan, export, folder};

/// Writes the policy as configuration for another edge that stands in front: what that edge can hold of it, and LIMITS.md with what it
/// cannot. Files of somebody else are never written over.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which edge.
    edge: Edge,
    /// The folder for its files.
    dir: PathBuf,
    /// Where the edge takes TLS; default every address, at the port of the site's origin.
    #[arg(long, value_name = "ADDR:PORT")]
    https: Option<SocketAddr>,
    /// Where the edge takes plain HTTP; default every address, port 80.
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// Who vouches for the certificate that Doorward serves to the edge (PEM); default whom the edge's system trusts.
    #[arg(long, value_name = "FILE")]
    doorward_ca: Option<PathBuf>,
}

/// Runs the command: 0 when all files are there, 1 when one of somebody else's has a name, 2 when the configuration cannot be held.
#[must_use]
pub fn run(path: &Path, args: &Args) -> Exit {
    let config = match process::load(path) {
        Ok(config) => config,
        Err(exit) => return exit,
    };
    let policy = Policy::decide(&config);
    let ca = args.doorward_ca.as_deref().map(std::path::absolute).transpose();
    let ca = match ca {
        Ok(ca) => ca,
        Err(error) => {
            process::say(&format!("--doorward-ca: {error}"));
            return Exit::Usage;
        }
    };
    let choice = Choice { https: args.https, http: args.http, ca };
    let made = Plan::new(&config, &policy, choice).and_then(|plan| export(args.edge, &plan));
    let made = match made {
        Ok(made) => made,
        Err(error) => {
            process::say(&error.to_string());
            return Exit::Usage;
        }
    };
    match folder::write(&args.dir, &made) {
        Ok(paths) => {
            let lines: String = paths.iter().map(|path| format!("{}\n", path.display())).collect();
            let told = std::io::stdout().write_all(lines.as_bytes());
            if told.is_ok() { Exit::Done } else { Exit::Failed }
        }
        Err(error) => {
            process::say(&error.to_string());
            if matches!(error, folder::FolderError::Foreign(_)) { Exit::NotRight } else { Exit::Failed }
        }
    }
}
