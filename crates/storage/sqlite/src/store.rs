//! The store: single reads, and units of work.

use async_trait::async_trait;
use doorward_domain::gate_pass::GatePass;
use doorward_domain::throttle::Failures;
use doorward_domain::{Session, Store, StoreError, Tx, User};
use doorward_kit::{SessionId, Timestamp, TokenDigest};
use sqlx::sqlite::SqlitePool;

use crate::error::fault;
use crate::tx::SqliteTx;
use crate::{failure, gate_pass, session, user};

/// One database file.
pub struct SqliteStore {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
}

impl SqliteStore {
    /// Ends all connections and folds the log into the file; waits for units of work that are under way.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        // IMMEDIATE takes the write lock at once: a unit of work that has begun cannot lose it half-way.
        let tx = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
        Ok(Box::new(SqliteTx(tx)))
    }

    fn vault(&self) -> Option<&dyn doorward_domain::store::Vault> {
        None
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1").fetch_optional(&self.readers).await.map_err(fault)?;
        Ok(())
    }

    async fn find_session(&self, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError> {
        session::find_with_user(&self.readers, digest).await
    }

    async fn find_sessions(&self, ids: &[SessionId]) -> Result<Vec<(Session, User)>, StoreError> {
        session::find_all_with_user(&self.readers, ids).await
    }

    async fn find_gate_pass(&self, digest: &TokenDigest) -> Result<Option<(GatePass, Session, User)>, StoreError> {
        gate_pass::find_with_session(&self.readers, digest).await
    }

    async fn find_user_by_email(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        user::find_by_email(&self.readers, canonical).await
    }

    async fn find_hindrance(
        &self,
        subject: &[u8; 32],
        device: &TokenDigest,
        now: Timestamp,
    ) -> Result<(Option<Failures>, Option<String>), StoreError> {
        failure::find_hindrance(&self.readers, subject, device, now).await
    }
}
