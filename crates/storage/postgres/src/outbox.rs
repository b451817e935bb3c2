//! Mail that waits.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::outbox::{MailKind, SealedMail};
use doorward_domain::store::{Delivery, MailFilter, MailState, Outbox, OutboxRow, PageLimit};
use doorward_kit::Timestamp;
use doorward_kit::id::MailId;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::row::Columns;
use crate::tx::PostgresTx;

/// The longest due go first, in the order of the index. What another sender is just claiming is passed over, not waited for.
pub(crate) const CLAIM: &str = "UPDATE outbox SET next_at = $1, attempts = attempts + 1 WHERE number = \
     ANY(ARRAY(SELECT number FROM outbox WHERE next_at <= $2 ORDER BY next_at, number LIMIT $3 FOR UPDATE SKIP LOCKED)) \
     RETURNING number, id, kind, recipient, subject, body, queued_at, attempts";

pub(crate) const SWEEP: &str = "DELETE FROM outbox WHERE number = ANY(ARRAY(SELECT number FROM outbox WHERE queued_at <= $1 AND (queued_at <= $2 OR \
                   (next_at IS NULL AND dead_at IS NULL)) ORDER BY queued_at LIMIT $3 FOR UPDATE SKIP LOCKED))";

fn from_row(row: &PgRow) -> Result<SealedMail, StoreError> {
    let columns = Columns::new("outbox", row);
    Ok(SealedMail {
        id: MailId::from_bytes(columns.id("id")?),
        kind: kind(&columns)?,
        to: columns.text("recipient")?,
        subject: columns.text("subject")?,
        body: columns.octets("body")?,
        queued_at: columns.instant("queued_at")?,
        attempts: columns.count("attempts")?,
    })
}

fn kind(columns: &Columns<'_>) -> Result<MailKind, StoreError> {
    MailKind::parse(&columns.text("kind")?).ok_or_else(|| columns.impossible("kind of mail is unknown"))
}

macro_rules! shown_columns {
    () => {
        "SELECT id, kind, recipient, queued_at, attempts, next_at, sent_at, dead_at, last_error FROM outbox "
    };
}

fn shown(row: &PgRow) -> Result<OutboxRow, StoreError> {
    let columns = Columns::new("outbox", row);
    let (next_at, sent_at) = (columns.instant_or_null("next_at")?, columns.instant_or_null("sent_at")?);
    let state = match (next_at, sent_at, columns.instant_or_null("dead_at")?) {
        (Some(_), _, _) => MailState::Waiting,
        (None, Some(_), _) => MailState::Sent,
        (None, None, Some(_)) => MailState::Dead,
        (None, None, None) => MailState::Withheld,
    };
    Ok(OutboxRow {
        id: MailId::from_bytes(columns.id("id")?),
        kind: kind(&columns)?,
        to: columns.text("recipient")?,
        queued_at: columns.instant("queued_at")?,
        state,
        attempts: columns.count("attempts")?,
        next_at,
        sent_at,
        last_error: columns.text_or_null("last_error")?,
    })
}

/// The condition that [`shown`] reads a state by.
const fn state_word(state: MailState) -> &'static str {
    match state {
        MailState::Waiting => "waiting",
        MailState::Sent => "sent",
        MailState::Dead => "dead",
        MailState::Withheld => "withheld",
    }
}

#[async_trait]
impl Outbox for PostgresTx {
    async fn add(&mut self, mail: &SealedMail, delivery: Delivery) -> Result<(), StoreError> {
        let (body, next_at) = match delivery {
            Delivery::Due => (mail.body.as_slice(), Some(mail.queued_at.as_microsecond())),
            Delivery::Withheld => (&[][..], None),
        };
        let query = sqlx::query(
            "INSERT INTO outbox (id, kind, recipient, subject, body, queued_at, next_at, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)",
        )
        .bind(&mail.id.as_bytes()[..])
        .bind(mail.kind.as_str())
        .bind(&mail.to)
        .bind(&mail.subject)
        .bind(body)
        .bind(mail.queued_at.as_microsecond())
        .bind(next_at);
        self.0.execute(query).await?;
        Ok(())
    }

    async fn claim(&mut self, now: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<SealedMail>, StoreError> {
        let query = sqlx::query(CLAIM).bind(until.as_microsecond()).bind(now.as_microsecond()).bind(i64::from(limit));
        let mut rows = self.0.fetch_all(query).await?;
        // RETURNING promises no order.
        rows.sort_by_key(|row| row.try_get::<i64, _>("number").unwrap_or(i64::MAX));
        rows.iter().map(from_row).collect()
    }

    async fn mark_sent(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError> {
        let query =
            sqlx::query("UPDATE outbox SET body = ''::bytea, next_at = NULL, sent_at = $1 WHERE id = $2 AND next_at IS NOT NULL");
        let query = query.bind(at.as_microsecond()).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn attempts(&mut self, id: MailId) -> Result<Option<u32>, StoreError> {
        let query = sqlx::query("SELECT attempts FROM outbox WHERE id = $1 AND next_at IS NOT NULL").bind(&id.as_bytes()[..]);
        let row = self.0.fetch_optional(query).await?;
        row.map(|row| Columns::new("outbox", &row).count("attempts")).transpose()
    }

    async fn defer(&mut self, id: MailId, at: Timestamp, why: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE outbox SET next_at = $1, last_error = $2 WHERE id = $3 AND next_at IS NOT NULL");
        let query = query.bind(at.as_microsecond()).bind(why).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn bury(&mut self, id: MailId, at: Timestamp, why: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE outbox SET next_at = NULL, dead_at = $1, last_error = $2 WHERE id = $3 AND next_at IS NOT NULL";
        let query = sqlx::query(sql).bind(at.as_microsecond()).bind(why).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn retry(&mut self, id: MailId, at: Timestamp) -> Result<bool, StoreError> {
        let sql = "UPDATE outbox SET next_at = $1, queued_at = $1, dead_at = NULL, last_error = NULL, attempts = 0 \
                   WHERE id = $2 AND dead_at IS NOT NULL";
        let query = sqlx::query(sql).bind(at.as_microsecond()).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn list(&mut self, filter: MailFilter, limit: PageLimit) -> Result<Vec<OutboxRow>, StoreError> {
        let sql = concat!(
            shown_columns!(),
            "WHERE ($1 IS NULL OR number < (SELECT number FROM outbox WHERE id = $1)) AND ($2 IS NULL OR $2 = CASE \
             WHEN next_at IS NOT NULL THEN 'waiting' WHEN sent_at IS NOT NULL THEN 'sent' WHEN dead_at IS NOT NULL THEN 'dead' \
             ELSE 'withheld' END) ORDER BY number DESC LIMIT $3"
        );
        let before = filter.before.map(|id| id.as_bytes().to_vec());
        let query = sqlx::query(sql).bind(before).bind(filter.state.map(state_word)).bind(i64::from(limit.get()));
        self.0.fetch_all(query).await?.iter().map(shown).collect()
    }

    async fn lookup(&mut self, id: MailId) -> Result<Option<OutboxRow>, StoreError> {
        let query = sqlx::query(concat!(shown_columns!(), "WHERE id = $1")).bind(&id.as_bytes()[..]);
        self.0.fetch_optional(query).await?.as_ref().map(shown).transpose()
    }

    async fn count_waiting(&mut self) -> Result<u64, StoreError> {
        let row = self.0.fetch_one(sqlx::query("SELECT count(*) AS n FROM outbox WHERE next_at IS NOT NULL")).await?;
        Ok(Columns::new("outbox", &row).large_count_or_null("n")?.unwrap_or(0))
    }

    async fn remove_all(&mut self, to: &str) -> Result<u64, StoreError> {
        self.0.execute(sqlx::query("DELETE FROM outbox WHERE recipient = $1").bind(to)).await
    }

    async fn sweep(&mut self, settled: Timestamp, all: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        let query = sqlx::query(SWEEP).bind(settled.as_microsecond()).bind(all.as_microsecond()).bind(i64::from(limit.get()));
        self.0.execute(query).await
    }
}
