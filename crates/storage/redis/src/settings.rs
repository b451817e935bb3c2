//! Where Redis is, and how it is spoken to.

use std::path::PathBuf;

use doorward_kit::Secret;

/// A server, and the part of it that is ours. Has no `Debug`: it holds a password.
pub struct RedisSettings {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub protection: Protection,
    /// Who signs in; `default` when absent.
    pub user: Option<String>,
    /// With which password.
    pub password: Option<Secret<String>>,
    /// Number of the database.
    pub database: u32,
    /// What every key begins with.
    pub prefix: String,
    /// What of a server that drops keys to make room.
    pub eviction: Eviction,
}

/// How the connection is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// TLS, certificate and name verified.
    Tls {
        /// PEM certificates of the only authorities that may vouch for the server; those of the system when absent.
        ca_file: Option<PathBuf>,
    },
}

/// What of a server whose `maxmemory-policy` lets it drop keys before their time: whoever fills its memory resets the limits
/// (APP-RL-16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eviction {
    /// It is not used.
    Refuse,
    /// The log says so, and it is used: for a developer's own machine.
    Warn,
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The file of authorities cannot be read, or holds none.
    #[error("{}: holds no certificate of an authority that can be read", .0.display())]
    CaFile(PathBuf),
    /// The system's authorities cannot be read, or there are none.
    #[error("this system has no list of certificate authorities: install it, or set ca_file")]
    NoSystemAuthorities,
    /// The name of the server is none that a certificate could bear.
    #[error("the server's name cannot be verified")]
    Name,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}
