//! The audit trail: rows are added and read. Triggers in the database refuse the rest.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::audit::{AuditEvent, AuditRecord, AuditRow, Outcome};
use doorward_domain::store::{AuditLog, PageLimit};
use doorward_kit::{RequestId, SessionId, UserId};
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;

fn from_row(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    let columns = Columns::new("audit", row);
    let seq = columns.large_count_or_null("seq")?.ok_or_else(|| columns.impossible("no sequence number"))?;
    let record = AuditRecord {
        at: columns.instant("ts")?,
        event: AuditEvent::parse(&columns.text("event")?).ok_or_else(|| columns.impossible("unknown event"))?,
        outcome: Outcome::parse(&columns.text("outcome")?).ok_or_else(|| columns.impossible("unknown outcome"))?,
        actor: columns.id_or_null("actor_user_id")?.map(UserId::from_bytes),
        subject_hash: columns.text_or_null("subject_hash")?,
        client_ip: columns.address_or_null("client_ip")?,
        peer_ip: columns.address_or_null("peer_ip")?,
        client_prefix: columns.text_or_null("client_prefix")?,
        user_agent: columns.text_or_null("user_agent")?,
        request_id: columns.id_or_null("request_id")?.map(RequestId::from_bytes),
        method: columns.text_or_null("method")?,
        route: columns.text_or_null("route")?,
        host: columns.text_or_null("host")?,
        session: columns.id_or_null("session_ref")?.map(SessionId::from_bytes),
        node: columns.text("node")?,
        version: columns.text("version")?,
        reason: columns.text_or_null("reason")?,
        count: columns.large_count_or_null("count")?,
    };
    Ok(AuditRow { seq, record })
}

#[async_trait]
impl AuditLog for SqliteTx {
    async fn add(&mut self, record: &AuditRecord) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO audit (ts, event, outcome, actor_user_id, subject_hash, client_ip, peer_ip, client_prefix, user_agent, \
             request_id, method, route, host, session_ref, node, version, reason, count) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(record.at.as_microsecond())
        .bind(record.event.as_str())
        .bind(record.outcome.as_str())
        .bind(record.actor.map(|id| id.as_bytes().to_vec()))
        .bind(&record.subject_hash)
        .bind(record.client_ip.map(|address| address.to_string()))
        .bind(record.peer_ip.map(|address| address.to_string()))
        .bind(&record.client_prefix)
        .bind(&record.user_agent)
        .bind(record.request_id.map(|id| id.as_bytes().to_vec()))
        .bind(&record.method)
        .bind(&record.route)
        .bind(&record.host)
        .bind(record.session.map(|id| id.as_bytes().to_vec()))
        .bind(&record.node)
        .bind(&record.version)
        .bind(&record.reason)
        .bind(record.count.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))
        .execute(&mut *self.0)
        .await
        .map_err(fault)?;
        Ok(())
    }

    async fn list(&mut self, after: u64, limit: PageLimit) -> Result<Vec<AuditRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM audit WHERE seq > ? ORDER BY seq LIMIT ?");
        let query = query.bind(i64::try_from(after).unwrap_or(i64::MAX)).bind(limit.get());
        query.fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }
}
