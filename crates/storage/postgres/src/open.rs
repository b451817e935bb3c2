//! Opening the database: how connections are made, which migrations it has seen.

use std::time::Duration;

use doorward_domain::StoreError;
use sqlx::ConnectOptions as _;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};

use crate::error::fault;
use crate::settings::{PostgresSettings, PostgresTls};
use crate::store::PostgresStore;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a unit of work waits for a connection, and a statement for a lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// The server's own limits, in milliseconds: a statement, a wait for a lock, and a transaction whose node says nothing any more.
const LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "10000"), ("lock_timeout", "5000"), ("idle_in_transaction_session_timeout", "30000")];

/// Why the database could not be opened. Names no value of a row, no statement and no part of the address.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No connection came about.
    #[error("database cannot be opened: {0}")]
    Database(StoreError),
    /// It was made by another version.
    #[error("database cannot be brought up to date: {0}")]
    Version(&'static str),
    /// A migration failed.
    #[error("database cannot be brought up to date: {0}")]
    Migration(StoreError),
}

impl PostgresStore {
    /// Connects, and applies the migrations that the database has not seen. Nodes that start together take turns.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(PATIENCE)
            .connect_with(options(settings))
            .await
            .map_err(|error| OpenError::Database(fault(error)))?;
        MIGRATIONS.run(&pool).await.map_err(migration)?;
        Ok(Self { pool })
    }
}

fn migration(error: MigrateError) -> OpenError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => OpenError::Migration(fault(error)),
        MigrateError::VersionMissing(_) => OpenError::Version("a newer version was here before"),
        MigrateError::VersionMismatch(_) => OpenError::Version("it was made from other migrations"),
        MigrateError::Dirty(_) => OpenError::Version("a migration stopped half-way"),
        _ => OpenError::Version("its migrations cannot be told"),
    }
}

/// What the environment of the process could say of host, port, user, database, password and TLS mode is said here instead, and no password
/// file is read. Its certificate files and `PGOPTIONS` still reach the driver; our own limits are appended behind the latter.
fn options(settings: &PostgresSettings) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&settings.host)
        .port(settings.port)
        .username(&settings.user)
        .password(settings.password.as_ref().map_or("", |password| password.expose()))
        .database(&settings.database)
        .application_name("doorward")
        .options(LIMITS)
        .disable_statement_logging();
    match &settings.tls {
        PostgresTls::Plain => options.ssl_mode(PgSslMode::Disable),
        PostgresTls::VerifyFull { ca_file: None } => options.ssl_mode(PgSslMode::VerifyFull),
        PostgresTls::VerifyFull { ca_file: Some(file) } => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
    }
}
