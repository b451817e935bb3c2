//! The ports: what the domain asks of a database.

use async_trait::async_trait;

/// Why a store did not do as asked. Never carries a value of a row (LOG-06).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer won; the caller may retry the whole flow.
    #[error("conflict with another writer")]
    Conflict,
    /// The database cannot be reached or is full.
    #[error("store is unavailable: {0}")]
    Unavailable(&'static str),
    /// A row that cannot exist.
    #[error("inconsistent row in {table}: {what}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A database.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Opens a unit of work.
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError>;
}

/// One unit of work; dropped without `commit` it leaves no trace.
#[async_trait]
pub trait Tx: Send {
    /// Makes it all true.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
