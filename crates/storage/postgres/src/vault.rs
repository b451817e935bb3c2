//! Sealed things and leases, one row each. Every method is one statement, so there is nothing to roll back.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::store::Vault;
use doorward_kit::Timestamp;
use sqlx::Row as _;

use crate::error::fault;
use crate::link::Link;
use crate::store::PostgresStore;

const KEEP: &str = "INSERT INTO vault (name, content, gone_at) VALUES ($1, $2, $3) \
                    ON CONFLICT (name) DO UPDATE SET content = excluded.content, gone_at = excluded.gone_at";
const FIND: &str = "SELECT content FROM vault WHERE name = $1 AND (gone_at IS NULL OR gone_at > $2)";
const LIST: &str = "SELECT name, content FROM vault WHERE starts_with(name, $1) AND (gone_at IS NULL OR gone_at > $2) \
                    ORDER BY name LIMIT 256";
const REMOVE: &str = "DELETE FROM vault WHERE name = $1 OR gone_at <= $2";
// Of two that ask at once one waits for the other's row and then finds it taken.
const LEASE: &str = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $4) \
                     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
                     WHERE leases.holder = excluded.holder OR leases.until <= $3";
const RELEASE: &str = "DELETE FROM leases WHERE name = $1 AND holder = $2";

#[async_trait]
impl Vault for PostgresStore {
    async fn keep(&self, name: &str, content: &[u8], until: Option<Timestamp>) -> Result<(), StoreError> {
        let query = sqlx::query(KEEP).bind(name).bind(content).bind(until.map(Timestamp::as_microsecond));
        Link::take(&self.pool).await?.execute(query).await.map(drop)
    }

    async fn find(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        let query = sqlx::query(FIND).bind(name).bind(now.as_microsecond());
        let row = Link::take(&self.pool).await?.fetch_optional(query).await?;
        row.map(|row| row.try_get("content").map_err(fault)).transpose()
    }

    async fn list(&self, prefix: &str, now: Timestamp) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let query = sqlx::query(LIST).bind(prefix).bind(now.as_microsecond());
        let rows = Link::take(&self.pool).await?.fetch_all(query).await?;
        rows.iter().map(|row| Ok((row.try_get("name").map_err(fault)?, row.try_get("content").map_err(fault)?))).collect()
    }

    async fn remove(&self, name: &str, now: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query(REMOVE).bind(name).bind(now.as_microsecond());
        Link::take(&self.pool).await?.execute(query).await.map(drop)
    }

    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query(LEASE).bind(name).bind(holder).bind(now.as_microsecond()).bind(until.as_microsecond());
        Link::take(&self.pool).await?.execute(query).await.map(|rows| rows == 1)
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let query = sqlx::query(RELEASE).bind(name).bind(holder);
        Link::take(&self.pool).await?.execute(query).await.map(drop)
    }
}
