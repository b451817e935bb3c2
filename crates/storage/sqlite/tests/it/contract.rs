//! The suite that every database passes.

use std::sync::Arc;

use doorward_domain::Store;
use doorward_storage_sqlite::SqliteStore;
use tempfile::TempDir;

async fn fresh() -> (Arc<dyn Store>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&dir.path().join("doorward.db")).await.unwrap();
    (Arc::new(store), dir)
}

doorward_domain::store_contract!(fresh);
