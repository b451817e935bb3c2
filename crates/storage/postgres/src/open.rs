//! Opening the database: how connections are made, which migrations it has seen.

use std::net::IpAddr;
use std::time::Duration;

use doorward_domain::StoreError;
use doorward_kit::Secret;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::timeout;

use crate::error::fault;
use crate::settings::{PostgresSettings, PostgresTls};
use crate::store::PostgresStore;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// How long a unit of work waits for a connection, and a statement for a lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// The server's own limits, in milliseconds: a statement, a wait for a lock, and a transaction whose node says nothing any more.
const LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "8000"), ("lock_timeout", "5000"), ("idle_in_transaction_session_timeout", "30000")];

/// How long a migration may take, and how long another node's is waited for.
const MIGRATED_WITHIN: Duration = Duration::from_secs(15 * 60);
/// The server's own limits of a migration: none but that of a node that is gone.
const MIGRATION_LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "0"), ("lock_timeout", "0"), ("idle_in_transaction_session_timeout", "60000")];

/// What was answered is on the server's disk, whatever the server, the database or the user is set to. A stronger promise (`remote_write`,
/// `remote_apply`) stays as it is.
const DURABLE: &str =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local')";

/// Why the database could not be opened. Names no value of a row, no statement and no part of the address.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Passwords and tokens would cross a network in clear.
    #[error("database is not opened: without TLS only a server on this machine is spoken to")]
    Unprotected,
    /// A variable of the environment would change how the server is spoken to, and the driver takes it unasked.
    #[error("database is not opened: the environment sets {0}, which the configuration cannot overrule; unset it")]
    Environment(&'static str),
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
    /// Connects, and applies the migrations that the database has not seen. Nodes that start together take turns; the wait for another's
    /// migration ends after fifteen minutes.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(settings: &PostgresSettings) -> Result<Self, OpenError> {
        may_be_spoken_to(settings)?;
        timeout(MIGRATED_WITHIN, migrate(settings)).await.unwrap_or(Err(OpenError::Migration(NO_ANSWER)))?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| Box::pin(async move { sqlx::query(DURABLE).execute(connection).await.map(drop) }))
            .connect_with(options(settings, LIMITS))
            .await
            .map_err(|error| OpenError::Database(fault(error)))?;
        Ok(Self { pool })
    }
}

/// Connects once with a password that nobody has set. `true` from a server that lets the user in all the same: it asks nobody for a
/// password, and whoever reaches it has every account (EXPO-02). `false` from one that refuses, or cannot be reached in five seconds.
///
/// # Errors
/// [`OpenError::Unprotected`] or [`OpenError::Environment`], before anything is said.
pub async fn lets_in_whoever_comes(settings: &PostgresSettings, wrong: &Secret<String>) -> Result<bool, OpenError> {
    may_be_spoken_to(settings)?;
    let wrong = options(settings, LIMITS).password(wrong.expose());
    Ok(match timeout(PATIENCE, wrong.connect()).await {
        Ok(Ok(connection)) => {
            let _ = timeout(PATIENCE, connection.close()).await;
            true
        }
        Ok(Err(_)) | Err(_) => false,
    })
}

const NO_ANSWER: StoreError = StoreError::Unavailable("the server did not answer in time");

/// On a connection of its own, which has none of the pool's limits: whoever finds another node at it waits for its turn (the migrator takes
/// an advisory lock, which the server frees with the connection, however that ends).
async fn migrate(settings: &PostgresSettings) -> Result<(), OpenError> {
    let one = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
    let one = one.connect_with(options(settings, MIGRATION_LIMITS)).await.map_err(|error| OpenError::Database(fault(error)))?;
    let outcome = MIGRATIONS.run(&one).await.map_err(migration);
    one.close().await;
    outcome
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

fn may_be_spoken_to(settings: &PostgresSettings) -> Result<(), OpenError> {
    if matches!(settings.tls, PostgresTls::Plain) && !is_this_machine(&settings.host) {
        return Err(OpenError::Unprotected);
    }
    unruly(&settings.tls, is_set).map_or(Ok(()), |name| Err(OpenError::Environment(name)))
}

/// Whether what is said to a host stays on this machine: a loopback address, its name, or the folder of a socket.
fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().map_or_else(
        |_| host.starts_with('/') || host.eq_ignore_ascii_case("localhost") || host.eq_ignore_ascii_case("localhost."),
        |address| address.to_canonical().is_loopback(),
    )
}

/// Asks the environment itself, as the driver does.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// The driver fills its options from the environment. Host, port, user, database, password, TLS mode, authorities and the name of the
/// application are said over it in [`options`]; these cannot be.
fn unruly(tls: &PostgresTls, is_set: impl Fn(&str) -> bool) -> Option<&'static str> {
    let names: &[&str] = match tls {
        PostgresTls::Plain => &["PGOPTIONS"],
        PostgresTls::VerifyFull { .. } => &["PGOPTIONS", "PGSSLCERT", "PGSSLKEY"],
    };
    names.iter().copied().find(|name| is_set(name))
}

fn options(settings: &PostgresSettings, limits: [(&str, &str); 3]) -> PgConnectOptions {
    let options = PgConnectOptions::new_without_pgpass()
        .host(&settings.host)
        .port(settings.port)
        .username(&settings.user)
        .password(settings.password.as_ref().map_or("", |password| password.expose()))
        .database(&settings.database)
        .application_name("doorward")
        .options(limits)
        .disable_statement_logging();
    match &settings.tls {
        PostgresTls::Plain => options.ssl_mode(PgSslMode::Disable),
        // No authority but the public ones, in the place of a file that the environment may name.
        PostgresTls::VerifyFull { ca_file: None } => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert_from_pem(Vec::new()),
        PostgresTls::VerifyFull { ca_file: Some(file) } => options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_this_machine() {
        for host in ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "LOCALHOST", "/run/postgresql"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["10.0.0.1", "0.0.0.0", "db.example.org", "localhost.example.org", "127.0.0.1.example.org", "2001:db8::1", ""]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn what_cannot_be_overruled_is_found_where_it_counts() {
        let strict = PostgresTls::VerifyFull { ca_file: None };
        assert_eq!(unruly(&PostgresTls::Plain, |name| name == "PGSSLCERT"), None, "there is no TLS that it could change");
        assert_eq!(unruly(&strict, |name| name == "PGSSLCERT"), Some("PGSSLCERT"));
        assert_eq!(unruly(&strict, |name| name == "PGOPTIONS"), Some("PGOPTIONS"));
        assert_eq!(unruly(&strict, |name| name == "PGHOST" || name == "PGSSLMODE" || name == "PGSSLROOTCERT"), None);
    }
}
