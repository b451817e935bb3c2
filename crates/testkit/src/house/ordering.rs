//! A house that orders its certificates from an authority on this machine.

use std::path::{Path, PathBuf};

use super::process::{Process, binary};
use crate::real::{PEBBLE_ISSUER, Pebble};

/// What the program is told of the authority.
#[derive(Debug, Clone)]
pub(super) struct Ordering {
    directory: String,
    api_root_pem: String,
    issuing_root_pem: String,
}

impl Ordering {
    pub(super) fn from(authority: &Pebble) -> Self {
        Self {
            directory: authority.directory(),
            api_root_pem: authority.api_root_pem(),
            issuing_root_pem: authority.issuing_root_pem(),
        }
    }

    #[track_caller]
    pub(super) fn start(&self, config: &Path, folder: &Path, vars: &[(String, String)], log: &str) -> Process {
        self.try_start(config, folder, vars, log).ready()
    }

    pub(super) fn try_start(&self, config: &Path, folder: &Path, vars: &[(String, String)], log: &str) -> Process {
        let written = |name: &str, pem: &str| {
            let path = folder.join(name);
            std::fs::write(&path, pem).unwrap();
            path.display().to_string()
        };
        let mut all = vars.to_vec();
        all.extend([
            ("LOOPBACK_ACME_DIRECTORY".to_owned(), self.directory.clone()),
            ("LOOPBACK_ACME_API_ROOT".to_owned(), written("acme-api.pem", &self.api_root_pem)),
            ("LOOPBACK_ACME_ISSUING_ROOT".to_owned(), written("acme-root.pem", &self.issuing_root_pem)),
            ("LOOPBACK_ACME_ISSUER".to_owned(), PEBBLE_ISSUER.to_owned()),
        ]);
        Process::start_by(&[example().display().to_string()], config, folder, &all, log)
    }
}

/// Doorward with an authority on this machine: an example of the program's own crate, so that no release can have it.
fn example() -> PathBuf {
    let example = binary().with_file_name("examples").join("loopback_ca");
    let hint = "run `cargo build -p doorward --example loopback_ca` first (`cargo xtask test` does)";
    assert!(example.exists(), "{} is missing: {hint}", example.display());
    example
}
