//! The vault of one process: a folder that nobody else may look into (TLS-09).

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use doorward_acme::{Challenge, Ledger, StoredAccount, StoredCertificate, Vault, VaultFault};
use doorward_kit::Timestamp;
use zeroize::Zeroizing;

use super::text;
use crate::private_file;

const ACCOUNT: &str = "account.json";
const CERTIFICATE: &str = "certificate.json";
const ATTEMPTS: &str = "attempts.json";
/// More than any chain with its key.
const LARGEST: u64 = 256 * 1024;

/// Why a folder or file is not used.
#[derive(Debug, thiserror::Error)]
pub enum FolderFault {
    /// The file system says no.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A symbolic link, a device, or a file where a folder has to be.
    #[error("{}: expected {expected}, and no symbolic link", path.display())]
    Kind {
        /// Which.
        path: PathBuf,
        /// `a folder` or `a file`.
        expected: &'static str,
    },
    /// Others may read, write or enter it.
    #[error("{}: others may get at it (mode {mode:03o}); chmod {wanted:03o} it", path.display())]
    Mode {
        /// Which.
        path: PathBuf,
        /// What it is.
        mode: u32,
        /// What it has to be.
        wanted: u32,
    },
    /// It belongs to somebody else.
    #[error("{}: belongs to user {owner}, and this process is user {own}", path.display())]
    Owner {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        own: u32,
    },
    /// A file that cannot be understood.
    #[error("{}: cannot be read as what it should hold; move it away, and another one is made", path.display())]
    Content {
        /// Which.
        path: PathBuf,
    },
}

/// `acme/` of the data folder.
#[derive(Debug, Clone)]
pub(super) struct Folder(Arc<Path>);

impl Folder {
    /// Makes the folder where it is missing, and looks at everything in it.
    pub(super) fn open(data_dir: &Path) -> Result<Self, FolderFault> {
        let path = data_dir.join("acme");
        match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private_file::make_dir(&path).map_err(|source| FolderFault::Io { path: path.clone(), source })?;
            }
            _ => {}
        }
        let folder = Self(path.into());
        folder.check()?;
        for name in [ACCOUNT, CERTIFICATE, ATTEMPTS] {
            folder.read(name)?;
        }
        Ok(folder)
    }

    pub(super) fn file_of(&self, what: &str) -> PathBuf {
        self.0.join(format!("{what}.json"))
    }

    fn check(&self) -> Result<(), FolderFault> {
        let seen = std::fs::symlink_metadata(&self.0).map_err(|source| FolderFault::Io { path: self.0.to_path_buf(), source })?;
        if !seen.is_dir() {
            return Err(FolderFault::Kind { path: self.0.to_path_buf(), expected: "a folder" });
        }
        is_private(&self.0, &seen, 0o700)
    }

    /// Reads a file of ours; everything that is checked is checked of the very file that is read.
    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, FolderFault> {
        self.check()?;
        let path = self.0.join(name);
        let failed = |source| FolderFault::Io { path: path.clone(), source };
        let named = match std::fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            named => named.map_err(failed)?,
        };
        let kind = || FolderFault::Kind { path: path.clone(), expected: "a file" };
        if !named.is_file() {
            return Err(kind());
        }
        let file = File::open(&path).map_err(failed)?;
        let seen = file.metadata().map_err(failed)?;
        if (seen.dev(), seen.ino()) != (named.dev(), named.ino()) {
            return Err(kind());
        }
        is_private(&path, &seen, 0o600)?;
        let mut content = Zeroizing::new(Vec::new());
        file.take(LARGEST).read_to_end(&mut content).map_err(failed)?;
        Ok(Some(content))
    }

    fn read_as<T>(&self, name: &str, parse: impl FnOnce(&[u8]) -> Option<T>) -> Result<Option<T>, FolderFault> {
        let content = self.read(name)?;
        content.map(|content| parse(&content).ok_or(FolderFault::Content { path: self.0.join(name) })).transpose()
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderFault> {
        self.check()?;
        let path = self.0.join(name);
        private_file::write(&path, content).map_err(|source| FolderFault::Io { path, source })
    }

    /// Runs what may block elsewhere.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, FolderFault> + Send + 'static,
    ) -> Result<T, VaultFault> {
        let folder = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        done.map_err(|_| VaultFault("the thread is gone".into()))?.map_err(|fault| VaultFault(fault.to_string()))
    }
}

fn is_private(path: &Path, seen: &Metadata, wanted: u32) -> Result<(), FolderFault> {
    let (mode, own) = (seen.permissions().mode() & 0o7777, rustix::process::geteuid().as_raw());
    if seen.uid() != own {
        return Err(FolderFault::Owner { path: path.to_owned(), owner: seen.uid(), own });
    }
    if mode & !wanted != 0 {
        return Err(FolderFault::Mode { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

#[async_trait]
impl Vault for Folder {
    async fn account(&self) -> Result<Option<StoredAccount>, VaultFault> {
        self.apart(|folder| folder.read_as(ACCOUNT, text::account)).await
    }

    async fn save_account(&self, account: &StoredAccount) -> Result<(), VaultFault> {
        let content = text::of_account(account);
        self.apart(move |folder| folder.write(ACCOUNT, &content)).await
    }

    async fn certificate(&self) -> Result<Option<StoredCertificate>, VaultFault> {
        self.apart(|folder| folder.read_as(CERTIFICATE, text::certificate)).await
    }

    async fn save_certificate(&self, certificate: &StoredCertificate) -> Result<(), VaultFault> {
        let content = text::of_certificate(certificate);
        self.apart(move |folder| folder.write(CERTIFICATE, &content)).await
    }

    /// What cannot be understood is nothing: only the owner can have written it, who could as well have removed it.
    async fn attempts(&self) -> Result<Ledger, VaultFault> {
        let content = self.apart(|folder| folder.read(ATTEMPTS)).await?;
        let ledger = content.map(|content| {
            text::attempts(&content).unwrap_or_else(|| {
                tracing::warn!(target: "doorward", file = ATTEMPTS, "what is known of attempts cannot be read, and begins anew");
                Ledger::default()
            })
        });
        Ok(ledger.unwrap_or_default())
    }

    async fn save_attempts(&self, ledger: &Ledger) -> Result<(), VaultFault> {
        let content = text::of_attempts(ledger);
        self.apart(move |folder| folder.write(ATTEMPTS, &content)).await
    }

    /// There is nobody else: the database of this folder is one process's alone.
    async fn lease(&self, _: Timestamp, _: Timestamp) -> Result<bool, VaultFault> {
        Ok(true)
    }

    async fn release(&self) -> Result<(), VaultFault> {
        Ok(())
    }

    /// The node that orders is the node that answers, from memory.
    async fn save_challenge(&self, _: &Challenge) -> Result<(), VaultFault> {
        Ok(())
    }

    async fn challenges(&self, _: Timestamp) -> Result<Vec<Challenge>, VaultFault> {
        Ok(Vec::new())
    }

    async fn remove_challenge(&self, _: &str) -> Result<(), VaultFault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use doorward_kit::Secret;

    use super::*;

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    #[tokio::test]
    async fn what_is_written_is_the_owners_alone() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(data.path()).expect("made");
        let account = StoredAccount { directory: "https://a/dir".into(), credentials_json: Secret::new("{}".into()) };
        folder.save_account(&account).await.expect("saved");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o7777;
        assert_eq!((mode(&data.path().join("acme")), mode(&folder.file_of("account"))), (0o700, 0o600));
        assert!(folder.account().await.expect("read").is_some_and(|read| read.directory == "https://a/dir"));
        assert!(folder.certificate().await.expect("read").is_none());
    }

    #[tokio::test]
    async fn what_others_may_get_at_is_refused_at_the_start_and_later() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(data.path()).expect("made");
        let account = StoredAccount { directory: "https://a/dir".into(), credentials_json: Secret::new("{}".into()) };
        folder.save_account(&account).await.expect("saved");
        let file = folder.file_of("account");
        for mode in [0o644, 0o640, 0o604, 0o660, 0o700, 0o4600] {
            chmod(&file, mode);
            assert!(matches!(Folder::open(data.path()), Err(FolderFault::Mode { .. })), "{mode:o}");
            assert!(folder.account().await.is_err(), "{mode:o}");
        }
        chmod(&file, 0o400);
        assert!(Folder::open(data.path()).is_ok(), "stricter is fine");
        chmod(&file, 0o600);
        for mode in [0o755, 0o750, 0o701, 0o1700] {
            chmod(&data.path().join("acme"), mode);
            assert!(matches!(Folder::open(data.path()), Err(FolderFault::Mode { .. })), "{mode:o}");
            assert!(folder.save_account(&account).await.is_err(), "{mode:o}");
        }
    }

    #[tokio::test]
    async fn attempts_are_kept_and_only_what_the_owner_spoiled_begins_anew() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(data.path()).expect("made");
        assert_eq!(folder.attempts().await.expect("nothing yet"), Ledger::default());
        let (mut ledger, now) = (Ledger::default(), Timestamp::UNIX_EPOCH);
        ledger.attempt(&["app.test".parse().expect("a host")], now);
        folder.save_attempts(&ledger).await.expect("saved");
        let again = Folder::open(data.path()).expect("opened");
        assert_eq!(again.attempts().await.expect("read"), ledger);
        let file = folder.file_of("attempts");
        // Others may have written it: that is a fault, not a new beginning.
        chmod(&file, 0o660);
        assert!(folder.attempts().await.is_err() && matches!(Folder::open(data.path()), Err(FolderFault::Mode { .. })));
        chmod(&file, 0o600);
        std::fs::write(&file, "{\"attempts\":{").expect("written");
        assert_eq!(folder.attempts().await.expect("spoiled"), Ledger::default());
        folder.save_attempts(&ledger).await.expect("saved");
        assert_eq!(folder.attempts().await.expect("read"), ledger);
    }

    #[test]
    fn links_and_folders_in_place_of_files_are_refused() {
        let data = tempfile::tempdir().expect("a folder");
        let elsewhere = tempfile::tempdir().expect("a folder");
        let other = elsewhere.path().join("certificate.json");
        std::fs::write(&other, "{}").expect("written");
        chmod(&other, 0o600);
        symlink(elsewhere.path(), data.path().join("acme")).expect("a link");
        assert!(matches!(Folder::open(data.path()), Err(FolderFault::Kind { .. })));
        std::fs::remove_file(data.path().join("acme")).expect("removed");
        let folder = Folder::open(data.path()).expect("made");
        symlink(&other, folder.file_of("certificate")).expect("a link");
        assert!(matches!(Folder::open(data.path()), Err(FolderFault::Kind { .. })));
        std::fs::remove_file(folder.file_of("certificate")).expect("removed");
        std::fs::create_dir(folder.file_of("account")).expect("made");
        assert!(matches!(Folder::open(data.path()), Err(FolderFault::Kind { .. })));
    }

    #[test]
    fn a_file_of_somebody_else_is_refused() {
        if !crate::process::is_root() {
            return;
        }
        let data = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(data.path()).expect("made");
        private_file::write(&folder.file_of("account"), b"{}").expect("written");
        std::os::unix::fs::chown(folder.file_of("account"), Some(65534), None).expect("given away");
        assert!(matches!(Folder::open(data.path()), Err(FolderFault::Owner { owner: 65534, .. })));
    }
}
