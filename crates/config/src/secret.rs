//! Reads a secret from where the configuration says it is. The only part of this room that opens another file,
//! and not while the configuration is read. Errors never repeat the value.

use std::io::{self, Read as _};
use std::path::Path;

use doorward_kit::key::MASTER_KEY_MIN_BYTES;
use doorward_kit::redact::LoggedPath;
use doorward_kit::ring::{RING_MAX_BYTES, is_pattern, is_ring};
use doorward_kit::{KeyRing, RingError, Secret};

use crate::env::EnvSource;
use crate::model::{SecretSource, SecretText};

/// The largest secret that is read: 4 KiB.
const MAX_BYTES: u64 = 4096;
/// Words that stand where a secret is to be put, at the beginning of a text. None is so short that chance would write it in base64.
const PLACEHOLDERS: &[&str] =
    &["replace", "your_", "your-", "example", "secret", "password", "passwort", "todo_", "xxxxxx", "<", "${"];
/// Words that no secret holds anywhere.
const GIVEAWAYS: &[&str] = &["change_me", "changeme", "change-me", "placeholder"];

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
    /// Not UTF-8, longer than 4 KiB, with a control character, or with a byte order mark.
    #[error(
        "{0}: not one line of text of at most 4096 octets; write random octets as base64 or hexadecimal, without byte order mark"
    )]
    Form(String),
    /// Nothing in it.
    #[error("{0}: empty")]
    Empty(String),
    /// Too short.
    #[error("{0}: shorter than {MASTER_KEY_MIN_BYTES} octets")]
    Short(String),
    /// A word that was to be replaced, or a pattern.
    #[error("{0}: a placeholder or a pattern, not a random secret")]
    Placeholder(String),
    /// A ring of keys that is none.
    #[error("{name}: {error}")]
    Ring {
        /// Which file or variable.
        name: String,
        /// Why.
        #[source]
        error: RingError,
    },
}

impl SecretSource {
    /// Reads the secret and holds it to the least that a key must be: 32 octets, no placeholder, in a file that only its owner
    /// may read (CFG-01).
    ///
    /// # Errors
    /// [`SecretError`], which names the file or variable and never the value.
    pub fn read(&self, env: &dyn EnvSource) -> Result<SecretText, SecretError> {
        let (name, secret) = self.fetch(env, MAX_BYTES)?;
        judge(&name, secret.expose())?;
        Ok(secret)
    }

    /// Reads the master keys: a ring of them, or one secret as [`Self::read`] takes it.
    ///
    /// # Errors
    /// [`SecretError`], which names the file or variable and never the value.
    pub fn read_ring(&self, env: &dyn EnvSource) -> Result<KeyRing, SecretError> {
        self.read_ring_text(env).map(|(ring, _)| ring)
    }

    /// As [`Self::read_ring`], with the text, for whoever writes the next one.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn read_ring_text(&self, env: &dyn EnvSource) -> Result<(KeyRing, SecretText), SecretError> {
        let (name, secret) = self.fetch(env, RING_MAX_BYTES)?;
        Ok((judge_ring(name, secret.expose())?, secret))
    }

    /// Reads a password that somebody else issued, such as a mail provider: it is as long as they made it, so that only its form
    /// is judged, and that it is not empty or a placeholder. The file may be read by its owner alone, as ever.
    ///
    /// # Errors
    /// [`SecretError`], which names the file or variable and never the value.
    pub fn read_issued(&self, env: &dyn EnvSource) -> Result<SecretText, SecretError> {
        let (name, secret) = self.fetch(env, MAX_BYTES)?;
        judge_form(&name, secret.expose())?;
        Ok(secret)
    }

    fn fetch(&self, env: &dyn EnvSource, limit: u64) -> Result<(String, SecretText), SecretError> {
        Ok(match self {
            Self::File(path) => (shown(path), read_file(path, limit)?),
            Self::Env(name) => {
                let value = env.get(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
                (name.clone(), Secret::new(value))
            }
        })
    }
}

/// The name of a file. Whoever wrote the secret itself where its file should be named is not to read it in a log.
fn shown(path: &Path) -> String {
    LoggedPath(&path.display().to_string()).to_string()
}

fn read_file(path: &Path, limit: u64) -> Result<SecretText, SecretError> {
    let fail = |error| SecretError::File { path: shown(path), error };
    let file = std::fs::File::open(path).map_err(fail)?;
    refuse_open_mode(&file, path)?;
    let mut text = String::with_capacity(usize::try_from(limit + 1).unwrap_or_default());
    let read = file.take(limit + 1).read_to_string(&mut text);
    // Line ends at the end are an editor's, however many.
    text.truncate(text.trim_end_matches(['\n', '\r']).len());
    let secret = Secret::new(text);
    match read {
        Ok(_) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(SecretError::Form(shown(path))),
        Err(error) => Err(fail(error)),
    }
}

/// The mode is asked of the open file, so that what is checked is what is read.
#[cfg(unix)]
fn refuse_open_mode(file: &std::fs::File, path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_err(|error| SecretError::File { path: shown(path), error })?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(SecretError::Open { path: shown(path), mode }) }
}

#[cfg(not(unix))]
fn refuse_open_mode(_file: &std::fs::File, _path: &Path) -> Result<(), SecretError> {
    Ok(())
}

fn judge_form(name: &str, text: &str) -> Result<(), SecretError> {
    if text.len() as u64 > MAX_BYTES || text.contains(['\u{fffd}', '\u{feff}']) || text.contains(char::is_control) {
        return Err(SecretError::Form(name.to_owned()));
    }
    let lower = text.trim().to_ascii_lowercase();
    if lower.is_empty() {
        return Err(SecretError::Empty(name.to_owned()));
    }
    let is_placeholder =
        PLACEHOLDERS.iter().any(|word| lower.starts_with(word)) || GIVEAWAYS.iter().any(|word| lower.contains(word));
    if is_placeholder { Err(SecretError::Placeholder(name.to_owned())) } else { Ok(()) }
}

fn judge(name: &str, text: &str) -> Result<(), SecretError> {
    judge_form(name, text)?;
    if text.len() < MASTER_KEY_MIN_BYTES {
        return Err(SecretError::Short(name.to_owned()));
    }
    if is_pattern(text.as_bytes()) {
        return Err(SecretError::Placeholder(name.to_owned()));
    }
    Ok(())
}

fn judge_ring(name: String, text: &str) -> Result<KeyRing, SecretError> {
    if !is_ring(text) {
        judge(&name, text)?;
    } else if text.len() as u64 > RING_MAX_BYTES {
        return Err(SecretError::Form(name));
    }
    KeyRing::parse(text).map_err(|error| SecretError::Ring { name, error })
}
