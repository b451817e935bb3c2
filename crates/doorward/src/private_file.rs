//! Files that only the service's user may read.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;

/// Makes a folder with mode 0700, parents included; an existing one is left as it is.
///
/// # Errors
/// As the file system says.
pub fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file with mode 0600 that appears whole or not at all.
///
/// # Errors
/// As the file system says.
pub fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    write_as(path, content, None)
}

/// As [`write()`], in place of a file that is there: its owner stays the owner, whoever writes. A symbolic link goes on leading to it.
///
/// # Errors
/// As the file system says; the former file is then as it was.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let owner = std::fs::metadata(&path)?;
    write_as(&path, content, Some((owner.uid(), owner.gid())))
}

fn write_as(path: &Path, content: &[u8], owner: Option<(u32, u32)>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    // A left-over of a crash must not decide the mode of the new file.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    let written = file.write_all(content).and_then(|()| match owner {
        Some((user, group)) if file.metadata().is_ok_and(|own| (own.uid(), own.gid()) != (user, group)) => {
            fchown(&file, Some(user), Some(group))
        }
        _ => Ok(()),
    });
    if let Err(error) = written.and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&temporary, path)) {
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    // The name is in the folder, and the folder is a file of its own.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder)?.sync_all()
}

/// Reads a file, or makes and writes its content when it is not there.
///
/// # Errors
/// As the file system says.
pub fn read_or_make(path: &Path, make: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let content = make()?;
            write(path, &content)?;
            Ok(content)
        }
        other => other,
    }
}
