//! `[store]`, `[counters]`, `[mail]` and `[audit]`: what this process keeps its state in and sends its mail through.

use std::path::{Path, PathBuf};
use std::time::Duration;

use doorward_kit::Host;

use super::SecretSource;

/// A server that this process is a client of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Name or address.
    pub host: Host,
    /// Never zero.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// Who signs in.
    pub user: Option<String>,
    /// With which password; always there for stores and counters outside development (EXPO-02).
    pub password: Option<SecretSource>,
    /// PEM certificates of the only authorities that may vouch for the server; those of the system when absent.
    pub ca_file: Option<PathBuf>,
}

impl Remote {
    /// The file of the password, when that is where it is.
    pub(crate) fn password_path(&self) -> Option<&Path> {
        match self.password.as_ref()? {
            SecretSource::File(path) => Some(path),
            SecretSource::Env(_) => None,
        }
    }
}

/// How a connection to a server is protected. There is no opportunistic TLS and no unverified TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Not at all: a loopback address.
    Plain,
    /// TLS from the first octet, certificate and name verified.
    Tls,
    /// SMTP: TLS after STARTTLS; a server that does not offer it is not talked to.
    StartTls,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Store {
    /// A file `doorward.db` in the data folder.
    Sqlite,
    /// PostgreSQL; several nodes may share it.
    Postgres(Postgres),
}

/// A PostgreSQL database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// The server; the user is always there, the protection never STARTTLS.
    pub server: Remote,
    /// Name of the database: 1 to 63 letters, digits, `-` and `_`.
    pub database: String,
    /// Connections at most; 2 to 200, default 16.
    pub max_connections: u32,
}

/// `[counters]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counters {
    /// In this process.
    Memory,
    /// Redis or Valkey; several nodes may share it.
    Redis(Redis),
}

/// A Redis or Valkey database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redis {
    /// The server; the protection is never STARTTLS.
    pub server: Remote,
    /// Number of the database; 0 to 15.
    pub database: u32,
    /// What every key begins with: 1 to 32 letters, digits, `-`, `_`, `.` and `:`; default `doorward:`.
    pub prefix: String,
}

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// How mail leaves.
    pub transport: MailTransport,
    /// The `From` field, checked to be one mailbox.
    pub from: String,
    /// Mails that may wait at once; further ones are not queued (EMAIL-12). 100 to 1 000 000, default 10 000.
    pub queue_max: u32,
    /// Time before the first repetition, doubled for each further one; 1 s to 1 h, default 30 s.
    pub retry_first: Duration,
    /// A mail that has not left after this long is given up; 10 min to 7 d, default 24 h.
    pub give_up: Duration,
}

impl Mail {
    /// Mail to files, with the defaults.
    #[must_use]
    pub fn to_files(from: &str) -> Self {
        Self {
            transport: MailTransport::File,
            from: from.to_owned(),
            queue_max: 10_000,
            retry_first: Duration::from_secs(30),
            give_up: Duration::from_secs(86_400),
        }
    }
}

/// How mail leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailTransport {
    /// One `.eml` file a message in `mail/` of the data folder.
    File,
    /// A relay; user and password both or neither.
    Smtp(Remote),
}

/// `[audit]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// How long entries are kept; 30 to 3650 d, default 400 d.
    pub retention: Duration,
    /// Entries are also appended here, one line of JSON each, to be shipped off this host.
    pub file: Option<PathBuf>,
    /// The file is rotated at this size; 1 to 4096 MiB, default 64.
    pub file_max_mib: u32,
    /// The chain's head is also written here from time to time, so that a chain cut at its end is told (AUD-07).
    pub anchor_file: Option<PathBuf>,
}

/// What holds when the section is empty.
impl Default for Audit {
    fn default() -> Self {
        Self { retention: Duration::from_secs(400 * 86_400), file: None, file_max_mib: 64, anchor_file: None }
    }
}
