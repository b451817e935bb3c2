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
    /// The file whose ring is in force; none before the first look, so that a rotation during the start is not missed.
    seen: Option<Mark>,
    /// The file and the fault that the log has heard of.
    told: Option<(Option<Mark>, String)>,
}

/// What a file is known by without being read: inode, length, and the times of its last change in content and in content or mode.
type Mark = (u64, u64, (i64, i64), (i64, i64));

impl Follower {
    /// `None` when the keys come from the environment, which does not change.
    pub(super) fn new(config: &Config, keys: &SharedRing) -> Option<Self> {
        match source(config) {
            Ok(SecretSource::File(path)) => Some(Self::of(keys.clone(), path)),
            Ok(SecretSource::Env(_)) | Err(_) => None,
        }
    }

    fn of(keys: SharedRing, path: PathBuf) -> Self {
        Self { keys, path, seen: None, told: None }
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

    /// Takes a ring that was written by renaming, so it is whole. What cannot be taken leaves the present one in force, is told once, and is
    /// looked at again every time: what is wrong may not be in the file.
    fn look(&mut self) {
        // Before the file is read: one that is renamed over it in between has another mark the next time.
        let mark = mark(&self.path);
        if mark.is_some() && mark == self.seen {
            return;
        }
        let now = SystemClock.now();
        let fault = match SecretSource::File(self.path.clone()).read_ring(&ProcessEnv) {
            Ok(ring) => {
                let (newest, current) = (ring.newest(), ring.current(now));
                match self.keys.replace(ring) {
                    RingChange::Lacks(version) => format!("version {version}, which is in use, is missing or another key"),
                    change => {
                        if change == RingChange::Replaced {
                            tracing::info!(message = "the key ring was taken up", newest, current);
                        }
                        (self.seen, self.told) = (mark, None);
                        return;
                    }
                }
            }
            Err(error) => error.to_string(),
        };
        if self.told.as_ref().is_none_or(|told| told.0 != mark || told.1 != fault) {
            tracing::error!(message = "the key file cannot be used; the former ring stays in force", error = %fault);
            self.told = Some((mark, fault));
        }
    }
}

fn mark(path: &std::path::Path) -> Option<Mark> {
    use std::os::unix::fs::MetadataExt as _;
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.ino(), seen.len(), (seen.mtime(), seen.mtime_nsec()), (seen.ctime(), seen.ctime_nsec())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use doorward_kit::ring::Rotation;

    use super::*;

    const SECRET: &str = "q83vEjRWeJq7zJk2mZ8yK1vXw7uQeRtYuIoPaSdF";

    fn rotated(text: &str) -> String {
        let now = SystemClock.now();
        let fresh = material(&doorward_kit::SystemEntropy);
        let rotation = Rotation { material: fresh.expose(), from: now, until: now, now };
        KeyRing::rotated(text, &rotation).expect("rotated").as_str().to_owned()
    }

    /// As `rotate` and an operator do it.
    fn write(path: &Path, text: &str, mode: u32) {
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).expect("written");
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode)).expect("a mode");
        std::fs::rename(&beside, path).expect("renamed");
    }

    fn follower(path: &Path) -> Follower {
        let ring = KeyRing::parse(SECRET).expect("a secret");
        Follower::of(SharedRing::new(ring, std::sync::Arc::new(SystemClock)), path.to_owned())
    }

    #[test]
    fn a_ring_that_could_not_be_read_is_taken_up_once_its_mode_is_right_and_told_once_until_then() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        write(&path, SECRET, 0o600);
        let mut follower = follower(&path);
        follower.look();
        assert!(follower.seen.is_some() && follower.told.is_none());
        write(&path, &rotated(SECRET), 0o644);
        follower.look();
        let told = follower.told.clone().expect("a fault that was told");
        follower.look();
        assert_eq!((follower.keys.ring().newest(), follower.told.as_ref()), (1, Some(&told)));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
        follower.look();
        assert_eq!((follower.keys.ring().newest(), follower.told.as_ref()), (2, None));
    }

    #[test]
    fn a_rotation_while_the_house_starts_is_not_missed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        write(&path, &rotated(SECRET), 0o600);
        let mut follower = follower(&path);
        follower.look();
        assert_eq!(follower.keys.ring().newest(), 2);
    }

    #[test]
    fn a_ring_that_lacks_a_key_is_not_taken_and_one_that_is_put_back_is_no_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("master.key");
        let (second, third) = (rotated(SECRET), rotated(&rotated(SECRET)));
        write(&path, &second, 0o600);
        let mut follower = follower(&path);
        follower.look();
        write(&path, &third, 0o600);
        follower.look();
        assert!(follower.told.as_ref().is_some_and(|(_, fault)| fault.contains("version 2")), "another second key");
        write(&path, &second, 0o600);
        follower.look();
        assert_eq!((follower.keys.ring().newest(), follower.told.as_ref()), (2, None));
    }
}
