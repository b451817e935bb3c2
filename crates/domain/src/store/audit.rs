//! The port to the audit trail: rows are added and read, never changed.

use async_trait::async_trait;

use super::{PageLimit, StoreError};
use crate::audit::{AuditRecord, AuditRow};

/// The audit trail within a unit of work.
#[async_trait]
pub trait AuditLog: Send {
    /// Appends an entry; its place in the sequence is given by the store and only grows (AUD-14).
    async fn add(&mut self, record: &AuditRecord) -> Result<(), StoreError>;

    /// Entries behind `after` (0 for the first), in the order of the sequence.
    async fn list(&mut self, after: u64, limit: PageLimit) -> Result<Vec<AuditRow>, StoreError>;
}
