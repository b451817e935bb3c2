//! Known devices.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::device::Device;
use doorward_domain::store::{Devices, PageLimit};
use doorward_kit::{Timestamp, TokenDigest, UserId};

use crate::tx::PostgresTx;

pub(crate) const SWEEP: &str = "DELETE FROM devices WHERE id = ANY(ARRAY(SELECT id FROM devices WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED))";

#[async_trait]
impl Devices for PostgresTx {
    async fn add(&mut self, device: &Device, keep: u32) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO devices (id, user_id, digest, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)")
            .bind(&device.id.as_bytes()[..])
            .bind(&device.user_id.as_bytes()[..])
            .bind(&device.digest.0[..])
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

    async fn remove_all(&mut self, user: UserId) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM devices WHERE user_id = $1").bind(&user.as_bytes()[..]);
        self.0.execute(query).await
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        self.0.execute(sqlx::query(SWEEP).bind(now.as_microsecond()).bind(i64::from(limit.get()))).await
    }
}
