//! Opening the file: who may read it, how it is written, which migrations it has seen.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Sqlite, pool::PoolOptions};

use crate::store::SqliteStore;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Only the owner reads password hashes and addresses.
const MODE: u32 = 0o600;
/// How long a unit of work waits for its turn, and for another process that writes.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections that read.
const READERS: u32 = 4;

/// Why the database could not be opened. Names no value of a row.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made or its mode cannot be set.
    #[error("database file cannot be made private to its owner")]
    File(#[source] std::io::Error),
    /// SQLite cannot open it.
    #[error("database cannot be opened: {0}")]
    Database(doorward_domain::StoreError),
    /// It was made by another version, or a migration failed.
    #[error("database cannot be brought up to date: {0}")]
    Migration(sqlx::migrate::MigrateError),
}

impl SqliteStore {
    /// Opens the database at `path`, making it if need be (mode 0600), and applies the migrations it has not seen.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        make_private(path).map_err(OpenError::File)?;
        let writer = connect(pool(1), options(path)).await?;
        MIGRATIONS.run(&writer).await.map_err(OpenError::Migration)?;
        let readers = connect(pool(READERS), options(path).pragma("query_only", "ON")).await?;
        Ok(Self { writer, readers })
    }
}

/// SQLite gives its log files the mode of the database, so making that one private is enough.
fn make_private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(MODE).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(MODE))
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        // What is deleted is overwritten: a hash or digest does not linger in a free page.
        .pragma("secure_delete", "ON")
        .pragma("trusted_schema", "OFF")
        .disable_statement_logging()
}

fn pool(connections: u32) -> PoolOptions<Sqlite> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(PATIENCE)
        // A connection is a file handle: it does not go stale.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

async fn connect(pool: PoolOptions<Sqlite>, options: SqliteConnectOptions) -> Result<SqlitePool, OpenError> {
    pool.connect_with(options).await.map_err(|error| OpenError::Database(crate::error::fault(error)))
}
