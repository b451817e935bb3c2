//! Doorward with a certification authority on this machine, for its own tests. It is no part of a release: what it calls exists only
//! under the feature `loopback-ca` of `doorward-acme`, which the compiler refuses without debug assertions (TLS-06).
//!
//! Which authority is read from `LOOPBACK_ACME_DIRECTORY`, `LOOPBACK_ACME_API_ROOT`, `LOOPBACK_ACME_ISSUING_ROOT` (files) and
//! `LOOPBACK_ACME_ISSUER`; without the first, it is the program itself.

use std::process::ExitCode;
use std::time::Duration;

use doorward::certificate::Authority;
use doorward_acme::directory::Loopback;
use doorward_acme::{Directory, DirectoryFault, IssuerTimes};
use doorward_config::{EnvSource as _, ProcessEnv};

fn main() -> ExitCode {
    doorward::cli::main_with(authority).into()
}

fn authority() -> Result<Authority, DirectoryFault> {
    let Some(url) = ProcessEnv.get("LOOPBACK_ACME_DIRECTORY") else { return Authority::staging() };
    let text = |name: &str| ProcessEnv.get(name).and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let own = Loopback {
        api_root_pem: text("LOOPBACK_ACME_API_ROOT"),
        issuing_root_pem: text("LOOPBACK_ACME_ISSUING_ROOT"),
        issuer_prefix: ProcessEnv.get("LOOPBACK_ACME_ISSUER").unwrap_or_else(|| "Pebble Intermediate CA".to_owned()),
    };
    // A test waits for what takes minutes otherwise.
    let (soon, later) = (Duration::from_secs(1), Duration::from_secs(2));
    let times = IssuerTimes { look: soon, first_pause: soon, longest_pause: later, ..IssuerTimes::default() };
    Ok(Authority { directory: Directory::loopback(&url, &own)?, times })
}
