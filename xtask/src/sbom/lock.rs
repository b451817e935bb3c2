//! Checksums of `Cargo.lock`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::TaskError;

/// SHA-256 of every package that comes from a registry.
pub(super) struct Checksums(BTreeMap<(String, String), String>);

#[derive(Deserialize)]
struct LockFile {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Checksums {
    /// # Errors
    /// When the text is no lock file.
    pub(super) fn parse(text: &str) -> Result<Self, TaskError> {
        let lock: LockFile = toml::from_str(text).map_err(|error| TaskError::NotRight(format!("Cargo.lock: {error}")))?;
        let known = lock.package.into_iter().filter_map(|locked| Some(((locked.name, locked.version), locked.checksum?)));
        Ok(Self(known.collect()))
    }

    /// # Errors
    /// When the package has none: it is not pinned.
    pub(super) fn of(&self, name: &str, version: &str) -> Result<&str, TaskError> {
        let found = self.0.get(&(name.to_owned(), version.to_owned()));
        found.map(String::as_str).ok_or_else(|| TaskError::NotRight(format!("{name} {version} has no checksum in Cargo.lock")))
    }
}
