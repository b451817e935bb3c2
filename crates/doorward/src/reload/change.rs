//! The files, read and judged, as values that are ready to be put in force.

use std::path::Path;
use std::sync::Arc;

use doorward_config::{Config, ProcessEnv, Tls, locate, needs_restart};
use doorward_edge::gate::GateKeeper;
use doorward_edge::proxy::UpstreamSecrets;
use doorward_edge::proxy::Upstreams;
use doorward_edge::tls::{Identity, self_signed};
use doorward_kit::{Clock as _, Host, SystemClock, SystemEntropy};
use doorward_policy::Policy;

use super::ReloadError;
use crate::wire::{secret_faults, upstream_secrets};

/// Everything that is exchanged.
pub(super) struct Change {
    pub(super) config: Config,
    pub(super) policy: Arc<Policy>,
    pub(super) gatekeeper: GateKeeper,
    pub(super) secrets: UpstreamSecrets,
    pub(super) upstreams: Upstreams,
    /// `None` where certificates are ordered: what is shown stays until another one was.
    pub(super) identity: Option<Identity>,
    /// Whether handshakes show another certificate from now on.
    pub(super) is_new_identity: bool,
}

/// Reads the configuration, and refuses what a running process cannot take. Blocks.
pub(super) fn read(path: &Path, current: &Config) -> Result<Config, ReloadError> {
    let config = doorward_config::load(path, &ProcessEnv)?;
    let keys = needs_restart(current, &config);
    if keys.is_empty() {
        return Ok(config);
    }
    // Only for the message: what the file says by now may be something else.
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let place = |key: &&str| locate(&text, key).map(|at| format!("{key} ({}:{}:{})", path.display(), at.line, at.column));
    Err(ReloadError::NeedsRestart(keys.iter().map(|key| place(key).unwrap_or_else(|| (*key).to_owned())).collect()))
}

/// Reads what the configuration names. Blocks.
pub(super) fn make(config: Config, before: &Config, shown: &Identity) -> Result<Change, ReloadError> {
    let policy = Arc::new(Policy::decide(&config));
    let gatekeeper = gatekeeper(&policy)?;
    let upstreams = Upstreams::load(&policy)?;
    let identity = match &config.tls {
        Tls::Files { certificate, key } => Some(Identity::from_files(certificate, key)?),
        Tls::LeStaging { .. } => None,
        // What a developer's browser has been told to trust stays, as long as it names every host.
        Tls::SelfSigned if matches!(before.tls, Tls::SelfSigned) && hosts(&policy) == hosts(&Policy::decide(before)) => {
            Some(shown.clone())
        }
        Tls::SelfSigned => Some(self_signed(policy.hosts(), SystemClock.now(), &SystemEntropy)?.identity),
    };
    // Whatever the start would not have taken, such as a list of users that everybody may read.
    let faults = secret_faults(&config, &policy, &ProcessEnv);
    if !faults.is_empty() {
        return Err(ReloadError::Secrets(faults));
    }
    let is_new_identity = identity.as_ref().is_some_and(|identity| identity.leaf_der() != shown.leaf_der());
    let secrets = upstream_secrets(&config, &ProcessEnv).map_err(|fault| ReloadError::Secrets(vec![fault]))?;
    Ok(Change { config, policy, gatekeeper, secrets, upstreams, identity, is_new_identity })
}

/// The users of every gate, held to the configured quota of failures.
pub(crate) fn gatekeeper(policy: &Policy) -> Result<GateKeeper, doorward_edge::gate::GateLoadError> {
    let gates: Vec<_> = policy.routes.entries().iter().filter_map(|entry| entry.gate().cloned()).collect();
    Ok(GateKeeper::load(&gates)?.with_failure_quota(policy.limits.quota("gate_failure")))
}

fn hosts(policy: &Policy) -> Vec<Host> {
    let mut hosts: Vec<Host> = policy.hosts().cloned().collect();
    hosts.sort();
    hosts
}
