//! Reads a secret from where the configuration says it is. The only part of this room that opens another file,
//! and not while the configuration is read. Errors never repeat the value.

use std::io::{self, Read as _};
use std::path::Path;

use doorward_kit::Secret;
use doorward_kit::key::MASTER_KEY_MIN_BYTES;

use crate::env::EnvSource;
use crate::model::{SecretSource, SecretText};

/// The largest secret that is read: 4 KiB.
const MAX_BYTES: u64 = 4096;
/// Fewer different octets than this are a pattern, not a random key.
const LEAST_VARIETY: usize = 10;
const PLACEHOLDERS: &[&str] = &[
    "change_me",
    "changeme",
    "change-me",
    "placeholder",
    "replace",
    "your_",
    "your-",
    "example",
    "secret",
    "password",
    "todo",
    "xxx",
];

/// Why a secret was refused.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("{path}: cannot be read")]
    File {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// Others may read the file.
    #[error("{path}: others may read it (mode {mode:03o}); chmod 600 it")]
    Open {
        /// Which file.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// The variable is not set.
    #[error("{0}: the variable is not set")]
    Unset(String),
    /// Not UTF-8, or longer than 4 KiB.
    #[error("{0}: not a text of at most 4096 octets; write random octets as base64 or hexadecimal")]
    Form(String),
    /// Too short.
    #[error("{0}: shorter than {MASTER_KEY_MIN_BYTES} octets")]
    Short(String),
    /// A word that was to be replaced, or a pattern.
    #[error("{0}: a placeholder, not a random secret")]
    Placeholder(String),
}

impl SecretSource {
    /// Reads the secret and holds it to the least that a key must be: 32 octets, no placeholder, in a file that only its owner
    /// may read (CFG-01).
    ///
    /// # Errors
    /// [`SecretError`], which names the file or variable and never the value.
    pub fn read(&self, env: &dyn EnvSource) -> Result<SecretText, SecretError> {
        let (name, secret) = self.fetch(env)?;
        judge(&name, secret.expose())?;
        Ok(secret)
    }

    /// Reads a password that somebody else issued, such as a mail provider: it is as long as they made it, so that only its form
    /// is judged, and that it is not empty or a placeholder. The file may be read by its owner alone, as ever.
    ///
    /// # Errors
    /// [`SecretError`], which names the file or variable and never the value.
    pub fn read_issued(&self, env: &dyn EnvSource) -> Result<SecretText, SecretError> {
        let (name, secret) = self.fetch(env)?;
        judge_form(&name, secret.expose())?;
        if secret.expose().is_empty() || secret.expose().contains(char::is_control) {
            return Err(SecretError::Form(name));
        }
        Ok(secret)
    }

    fn fetch(&self, env: &dyn EnvSource) -> Result<(String, SecretText), SecretError> {
        Ok(match self {
            Self::File(path) => (path.display().to_string(), read_file(path)?),
            Self::Env(name) => {
                let value = env.get(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                (name.clone(), Secret::new(value))
            }
        })
    }
}

fn read_file(path: &Path) -> Result<SecretText, SecretError> {
    let name = || path.display().to_string();
    let fail = |error| SecretError::File { path: name(), error };
    let file = std::fs::File::open(path).map_err(fail)?;
    refuse_open_mode(&file, path)?;
    let mut text = String::with_capacity(MAX_BYTES as usize + 1);
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    let end = text.strip_suffix('\n').map_or(text.len(), |rest| rest.strip_suffix('\r').unwrap_or(rest).len());
    text.truncate(end);
    let secret = Secret::new(text);
    match read {
        Ok(_) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SecretError::Form(name())),
        Err(error) => Err(fail(error)),
    }
}

/// The mode is asked of the open file, so that what is checked is what is read.
#[cfg(unix)]
fn refuse_open_mode(file: &std::fs::File, path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt as _;
    let name = || path.display().to_string();
    let mode = file.metadata().map_err(|error| SecretError::File { path: name(), error })?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(SecretError::Open { path: name(), mode }) }
}

#[cfg(not(unix))]
fn refuse_open_mode(_file: &std::fs::File, _path: &Path) -> Result<(), SecretError> {
    Ok(())
}

fn judge_form(name: &str, text: &str) -> Result<(), SecretError> {
    if text.len() as u64 > MAX_BYTES || text.contains('\u{fffd}') {
        return Err(SecretError::Form(name.to_owned()));
    }
    let lower = text.trim_start().to_ascii_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower.starts_with(word)) {
        return Err(SecretError::Placeholder(name.to_owned()));
    }
    Ok(())
}

fn judge(name: &str, text: &str) -> Result<(), SecretError> {
    judge_form(name, text)?;
    if text.len() < MASTER_KEY_MIN_BYTES {
        return Err(SecretError::Short(name.to_owned()));
    }
    let mut seen = [false; 256];
    text.bytes().for_each(|byte| seen[usize::from(byte)] = true);
    if seen.iter().filter(|seen| **seen).count() < LEAST_VARIETY {
        return Err(SecretError::Placeholder(name.to_owned()));
    }
    Ok(())
}
