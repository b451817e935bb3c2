//! Where the database is, and how it is spoken to.

use std::path::PathBuf;

use doorward_kit::Secret;

/// A database on a server.
#[derive(Debug)]
pub struct PostgresSettings {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user, who owns the tables.
    pub user: String,
    /// Its password, where the server asks for one.
    pub password: Option<Secret<String>>,
    /// Name of the database, which has to be there.
    pub database: String,
    /// How the way to it is protected.
    pub tls: PostgresTls,
    /// Connections at most.
    pub max_connections: u32,
}

/// How the way to the server is protected. There is nothing between: a certificate that is not verified protects from nobody.
#[derive(Debug)]
pub enum PostgresTls {
    /// Not at all: a loopback address.
    Plain,
    /// Certificate and name are verified.
    VerifyFull {
        /// PEM file of authorities that count besides the public ones, which the client always knows.
        ca_file: Option<PathBuf>,
    },
}
