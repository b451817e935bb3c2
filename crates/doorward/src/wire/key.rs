//! The master keys: named by the configuration, or made once in a developer's data folder; and a look now and then whether they were
//! rotated, so that a running process needs no restart for it.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use doorward_config::{Config, Env, EnvSource, ProcessEnv, SecretSource};
use doorward_kit::ring::RingChange;
use doorward_kit::{Clock as _, Entropy, KeyRing, Secret, SharedRing, SystemClock};
use tokio::sync::watch;

use super::StartError;
use crate::private_file;

/// Octets of a generated key.
const GENERATED_BYTES: usize = 48;

/// How often the file is looked at. A rotation gives its nodes minutes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Where the keys are; in development a missing setting means `master.key` in the data folder.
pub(crate) fn source(config: &Config) -> Result<SecretSource, StartError> {
    match &config.site.key {
        Some(source) => Ok(source.clone()),
        None if config.site.env == Env::Development => Ok(SecretSource::File(config.site.data_dir.join("master.key"))),
        None => Err(StartError::NoKey),
    }
}

/// Reads the keys; those of a developer are made at the first start.
pub(super) fn open(config: &Config, env: &dyn EnvSource, entropy: &dyn Entropy) -> Result<KeyRing, StartError> {
    let source = source(config)?;
    if let (None, SecretSource::File(path)) = (&config.site.key, &source) {
        private_file::read_or_make(path, || Ok(STANDARD.encode(material(entropy).expose()).into_bytes()))
            .map_err(|source| StartError::DataDir { path: path.clone(), source })?;
    }
    Ok(source.read_ring(env)?)
}

/// Octets of a new key.
pub(crate) fn material(entropy: &dyn Entropy) -> Secret<Vec<u8>> {
    let mut octets = vec![0; GENERATED_BYTES];
    entropy.fill(&mut octets);
    Secret::new(octets)
}

/// Refuses a ring without the key that sealed the head of a chain: it is an old copy, and to go on with it would look like a forgery
/// from then on, whatever is done later.
pub(super) async fn refuse_old_copy(ring: &KeyRing, accounts: &doorward_domain::Accounts) -> Result<(), StartError> {
    let heads = accounts.audit_heads().await?;
    let missing = heads.into_iter().filter(|head| head.seq > 0).find(|head| !ring.has(head.key_version));
    match missing {
        Some(head) => Err(StartError::KeyMissing { version: head.key_version, node: head.node }),
        None => Ok(()),
    }
}

/// Looks after the file of the keys while the house runs.
pub(super) struct Follower {
    keys: SharedRing,
    path: PathBuf,
    seen: Option<Mark>,
}

/// What a file is known by without being read.
type Mark = (u64, u64, i64, i64);

impl Follower {
    /// `None` when the keys come from the environment, which does not change.
    pub(super) fn new(config: &Config, keys: &SharedRing) -> Option<Self> {
        match source(config) {
            Ok(SecretSource::File(path)) => Some(Self { keys: keys.clone(), seen: mark(&path), path }),
            Ok(SecretSource::Env(_)) | Err(_) => None,
        }
    }

    /// Looks until told to end.
    pub(super) async fn run(mut self, mut ended: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                _ = ended.wait_for(|ended| *ended) => return,
                () = tokio::time::sleep(LOOK_EVERY) => self.look(),
            }
        }
    }

    /// Takes a ring that was written by renaming, so it is whole; what cannot be taken leaves the present one in force and is told once.
    fn look(&mut self) {
        let seen = mark(&self.path);
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        let now = SystemClock.now();
        match SecretSource::File(self.path.clone()).read_ring(&ProcessEnv) {
            Ok(ring) => {
                let (newest, current) = (ring.newest(), ring.current(now));
                match self.keys.replace(ring) {
                    RingChange::Same => {}
                    RingChange::Replaced => tracing::info!(message = "the key ring was taken up", newest, current),
                    RingChange::Lacks(version) => {
                        tracing::error!(
                            message = "the key file lacks a key that is in use; the former ring stays in force",
                            version
                        );
                    }
                }
            }
            Err(error) => {
                tracing::error!(message = "the key file cannot be used; the former ring stays in force", error = %error);
            }
        }
    }
}

fn mark(path: &std::path::Path) -> Option<Mark> {
    use std::os::unix::fs::MetadataExt as _;
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.ino(), seen.len(), seen.mtime(), seen.mtime_nsec()))
}
