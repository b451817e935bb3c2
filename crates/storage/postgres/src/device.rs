//! Known devices.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::device::Device;
use doorward_domain::store::{Devices, PageLimit};
use doorward_kit::id::DeviceId;
use doorward_kit::{Timestamp, TokenDigest, UserId};
use sqlx::postgres::PgRow;

use crate::row::Columns;
use crate::tx::PostgresTx;

pub(crate) const SWEEP: &str = "DELETE FROM devices WHERE id = ANY(ARRAY(SELECT id FROM devices WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED))";

fn from_row(row: &PgRow) -> Result<Device, StoreError> {
    let columns = Columns::new("devices", row);
    Ok(Device {
        id: DeviceId::from_bytes(columns.id("id")?),
        user_id: UserId::from_bytes(columns.id("user_id")?),
        digest: columns.digest("digest")?,
        browser: columns.text("browser")?,
        created_at: columns.instant("created_at")?,
        expires_at: columns.instant("expires_at")?,
    })
}

pub(crate) const LIST: &str = "SELECT id, user_id, digest, browser, created_at, expires_at FROM devices WHERE user_id = $1 \
     ORDER BY created_at DESC, id DESC";

#[async_trait]
impl Devices for PostgresTx {
    async fn add(&mut self, device: &Device, keep: u32) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO devices (id, user_id, digest, browser, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&device.id.as_bytes()[..])
        .bind(&device.user_id.as_bytes()[..])
        .bind(&device.digest.0[..])
        .bind(&device.browser)
        .bind(device.created_at.as_microsecond())
        .bind(device.expires_at.as_microsecond());
        self.0.execute(query).await?;
        let sql = "DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE user_id = $1 ORDER BY created_at DESC, id DESC OFFSET $2)";
        self.0.execute(sqlx::query(sql).bind(&device.user_id.as_bytes()[..]).bind(i64::from(keep))).await?;
        Ok(())
    }

    async fn renew(&mut self, user: UserId, digest: &TokenDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE devices SET expires_at = $1 WHERE digest = $2 AND user_id = $3");
        let query = query.bind(expires_at.as_microsecond()).bind(&digest.0[..]).bind(&user.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn list(&mut self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let query = sqlx::query(LIST).bind(&user.as_bytes()[..]);
        self.0.fetch_all(query).await?.iter().map(from_row).collect()
    }

    async fn remove(&mut self, user: UserId, id: DeviceId) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM devices WHERE id = $1 AND user_id = $2");
        let query = query.bind(&id.as_bytes()[..]).bind(&user.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn remove_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM devices WHERE user_id = $1").bind(&user.as_bytes()[..]);
        self.0.execute(query).await
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        self.0.execute(sqlx::query(SWEEP).bind(now.as_microsecond()).bind(i64::from(limit.get()))).await
    }
}
