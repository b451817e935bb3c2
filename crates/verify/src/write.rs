//! Files that appear whole or not at all (VER-05).

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const MODE: u32 = 0o644;

/// A report could not be written; whatever was there before is untouched.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {source}", path.display())]
pub struct WriteError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Puts `content` in the place of `dir/name`: a temporary file beside it, `fsync`, `rename`, `fsync` of the folder.
///
/// `tag` tells the temporary files of runs apart.
pub(crate) fn replace(dir: &Path, name: &str, tag: &str, content: &[u8]) -> Result<(), WriteError> {
    replace_with(dir, name, tag, |file| file.write_all(content)).map_err(|source| WriteError { path: dir.join(name), source })
}

fn replace_with(dir: &Path, name: &str, tag: &str, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(dir)?;
    let temporary = dir.join(format!(".{name}.{tag}.tmp"));
    let written = write_new(&temporary, fill).and_then(|()| std::fs::rename(&temporary, dir.join(name)));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(dir)?.sync_all()
}

fn write_new(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path)?;
    // The umask may have taken bits away; readers of reports are not the service's user.
    file.set_permissions(Permissions::from_mode(MODE))?;
    fill(&mut file)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ver_05_a_write_that_breaks_off_leaves_the_old_file_and_no_other() {
        let dir = tempfile::tempdir().expect("a folder");
        replace(dir.path(), "report.json", "one", b"{\"old\":true}\n").expect("the first write");
        let broken = replace_with(dir.path(), "report.json", "two", |file| {
            file.write_all(b"{\"new\":")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert_eq!(broken.expect_err("the disk is full").kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(dir.path().join("report.json")).expect("still there"), b"{\"old\":true}\n");
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 1);
    }
}
