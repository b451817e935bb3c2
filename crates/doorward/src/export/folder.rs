//! The folder that an export is written to: whole files, and never over what somebody else wrote.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Export;

/// How every file begins that may be written again.
pub const MARK: &str = "# Written by doorward export; the next export writes it anew, changes by hand are lost.\n";

/// The file that names what the edge cannot hold.
pub const LIMITS: &str = "LIMITS.md";

/// Why the folder is as it was, or nearly.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file of somebody else has the name.
    #[error("{0} was not written by doorward export and stays as it is")]
    Foreign(PathBuf),
    /// What the file system said.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// What.
        source: io::Error,
    },
}

/// Writes all files; looks at all of them before it writes the first.
///
/// # Errors
/// [`FolderError`] when a name is taken or the file system does not let it.
pub fn write(folder: &Path, export: &Export) -> Result<Vec<PathBuf>, FolderError> {
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let limits = limits(&export.limits);
    let mut files: Vec<(PathBuf, &str)> = export.files.iter().map(|(name, text)| (folder.join(name), text.as_str())).collect();
    files.push((folder.join(LIMITS), &limits));
    files.iter().try_for_each(|(path, _)| ours(path))?;
    files.iter().try_for_each(|(path, text)| replace(path, text).map_err(at(path)))?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_owned();
    |source| FolderError::Io { path, source }
}

fn limits(lines: &[String]) -> String {
    let items: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    format!("\nWhat the edge of this folder does not hold of the policy that Doorward itself holds:\n\n{items}")
}

fn ours(path: &Path) -> Result<(), FolderError> {
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(path)(error)),
        Ok(data) if !data.is_file() => return Err(FolderError::Foreign(path.to_owned())),
        Ok(_) => {}
    }
    let text = std::fs::read(path).map_err(at(path))?;
    if text.starts_with(MARK.as_bytes()) { Ok(()) } else { Err(FolderError::Foreign(path.to_owned())) }
}

/// The edge reads it as another user, so it is as readable as the user's mask lets it be; there is no secret in it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&temporary)?;
    let written = file.write_all(MARK.as_bytes()).and_then(|()| file.write_all(text.as_bytes())).and_then(|()| file.sync_all());
    written.and_then(|()| std::fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Export {
        Export { files: vec![("a.toml", "x = 1\n".to_owned())], limits: vec!["It cannot fly.".to_owned()] }
    }

    #[test]
    fn an_export_is_written_again_over_its_own_files_alone() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().join("edge");
        write(&folder, &export()).expect("written");
        write(&folder, &export()).expect("written again");
        let limits = std::fs::read_to_string(folder.join(LIMITS)).expect("limits");
        assert!(limits.starts_with(MARK) && limits.contains("- It cannot fly.\n"), "{limits}");

        std::fs::write(folder.join(LIMITS), "mine").expect("written");
        std::fs::remove_file(folder.join("a.toml")).expect("removed");
        assert!(matches!(write(&folder, &export()), Err(FolderError::Foreign(path)) if path.ends_with(LIMITS)));
        assert!(!folder.join("a.toml").exists(), "nothing is written when one name is taken");
        std::fs::remove_file(folder.join(LIMITS)).expect("removed");
        std::os::unix::fs::symlink(folder.join("elsewhere"), folder.join("a.toml")).expect("a link");
        assert!(matches!(write(&folder, &export()), Err(FolderError::Foreign(_))), "a link is nobody's file of ours");
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1, "no left-overs");
    }
}
