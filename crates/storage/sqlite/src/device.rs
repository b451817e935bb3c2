//! Known devices.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::device::Device;
use doorward_domain::store::{Devices, PageLimit};
use doorward_kit::id::DeviceId;
use doorward_kit::{Timestamp, TokenDigest, UserId};
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;

fn from_row(row: &SqliteRow) -> Result<Device, StoreError> {
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

pub(crate) const LIST: &str = "SELECT id, user_id, digest, browser, created_at, expires_at FROM devices WHERE user_id = ? \
     ORDER BY created_at DESC, id DESC";

#[async_trait]
impl Devices for SqliteTx {
    async fn add(&mut self, device: &Device, keep: u32) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO devices (id, user_id, digest, browser, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(&device.id.as_bytes()[..])
            .bind(&device.user_id.as_bytes()[..])
            .bind(&device.digest.0[..])
            .bind(&device.browser)
            .bind(device.created_at.as_microsecond())
            .bind(device.expires_at.as_microsecond())
            .execute(&mut *self.0)
            .await
            .map_err(fault)?;
        let sql = "DELETE FROM devices WHERE id IN (SELECT id FROM devices WHERE user_id = ? ORDER BY created_at DESC, id DESC LIMIT -1 OFFSET ?)";
        sqlx::query(sql).bind(&device.user_id.as_bytes()[..]).bind(keep).execute(&mut *self.0).await.map_err(fault)?;
        Ok(())
    }

    async fn renew(&mut self, user: UserId, digest: &TokenDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE devices SET expires_at = ? WHERE digest = ? AND user_id = ?");
        let query = query.bind(expires_at.as_microsecond()).bind(&digest.0[..]).bind(&user.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn list(&mut self, user: UserId) -> Result<Vec<Device>, StoreError> {
        let query = sqlx::query(LIST).bind(&user.as_bytes()[..]);
        query.fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }

    async fn remove(&mut self, user: UserId, id: DeviceId) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM devices WHERE id = ? AND user_id = ?");
        let query = query.bind(&id.as_bytes()[..]).bind(&user.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn remove_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM devices WHERE user_id = ?").bind(&user.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        let sql =
            "DELETE FROM devices WHERE rowid IN (SELECT rowid FROM devices WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";
        let query = sqlx::query(sql).bind(now.as_microsecond()).bind(limit.get());
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }
}
