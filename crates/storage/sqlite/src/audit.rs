//! The audit trail: rows are appended behind their node's head, read, and pruned below its floor. Triggers in the database refuse the
//! rest.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::audit::{AuditEvent, AuditRecord, AuditRow, ChainHead, CutField, MetaKey, Outcome};
use doorward_domain::store::{AuditCursor, AuditFilter, AuditLog, PageLimit};
use doorward_kit::{RequestId, SessionId, Timestamp, UserId};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{QueryBuilder, Sqlite};

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;

/// Rows of one statement: few distinct texts, each prepared once.
const ROWS_AT_ONCE: usize = 32;

const INSERT: &str = "INSERT INTO audit (node, seq, ts, behind_ms, event, outcome, actor_user_id, subject_hash, client_ip, peer_ip, \
     client_prefix, user_agent, request_id, method, route, host, session_ref, version, reason, count, meta, truncated, key_version, \
     prev_hash, hash) ";

fn from_row(row: &SqliteRow) -> Result<AuditRow, StoreError> {
    let columns = Columns::new("audit", row);
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
        meta: meta(columns.text_or_null("meta")?.as_deref()).ok_or_else(|| columns.impossible("unknown meta"))?,
        truncated: cuts(columns.text_or_null("truncated")?.as_deref()).ok_or_else(|| columns.impossible("unknown field"))?,
    };
    Ok(AuditRow {
        seq: columns.large_count("seq")?,
        behind_ms: columns.large_count_or_null("behind_ms")?,
        key_version: columns.count("key_version")?,
        prev_hash: columns.digest("prev_hash")?.0,
        hash: columns.digest("hash")?.0,
        record,
    })
}

fn head_from_row(row: &SqliteRow) -> Result<ChainHead, StoreError> {
    let columns = Columns::new("audit_heads", row);
    Ok(ChainHead {
        node: columns.text("node")?,
        seq: columns.large_count("seq")?,
        hash: columns.digest("hash")?.0,
        floor_seq: columns.large_count("floor_seq")?,
        floor_hash: columns.digest("floor_hash")?.0,
        latest_at: columns.instant_or_null("latest_at")?,
        key_version: columns.count("key_version")?,
        mac: columns.digest("mac")?.0,
    })
}

/// A JSON array of pairs, in the order in which they were said; the empty one is NULL.
fn meta_text(meta: &[(MetaKey, String)]) -> Option<String> {
    let pairs: Vec<[&str; 2]> = meta.iter().map(|(key, value)| [key.as_str(), value]).collect();
    (!pairs.is_empty()).then(|| serde_json::json!(pairs).to_string())
}

fn meta(text: Option<&str>) -> Option<Vec<(MetaKey, String)>> {
    let Some(text) = text else { return Some(Vec::new()) };
    let pairs: Vec<(String, String)> = serde_json::from_str(text).ok()?;
    pairs.into_iter().map(|(key, value)| Some((MetaKey::parse(&key)?, value))).collect()
}

fn cuts_text(fields: &[CutField]) -> Option<String> {
    let names: Vec<_> = fields.iter().map(|field| field.as_str()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

fn cuts(text: Option<&str>) -> Option<Vec<CutField>> {
    text.map_or(Some(Vec::new()), |text| text.split(',').map(CutField::parse).collect())
}

fn large(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The statement for so many rows.
fn insert(rows: &[AuditRow]) -> QueryBuilder<Sqlite> {
    let mut insert = QueryBuilder::new(INSERT);
    insert.push_values(rows, |mut values, row| {
        let record = &row.record;
        values
            .push_bind(record.node.clone())
            .push_bind(large(row.seq))
            .push_bind(record.at.as_microsecond())
            .push_bind(row.behind_ms.map(large))
            .push_bind(record.event.as_str())
            .push_bind(record.outcome.as_str())
            .push_bind(record.actor.map(|id| id.as_bytes().to_vec()))
            .push_bind(record.subject_hash.clone())
            .push_bind(record.client_ip.map(|address| address.to_string()))
            .push_bind(record.peer_ip.map(|address| address.to_string()))
            .push_bind(record.client_prefix.clone())
            .push_bind(record.user_agent.clone())
            .push_bind(record.request_id.map(|id| id.as_bytes().to_vec()))
            .push_bind(record.method.clone())
            .push_bind(record.route.clone())
            .push_bind(record.host.clone())
            .push_bind(record.session.map(|id| id.as_bytes().to_vec()))
            .push_bind(record.version.clone())
            .push_bind(record.reason.clone())
            .push_bind(record.count.map(large))
            .push_bind(meta_text(&record.meta))
            .push_bind(cuts_text(&record.truncated))
            .push_bind(i64::from(row.key_version))
            .push_bind(row.prev_hash.to_vec())
            .push_bind(row.hash.to_vec());
    });
    insert
}

const MOVE_HEAD: &str = "INSERT INTO audit_heads (node, seq, hash, floor_seq, floor_hash, latest_at, key_version, mac) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (node) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, \
     floor_seq = excluded.floor_seq, floor_hash = excluded.floor_hash, latest_at = excluded.latest_at, \
     key_version = excluded.key_version, mac = excluded.mac";

fn move_head(head: &ChainHead) -> Query<'_, Sqlite, SqliteArguments> {
    sqlx::query(MOVE_HEAD)
        .bind(&head.node)
        .bind(large(head.seq))
        .bind(head.hash.to_vec())
        .bind(large(head.floor_seq))
        .bind(head.floor_hash.to_vec())
        .bind(head.latest_at.map(Timestamp::as_microsecond))
        .bind(i64::from(head.key_version))
        .bind(head.mac.to_vec())
}

/// Conditions of a filter; every value is bound.
fn search(filter: &AuditFilter, before: Option<&AuditCursor>, limit: PageLimit) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT * FROM audit WHERE 1");
    if let Some(event) = filter.event {
        query.push(" AND event = ").push_bind(event.as_str());
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.as_str());
    }
    if let Some(actor) = filter.actor {
        query.push(" AND actor_user_id = ").push_bind(actor.as_bytes().to_vec());
    }
    if !filter.subjects.is_empty() {
        query.push(" AND subject_hash IN (");
        let mut digests = query.separated(", ");
        filter.subjects.iter().for_each(|digest| {
            digests.push_bind(digest.clone());
        });
        query.push(")");
    }
    if let Some(address) = filter.client_ip {
        query.push(" AND client_ip = ").push_bind(address.to_string());
    }
    if let Some(since) = filter.since {
        query.push(" AND ts >= ").push_bind(since.as_microsecond());
    }
    if let Some(until) = filter.until {
        query.push(" AND ts <= ").push_bind(until.as_microsecond());
    }
    if let Some(AuditCursor { at, node, seq }) = before {
        query.push(" AND (ts, node, seq) < (").push_bind(at.as_microsecond());
        query.push(", ").push_bind(node.clone()).push(", ").push_bind(large(*seq)).push(")");
    }
    query.push(" ORDER BY ts DESC, node DESC, seq DESC LIMIT ").push_bind(i64::from(limit.get()));
    query
}

#[async_trait]
impl AuditLog for SqliteTx {
    async fn lock_head(&mut self, node: &str) -> Result<ChainHead, StoreError> {
        // The unit of work holds the one writer: nothing more is to be locked.
        let query = sqlx::query("SELECT * FROM audit_heads WHERE node = ?").bind(node);
        let row = query.fetch_optional(&mut *self.0).await.map_err(fault)?;
        row.as_ref().map_or_else(|| Ok(ChainHead::genesis(node)), head_from_row)
    }

    async fn append(&mut self, rows: &[AuditRow], head: &ChainHead) -> Result<(), StoreError> {
        let (many, few) = rows.as_chunks::<ROWS_AT_ONCE>();
        for chunk in many.iter().map(<[_; ROWS_AT_ONCE]>::as_slice).chain(few.chunks(1)) {
            insert(chunk).build().execute(&mut *self.0).await.map_err(fault)?;
        }
        move_head(head).execute(&mut *self.0).await.map_err(fault)?;
        Ok(())
    }

    async fn heads(&mut self) -> Result<Vec<ChainHead>, StoreError> {
        let query = sqlx::query("SELECT * FROM audit_heads ORDER BY node");
        let heads = query.fetch_all(&mut *self.0).await.map_err(fault)?;
        let mut heads = heads.iter().map(head_from_row).collect::<Result<Vec<_>, _>>()?;
        // Rows whose head somebody removed.
        let query = sqlx::query_scalar("SELECT DISTINCT node FROM audit WHERE node NOT IN (SELECT node FROM audit_heads)");
        let headless: Vec<String> = query.fetch_all(&mut *self.0).await.map_err(fault)?;
        heads.extend(headless.iter().map(String::as_str).map(ChainHead::genesis));
        Ok(heads)
    }

    async fn list(&mut self, node: &str, after: u64, limit: PageLimit) -> Result<Vec<AuditRow>, StoreError> {
        let query = sqlx::query("SELECT * FROM audit WHERE node = ? AND seq > ? ORDER BY seq LIMIT ?");
        let query = query.bind(node).bind(large(after)).bind(limit.get());
        query.fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }

    async fn search(
        &mut self,
        filter: &AuditFilter,
        before: Option<&AuditCursor>,
        limit: PageLimit,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let mut query = search(filter, before, limit);
        query.build().fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }

    async fn prunable(&mut self, node: &str, before: Timestamp, up_to: u64) -> Result<Option<(u64, [u8; 32])>, StoreError> {
        let query = sqlx::query(
            "SELECT seq, hash FROM audit WHERE node = ?1 AND seq <= ?2 AND seq < \
             COALESCE((SELECT MIN(seq) FROM audit WHERE node = ?1 AND ts >= ?3), 9223372036854775807) ORDER BY seq DESC LIMIT 1",
        );
        let query = query.bind(node).bind(large(up_to)).bind(before.as_microsecond());
        let row = query.fetch_optional(&mut *self.0).await.map_err(fault)?;
        row.map(|row| {
            let columns = Columns::new("audit", &row);
            Ok((columns.large_count("seq")?, columns.digest("hash")?.0))
        })
        .transpose()
    }

    async fn prune(&mut self, head: &ChainHead) -> Result<u64, StoreError> {
        // The floor first: the database lets rows go only below it.
        move_head(head).execute(&mut *self.0).await.map_err(fault)?;
        let query = sqlx::query("DELETE FROM audit WHERE node = ? AND seq <= ?").bind(&head.node).bind(large(head.floor_seq));
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }
}
