//! A gate's users file: `name:hash` a line, as Apache's htpasswd writes it (GATE-06).

use std::collections::HashMap;
use std::path::Path;

use super::hash::{HashFault, StoredHash, WorkClass};

/// A file of more is not a users file.
const MAX_BYTES: u64 = 1024 * 1024;

/// Why a users file is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UsersFault {
    /// The system says no.
    #[error("cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// Larger than 1 MiB.
    #[error("is larger than a users file can be")]
    TooLarge,
    /// Nobody could pass.
    #[error("names no user")]
    Empty,
    /// A line is wrong.
    #[error("line {line}: {fault}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        #[source]
        fault: LineFault,
    },
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Not `name:hash`, or not UTF-8.
    #[error("is not of the form name:hash")]
    Form,
    /// Empty, or with a control.
    #[error("the user name is empty or holds a control character")]
    UserName,
    /// The name came before.
    #[error("the user name came before")]
    Duplicate,
    /// The hash is not taken.
    #[error(transparent)]
    Hash(#[from] HashFault),
}

/// Everybody who can prove who they are at one gate.
pub(super) struct Users {
    by_name: HashMap<Box<str>, StoredHash>,
    /// One hash of nobody for every class of work in the file.
    dummies: Vec<StoredHash>,
}

impl Users {
    /// Reads a file.
    pub(super) fn load(path: &Path) -> Result<Self, UsersFault> {
        let size = std::fs::metadata(path).map_err(UsersFault::Unreadable)?.len();
        if size > MAX_BYTES {
            return Err(UsersFault::TooLarge);
        }
        Self::parse(&std::fs::read(path).map_err(UsersFault::Unreadable)?)
    }

    fn parse(content: &[u8]) -> Result<Self, UsersFault> {
        let mut users = Self { by_name: HashMap::new(), dummies: Vec::new() };
        for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
            users.add(line).map_err(|fault| UsersFault::Line { line: index + 1, fault })?;
        }
        if users.by_name.is_empty() { Err(UsersFault::Empty) } else { Ok(users) }
    }

    /// Takes one line; blank lines and those that start with `#` say nothing.
    fn add(&mut self, line: &[u8]) -> Result<(), LineFault> {
        let line = std::str::from_utf8(line).map_err(|_| LineFault::Form)?;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (name, hash) = line.split_once(':').ok_or(LineFault::Form)?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(LineFault::UserName);
        }
        let hash = StoredHash::parse(hash)?;
        self.add_class(hash.class())?;
        match self.by_name.insert(name.into(), hash) {
            None => Ok(()),
            Some(_) => Err(LineFault::Duplicate),
        }
    }

    fn add_class(&mut self, class: WorkClass) -> Result<(), HashFault> {
        if self.dummies.iter().all(|dummy| dummy.class() != class) {
            self.dummies.push(StoredHash::dummy(class)?);
        }
        Ok(())
    }

    /// The hash of a user.
    pub(super) fn hash(&self, name: &str) -> Option<&StoredHash> {
        self.by_name.get(name)
    }

    /// Whether this is the user's password. One hash of every class in the file is computed whoever is asked for, so that neither
    /// an unknown name nor a cheaper hash shows in the time (GATE-15). Blocks for it.
    pub(super) fn verify(&self, name: &str, password: &[u8]) -> bool {
        let own = self.by_name.get(name);
        self.dummies.iter().fold(false, |matched, dummy| match own {
            Some(hash) if hash.class() == dummy.class() => hash.verify(password) | matched,
            _ => {
                std::hint::black_box(dummy.verify(password));
                matched
            }
        })
    }
}
