//! The store: single reads, and units of work.

use async_trait::async_trait;
use doorward_domain::gate_pass::GatePass;
use doorward_domain::throttle::Failures;
use doorward_domain::{Session, Store, StoreError, Tx, User};
use doorward_kit::{SessionId, Timestamp, TokenDigest};
use sqlx::postgres::PgPool;

use crate::link::{ANSWER_WITHIN, Link};
use crate::tx::PostgresTx;
use crate::{failure, gate_pass, session, user};

/// One database.
pub struct PostgresStore {
    pub(crate) pool: PgPool,
}

impl PostgresStore {
    /// Ends all connections; waits for units of work that are under way, though not for a server that says nothing any more.
    pub async fn close(&self) {
        // Whatever is still open then ends with the process.
        let _ = tokio::time::timeout(ANSWER_WITHIN, self.pool.close()).await;
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError> {
        let mut link = Link::take(&self.pool).await?;
        link.begin().await?;
        Ok(Box::new(PostgresTx(link)))
    }

    fn vault(&self) -> Option<&dyn doorward_domain::store::Vault> {
        Some(self)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Link::take(&self.pool).await?.fetch_optional(sqlx::query("SELECT 1 FROM users LIMIT 1")).await.map(drop)
    }

    async fn find_session(&self, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError> {
        session::find_with_user(&mut Link::take(&self.pool).await?, digest).await
    }

    async fn find_sessions(&self, ids: &[SessionId]) -> Result<Vec<(Session, User)>, StoreError> {
        session::find_all_with_user(&mut Link::take(&self.pool).await?, ids).await
    }

    async fn find_gate_pass(&self, digest: &TokenDigest) -> Result<Option<(GatePass, Session, User)>, StoreError> {
        gate_pass::find_with_session(&mut Link::take(&self.pool).await?, digest).await
    }

    async fn find_user_by_email(&self, canonical: &str) -> Result<Option<User>, StoreError> {
        user::find_by_email(&mut Link::take(&self.pool).await?, canonical).await
    }

    async fn find_hindrance(
        &self,
        subject: &[u8; 32],
        device: &TokenDigest,
        now: Timestamp,
    ) -> Result<(Option<Failures>, Option<String>), StoreError> {
        failure::find_hindrance(&mut Link::take(&self.pool).await?, subject, device, now).await
    }
}
