//! Consecutive failures by subject.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::store::{PageLimit, SignInFailures};
use doorward_domain::throttle::Failures;
use doorward_kit::{Timestamp, TokenDigest};
use sqlx::postgres::PgRow;

use crate::link::Link;
use crate::row::Columns;
use crate::tx::PostgresTx;

const LOOKUP: &str = "SELECT count, last_at FROM sign_in_failures WHERE subject = $1";

fn from_row(row: &PgRow) -> Result<Failures, StoreError> {
    let columns = Columns::new("sign_in_failures", row);
    Ok(Failures { count: columns.count("count")?, last_at: columns.instant("last_at")? })
}

pub(crate) const FIND_HINDRANCE: &str = "SELECT failed.count, failed.last_at, users.email_canonical FROM (SELECT 1) AS one \
     LEFT JOIN sign_in_failures AS failed ON failed.subject = $1 \
     LEFT JOIN devices ON devices.digest = $2 AND devices.expires_at > $3 \
     LEFT JOIN users ON users.id = devices.user_id";

/// Both halves in one read; each may be missing.
pub(crate) async fn find_hindrance(
    at: &mut Link,
    subject: &[u8; 32],
    device: &TokenDigest,
    now: Timestamp,
) -> Result<(Option<Failures>, Option<String>), StoreError> {
    let query = sqlx::query(FIND_HINDRANCE).bind(&subject[..]).bind(&device.0[..]).bind(now.as_microsecond());
    let row = at.fetch_one(query).await?;
    let columns = Columns::new("sign_in_failures", &row);
    let failures = match columns.count_or_null("count")? {
        Some(count) => Some(Failures { count, last_at: columns.instant("last_at")? }),
        None => None,
    };
    Ok((failures, columns.text_or_null("email_canonical")?))
}

pub(crate) const SWEEP: &str = "DELETE FROM sign_in_failures WHERE subject = ANY(ARRAY(SELECT subject FROM sign_in_failures WHERE last_at <= $1 ORDER BY last_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED))";

#[async_trait]
impl SignInFailures for PostgresTx {
    async fn add(&mut self, subject: &[u8; 32], at: Timestamp) -> Result<u32, StoreError> {
        let sql = "INSERT INTO sign_in_failures (subject, count, last_at) VALUES ($1, 1, $2) \
                   ON CONFLICT (subject) DO UPDATE SET count = sign_in_failures.count + 1, \
                   last_at = greatest(sign_in_failures.last_at, excluded.last_at) RETURNING count";
        let query = sqlx::query(sql).bind(&subject[..]).bind(at.as_microsecond());
        let row = self.0.fetch_one(query).await?;
        Columns::new("sign_in_failures", &row).count("count")
    }

    async fn clear(&mut self, subject: &[u8; 32]) -> Result<u32, StoreError> {
        let query = sqlx::query("DELETE FROM sign_in_failures WHERE subject = $1 RETURNING count").bind(&subject[..]);
        let row = self.0.fetch_optional(query).await?;
        row.map_or(Ok(0), |row| Columns::new("sign_in_failures", &row).count("count"))
    }

    async fn sweep(&mut self, before: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        self.0.execute(sqlx::query(SWEEP).bind(before.as_microsecond()).bind(i64::from(limit.get()))).await
    }

    async fn lookup(&mut self, subject: &[u8; 32]) -> Result<Option<Failures>, StoreError> {
        let row = self.0.fetch_optional(sqlx::query(LOOKUP).bind(&subject[..])).await?;
        row.as_ref().map(from_row).transpose()
    }
}
