//! The suite that every database passes.

use std::sync::Arc;

use doorward_domain::Store;

use crate::database::Database;

async fn fresh() -> (Arc<dyn Store>, Database) {
    let (store, database) = Database::fresh().await;
    (store, database)
}

doorward_domain::store_contract!(fresh);
