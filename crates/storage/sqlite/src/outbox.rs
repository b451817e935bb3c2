//! Mail that waits.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::outbox::SealedMail;
use doorward_domain::store::{Delivery, Outbox};
use doorward_kit::Timestamp;
use doorward_kit::id::MailId;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;

/// The longest due go first: in the order of the index, so that no mail that was sent is read on the way.
pub(crate) const CLAIM: &str = "UPDATE outbox SET next_at = ?, attempts = attempts + 1 WHERE number IN \
     (SELECT number FROM outbox WHERE next_at <= ? ORDER BY next_at, number LIMIT ?) \
     RETURNING number, id, recipient, subject, body, queued_at, attempts";

fn from_row(row: &SqliteRow) -> Result<SealedMail, StoreError> {
    let columns = Columns::new("outbox", row);
    Ok(SealedMail {
        id: MailId::from_bytes(columns.id("id")?),
        to: columns.text("recipient")?,
        subject: columns.text("subject")?,
        body: columns.octets("body")?,
        queued_at: columns.instant("queued_at")?,
        attempts: columns.count("attempts")?,
    })
}

#[async_trait]
impl Outbox for SqliteTx {
    async fn add(&mut self, mail: &SealedMail, delivery: Delivery) -> Result<(), StoreError> {
        let (body, next_at) = match delivery {
            Delivery::Due => (mail.body.as_slice(), Some(mail.queued_at.as_microsecond())),
            Delivery::Withheld => (&[][..], None),
        };
        sqlx::query(
            "INSERT INTO outbox (id, recipient, subject, body, queued_at, next_at, attempts) VALUES (?, ?, ?, ?, ?, ?, 0)",
        )
        .bind(&mail.id.as_bytes()[..])
        .bind(&mail.to)
        .bind(&mail.subject)
        .bind(body)
        .bind(mail.queued_at.as_microsecond())
        .bind(next_at)
        .execute(&mut *self.0)
        .await
        .map_err(fault)?;
        Ok(())
    }

    async fn claim(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<SealedMail>, StoreError> {
        let query = sqlx::query(CLAIM).bind(until.as_microsecond()).bind(now.as_microsecond()).bind(limit);
        let mut rows = query.fetch_all(&mut *self.0).await.map_err(fault)?;
        // RETURNING promises no order.
        rows.sort_by_key(|row| row.try_get::<i64, _>("number").unwrap_or(i64::MAX));
        rows.iter().map(from_row).collect()
    }

    async fn mark_sent(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE outbox SET body = x'', next_at = NULL, sent_at = ? WHERE id = ? AND next_at IS NOT NULL");
        let query = query.bind(at.as_microsecond()).bind(&id.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn attempts(&mut self, id: MailId) -> Result<Option<u32>, StoreError> {
        let query = sqlx::query("SELECT attempts FROM outbox WHERE id = ? AND next_at IS NOT NULL").bind(&id.as_bytes()[..]);
        let row = query.fetch_optional(&mut *self.0).await.map_err(fault)?;
        row.map(|row| Columns::new("outbox", &row).count("attempts")).transpose()
    }

    async fn defer(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE outbox SET next_at = ? WHERE id = ? AND next_at IS NOT NULL");
        let query = query.bind(at.as_microsecond()).bind(&id.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn sweep(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM outbox WHERE queued_at <= ?").bind(before.as_microsecond());
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }
}
