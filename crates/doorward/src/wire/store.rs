//! The store: a file of this node, or a database that nodes share.

use std::sync::Arc;

use doorward_config::{Config, EnvSource, Postgres, Protection, Store};
use doorward_storage_postgres::{PostgresSettings, PostgresStore, PostgresTls};
use doorward_storage_sqlite::SqliteStore;

use super::StartError;

/// Opens it and brings it up to date.
pub(super) async fn open(config: &Config, env: &dyn EnvSource) -> Result<Arc<dyn doorward_domain::Store>, StartError> {
    Ok(match &config.store {
        Store::Sqlite => Arc::new(SqliteStore::open(&config.site.data_dir.join("doorward.db")).await?),
        Store::Postgres(postgres) => Arc::new(PostgresStore::open(&settings(postgres, env)?).await?),
    })
}

pub(super) fn settings(postgres: &Postgres, env: &dyn EnvSource) -> Result<PostgresSettings, StartError> {
    let server = &postgres.server;
    let password = server.password.as_ref().map(|source| source.read(env)).transpose().map_err(StartError::StorePassword)?;
    Ok(PostgresSettings {
        host: server.host.to_string(),
        port: server.port,
        user: server.user.clone().unwrap_or_default(),
        password,
        database: postgres.database.clone(),
        tls: match server.protection {
            Protection::Plain => PostgresTls::Plain,
            Protection::Tls | Protection::StartTls => PostgresTls::VerifyFull { ca_file: server.ca_file.clone() },
        },
        max_connections: postgres.max_connections,
    })
}
