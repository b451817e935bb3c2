//! Entries of the trail a second on SQLite: `cargo run --release -p doorward-storage-sqlite --example audit_rate -- FOLDER`. The folder
//! decides which disk is measured; without one it is the system's folder for temporary files.
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]

mod measure;

use std::path::PathBuf;
use std::sync::Arc;

use doorward_storage_sqlite::SqliteStore;

#[tokio::main]
async fn main() -> Result<(), measure::Fault> {
    let folder = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    let store = SqliteStore::open(&folder.path().join("doorward.db")).await?;
    measure::measure(Arc::new(store), "sqlite: WAL, synchronous=FULL").await
}
