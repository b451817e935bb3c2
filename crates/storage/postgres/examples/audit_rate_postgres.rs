//! Entries of the trail a second on PostgreSQL: `cargo run --release -p doorward-storage-postgres --example audit_rate_postgres -- PORT USER
//! DATABASE PASSWORD-FILE`, on this machine. The database has to be empty.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

#[path = "../../sqlite/examples/audit_rate/measure.rs"]
mod measure;

use std::sync::Arc;

use doorward_kit::Secret;
use doorward_storage_postgres::{PostgresSettings, PostgresStore, PostgresTls};

#[tokio::main]
async fn main() -> Result<(), measure::Fault> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port, user, database, file] = words.as_slice() else { return Err("PORT USER DATABASE PASSWORD-FILE".into()) };
    let settings = PostgresSettings {
        host: "127.0.0.1".to_owned(),
        port: port.parse()?,
        user: user.clone(),
        password: Some(Secret::new(std::fs::read_to_string(file)?.trim_end().to_owned())),
        database: database.clone(),
        tls: PostgresTls::Plain,
        max_connections: 16,
    };
    let store = PostgresStore::open(&settings).await?;
    measure::measure(Arc::new(store), "postgresql: synchronous_commit=on").await
}
