//! Right credentials of gates, read from files that only the operator can read: never from the command line (VER-16).

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use doorward_kit::Secret;

/// More than any list of gates needs.
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// A user that a gate lets in.
#[derive(Debug, Clone)]
pub struct GateCredential {
    /// Name of the gate.
    pub gate: String,
    /// User name, no colon.
    pub user: String,
    /// Password.
    pub password: Secret<String>,
    /// What the UI behind the gate answers: 200 unless the file says otherwise.
    pub status: u16,
}

/// Why credentials were refused. No line is repeated: it may hold what it should not.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// As the file system says.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others could read it.
    #[error("{} may be read by others; make it mode 0600", path.display())]
    Mode {
        /// Which file.
        path: PathBuf,
    },
    /// A line is not as it should be.
    #[error("{}:{line}: a line is GATE USER PASSWORD-FILE and at most the expected status", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

/// Reads a list of `GATE USER PASSWORD-FILE [STATUS]`, one gate a line; `#` starts a comment, paths start at the list's folder.
///
/// # Errors
/// [`CredentialError`] when a file cannot be read, is open to others, or a line is malformed.
pub fn read_credentials(path: &Path) -> Result<Vec<GateCredential>, CredentialError> {
    let text = read_private(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let lines = text.expose().lines().enumerate();
    let lines =
        lines.map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| parse_line(line, folder, path, number)).collect()
}

fn parse_line(line: &str, folder: &Path, path: &Path, number: usize) -> Result<GateCredential, CredentialError> {
    let fault = || CredentialError::Line { path: path.to_owned(), line: number };
    let words: Vec<&str> = line.split_whitespace().collect();
    let (gate, user, file, status) = match words.as_slice() {
        [gate, user, file] => (gate, user, file, 200),
        [gate, user, file, status] => (gate, user, file, status.parse().map_err(|_| fault())?),
        _ => return Err(fault()),
    };
    if user.contains(':') || !(200..=599).contains(&status) {
        return Err(fault());
    }
    let password = read_private(&folder.join(file))?;
    let password = Secret::new(password.expose().trim_end_matches(['\r', '\n']).to_owned());
    Ok(GateCredential { gate: (*gate).to_owned(), user: (*user).to_owned(), password, status })
}

/// The mode is read from the open file, so that it cannot be swapped in between.
fn read_private(path: &Path) -> Result<Secret<String>, CredentialError> {
    let failed = |source| CredentialError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(CredentialError::Mode { path: path.to_owned() });
    }
    let mut text = String::new();
    file.take(FILE_MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(Secret::new(text))
}
