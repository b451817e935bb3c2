//! The files that a configuration is made of, and whether one of them has changed.
//!
//! They are looked at, not listened to: a look costs a few microseconds, works on every file system, and sees a file that was replaced
//! by renaming, a symbolic link that leads elsewhere, and a folder that was mounted over. What has changed is taken up only after it has
//! been the same for two looks, so that nobody reads a file that is still being written.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use doorward_config::{Config, SecretSource, Tls};
use doorward_kit::sha256_hex;

/// Every file that a reload reads; of secrets only those of upstreams, since keys and passwords do not change at run time.
pub(super) fn of(path: &Path, config: &Config) -> Vec<PathBuf> {
    let mut files = vec![path.to_owned()];
    if let Tls::Files { certificate, key } = &config.tls {
        files.extend([certificate.clone(), key.clone()]);
    }
    for upstream in &config.upstreams {
        files.extend(upstream.target.files().map(ToOwned::to_owned));
    }
    let secrets = config.upstreams.iter().filter_map(|upstream| upstream.secret.as_ref());
    files.extend(secrets.filter_map(|source| match source {
        SecretSource::File(path) => Some(path.clone()),
        SecretSource::Env(_) => None,
    }));
    files.extend(config.gates.iter().map(|gate| gate.users_file.clone()));
    files
}

/// What can be told of a file without reading it: device, inode, length, and when content and inode changed last.
type Mark = Option<(u64, u64, u64, (i64, i64), (i64, i64))>;

fn mark(path: &Path) -> Mark {
    let seen = std::fs::metadata(path).ok()?;
    Some((seen.dev(), seen.ino(), seen.len(), (seen.mtime(), seen.mtime_nsec()), (seen.ctime(), seen.ctime_nsec())))
}

/// What a file was when it was taken up.
#[derive(PartialEq)]
struct Taken {
    mark: Mark,
    digest: Option<String>,
}

impl Taken {
    fn now(path: &Path) -> Self {
        // The mark first: what is written between the two is a change.
        Self { mark: mark(path), digest: std::fs::read(path).ok().map(|bytes| sha256_hex(&bytes)) }
    }
}

/// Remembers what was taken up last and what was seen last.
pub(super) struct Watch {
    taken: BTreeMap<PathBuf, Taken>,
    seen: Vec<Mark>,
}

impl Watch {
    pub(super) fn new(files: Vec<PathBuf>) -> Self {
        let mut watch = Self { taken: BTreeMap::new(), seen: Vec::new() };
        watch.also(files);
        watch
    }

    /// Takes everything up as it is now. Called before the files are read: what changes meanwhile is a change.
    pub(super) fn take(&mut self) {
        self.taken.iter_mut().for_each(|(path, taken)| *taken = Taken::now(path));
    }

    /// Whether something differs from what was taken up, and no longer changes; it is taken up then. A file that was touched, or put
    /// back as it was, differs in nothing.
    pub(super) fn has_settled(&mut self) -> bool {
        let now: Vec<Mark> = self.taken.keys().map(|path| mark(path)).collect();
        let is_still = now == self.seen;
        let is_taken = self.taken.values().map(|taken| &taken.mark).eq(&now);
        self.seen = now;
        if is_taken || !is_still {
            return false;
        }
        let before: Vec<Option<String>> = self.taken.values().map(|taken| taken.digest.clone()).collect();
        self.take();
        self.taken.values().map(|taken| &taken.digest).ne(&before)
    }

    /// Watches these files as well, from what they are now.
    pub(super) fn also(&mut self, files: Vec<PathBuf>) {
        for file in files {
            let taken = self.taken.remove(&file).unwrap_or_else(|| Taken::now(&file));
            self.taken.insert(file, taken);
        }
    }

    /// Watches none but these.
    pub(super) fn only(&mut self, files: &[PathBuf]) {
        self.taken.retain(|path, _| files.contains(path));
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;

    #[test]
    fn a_change_is_taken_up_once_and_only_after_it_has_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("doorward.toml");
        std::fs::write(&file, "one").expect("written");
        let mut watch = Watch::new(vec![file.clone()]);
        assert!(!watch.has_settled());
        for half in ["tw", "two, and more", "two, and more of it"] {
            std::fs::write(&file, half).expect("written");
            assert!(!watch.has_settled(), "{half:?} may be half of it");
        }
        assert!(watch.has_settled());
        assert!(!watch.has_settled());
    }

    #[test]
    fn what_holds_what_it_held_has_not_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, other) = (folder.path().join("doorward.toml"), folder.path().join("new"));
        std::fs::write(&file, "one").expect("written");
        let mut watch = Watch::new(vec![file.clone()]);
        std::fs::write(&other, "one").expect("written");
        std::fs::rename(&other, &file).expect("renamed");
        assert!((0..3).all(|_| !watch.has_settled()));
        std::fs::write(&other, "two").expect("written");
        std::fs::rename(&other, &file).expect("renamed");
        assert!((0..3).any(|_| watch.has_settled()));
    }

    #[test]
    fn a_file_that_goes_away_and_one_that_comes_are_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("users");
        let mut watch = Watch::new(vec![file.clone()]);
        std::fs::write(&file, "one").expect("written");
        assert!((0..3).any(|_| watch.has_settled()));
        std::fs::remove_file(&file).expect("removed");
        assert!((0..3).any(|_| watch.has_settled()));
    }
}
