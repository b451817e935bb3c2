//! The store: single reads, and units of work.

use async_trait::async_trait;
use doorward_domain::throttle::Failures;
use doorward_domain::{Session, Store, StoreError, Tx, User};
use doorward_kit::{Timestamp, TokenDigest};
use sqlx::postgres::PgPool;

use crate::error::fault;
use crate::tx::PostgresTx;
use crate::{failure, session, user};

/// One database.
pub struct PostgresStore {
    pub(crate) pool: PgPool,
}

impl PostgresStore {
    /// Ends all connections; waits for units of work that are under way.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        // Said here, since a server may be configured to another default.
        let tx = self.pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await.map_err(fault)?;
        Ok(Box::new(PostgresTx(tx)))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1 FROM users LIMIT 1").fetch_optional(&self.pool).await.map_err(fault)?;
        Ok(())
    }

    async fn find_session(&self, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError> {
        session::find_with_user(&self.pool, digest).await
    }

    async fn find_user_by_email(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        user::find_by_email(&self.pool, canonical).await
    }

    async fn find_hindrance(
        &self,
        subject: &[u8; 32],
        device: &TokenDigest,
        now: Timestamp,
    ) -> Result<(Option<Failures>, Option<String>), StoreError> {
        failure::find_hindrance(&self.pool, subject, device, now).await
    }
}
