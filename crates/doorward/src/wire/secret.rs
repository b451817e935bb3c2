//! Every secret that the configuration names, held to what it must be, all of them before anything is opened (CFG-01).

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use doorward_config::{Config, EnvSource, NamedSecret, Tls};
use doorward_edge::gate::GateKeeper;
use doorward_edge::proxy::{UpstreamSecrets, Upstreams};
use doorward_edge::tls::Identity;
use doorward_policy::Policy;

/// A secret that is missing, weak, or open to others; the problem names the file or variable and never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFault {
    /// The key of the configuration that names it.
    pub key: String,
    /// What is wrong.
    pub problem: String,
}

/// Faults of every secret, in the order of the configuration.
#[must_use]
pub fn secret_faults(config: &Config, policy: &Policy, env: &dyn EnvSource) -> Vec<SecretFault> {
    let mut faults = named_faults(&config.secrets(), env);
    faults.extend(super::providers::faults(config));
    let mut find = |key: String, problem: String| faults.push(SecretFault { key, problem });
    if let Tls::Files { certificate, key } = &config.tls {
        match Identity::from_files(certificate, key) {
            Err(error) => find("tls".to_owned(), with_sources(&error)),
            Ok(_) => open_to_all(key).into_iter().for_each(|problem| find("tls.key".to_owned(), problem)),
        }
    }
    // Each gate by itself, so that one broken file does not hide another.
    for gate in policy.routes.entries().iter().filter_map(|entry| entry.gate()) {
        match GateKeeper::load(std::slice::from_ref(gate)) {
            Err(error) => find("gate.users_file".to_owned(), with_sources(&error)),
            Ok(_) => open_to_all(&gate.users_file).into_iter().for_each(|problem| find("gate.users_file".to_owned(), problem)),
        }
    }
    if let Err(error) = Upstreams::load(policy) {
        find("upstream".to_owned(), with_sources(&error));
    }
    for pair in policy.upstreams.iter().filter_map(|upstream| upstream.target.client_certificate()) {
        open_to_all(&pair.key).into_iter().for_each(|problem| find("upstream.client_key".to_owned(), problem));
    }
    faults
}

/// What the door proves itself with to each upstream (EXPO-10), read from where the configuration says.
///
/// # Errors
/// The first [`SecretFault`].
pub fn upstream_secrets(config: &Config, env: &dyn EnvSource) -> Result<UpstreamSecrets, SecretFault> {
    let mut secrets = UpstreamSecrets::default();
    for upstream in &config.upstreams {
        let Some(source) = &upstream.secret else { continue };
        let fault = |problem: String| SecretFault { key: format!("upstream {}: secret", upstream.name), problem };
        let secret = source.read(env).map_err(|error| fault(with_sources(&error)))?;
        secrets.add(&upstream.name, &secret).map_err(|error| fault(error.to_string()))?;
    }
    Ok(secrets)
}

/// Files that a group may read by custom (a certificate's key, a list of users) are nothing for the whole machine.
fn open_to_all(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o007 != 0).then(|| format!("{}: everybody may read or write it (mode {mode:03o}); chmod 640 it", path.display()))
}

/// Faults of the secrets that a configuration names which is not right itself: everything is told in one go.
#[must_use]
pub fn named_faults(secrets: &[NamedSecret], env: &dyn EnvSource) -> Vec<SecretFault> {
    let fault = |secret: &NamedSecret| {
        let error = secret.judge(env).err()?;
        Some(SecretFault { key: secret.key(), problem: with_sources(&error) })
    };
    secrets.iter().filter_map(fault).collect()
}

/// An error and its causes on one line; a cause that the error already repeats is left out.
pub(crate) fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
