//! Sessions.

use async_trait::async_trait;
use doorward_domain::session::PreviousCredential;
use doorward_domain::store::{Page, PageLimit, SessionCursor, SessionFilter, Sessions};
use doorward_domain::{Session, StoreError, User};
use doorward_kit::{ClientAddr, SessionId, Timestamp, TokenDigest, UserId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Sqlite};

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;
use crate::user::{self, user_columns};

macro_rules! session_columns {
    () => {
        "sessions.id AS session_id, sessions.user_id AS session_user_id, sessions.digest, sessions.previous_digest, \
         sessions.previous_until, sessions.rotated_at, sessions.authenticated_at, sessions.is_remembered, sessions.is_two_factor, \
         sessions.created_at AS session_created_at, \
         sessions.last_seen_at, sessions.expires_at, sessions.user_agent, sessions.client_ip"
    };
}
pub(crate) use session_columns;

macro_rules! list_where {
    ($whose:literal) => {
        concat!(
            "SELECT ",
            session_columns!(),
            " FROM sessions WHERE ",
            $whose,
            " AND (?2 IS NULL OR expires_at > ?2) AND (?3 IS NULL OR (created_at, id) > (?3, ?4)) ORDER BY created_at, id LIMIT ?5"
        )
    };
}

const LIST_ALL: &str = list_where!("?1 IS NULL");
/// A statement of its own, since one with `OR` in it would read the table of everybody's sessions at every sign-in.
pub(crate) const LIST_OF_USER: &str = list_where!("user_id = ?1");

macro_rules! sweep_where {
    ($column:literal, $which:literal) => {
        concat!(
            "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE ",
            $column,
            " <= ? AND ",
            $which,
            " ORDER BY ",
            $column,
            " LIMIT ?) RETURNING ",
            session_columns!()
        )
    };
}

// Each has an index of its own: one statement with all three conditions would read the whole table.
pub(crate) const SWEEP_EXPIRED: &str = sweep_where!("expires_at", "TRUE");
pub(crate) const SWEEP_IDLE: &str = sweep_where!("last_seen_at", "is_remembered = 0");
pub(crate) const SWEEP_REMEMBERED: &str = sweep_where!("last_seen_at", "is_remembered = 1");

pub(crate) fn from_row(row: &SqliteRow) -> Result<Session, StoreError> {
    let columns = Columns::new("sessions", row);
    let client = columns.address_or_null("client_ip")?.ok_or_else(|| columns.impossible("no client address"))?;
    Ok(Session {
        id: SessionId::from_bytes(columns.id("session_id")?),
        user_id: UserId::from_bytes(columns.id("session_user_id")?),
        digest: columns.digest("digest")?,
        previous: previous(&columns)?,
        rotated_at: columns.instant("rotated_at")?,
        authenticated_at: columns.instant("authenticated_at")?,
        is_two_factor: columns.truth("is_two_factor")?,
        is_remembered: columns.truth("is_remembered")?,
        created_at: columns.instant("session_created_at")?,
        last_seen_at: columns.instant("last_seen_at")?,
        expires_at: columns.instant("expires_at")?,
        user_agent: columns.text("user_agent")?,
        client: ClientAddr::new(client),
    })
}

fn previous(columns: &Columns<'_>) -> Result<Option<PreviousCredential>, StoreError> {
    let Some(digest) = columns.digest_or_null("previous_digest")? else { return Ok(None) };
    Ok(Some(PreviousCredential { digest, until: columns.instant("previous_until")? }))
}

/// The session of a digest, and whose it is, in one read.
pub(crate) async fn find_with_user<'c>(
    at: impl Executor<'c, Database = Sqlite>,
    digest: &TokenDigest,
) -> Result<Option<(Session, User)>, StoreError> {
    let sql = concat!(
        "SELECT ",
        session_columns!(),
        ", ",
        user_columns!(),
        " FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.digest = ?1 OR sessions.previous_digest = ?1"
    );
    let row = sqlx::query(sql).bind(&digest.0[..]).fetch_optional(at).await.map_err(fault)?;
    row.map(|row| Ok((from_row(&row)?, user::from_row(&row)?))).transpose()
}

/// A list of any length is one parameter: the ids as hexadecimal text in a JSON array.
pub(crate) const FIND_ALL_WITH_USER: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    " FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id IN (SELECT unhex(value, '-') FROM json_each(?))"
);

/// The sessions of many ids, and whose they are, in one read.
pub(crate) async fn find_all_with_user<'c>(
    at: impl Executor<'c, Database = Sqlite>,
    ids: &[SessionId],
) -> Result<Vec<(Session, User)>, StoreError> {
    let list = serde_json::json!(ids).to_string();
    let rows = sqlx::query(FIND_ALL_WITH_USER).bind(list).fetch_all(at).await.map_err(fault)?;
    rows.iter().map(|row| Ok((from_row(row)?, user::from_row(row)?))).collect()
}

#[async_trait]
impl Sessions for SqliteTx {
    async fn lookup(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let sql = concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = ?");
        let row = sqlx::query(sql).bind(&id.as_bytes()[..]).fetch_optional(&mut *self.0).await.map_err(fault)?;
        row.as_ref().map(from_row).transpose()
    }

    async fn find_by_digest(&mut self, digest: &TokenDigest) -> Result<Option<Session>, StoreError> {
        let sql = concat!("SELECT ", session_columns!(), " FROM sessions WHERE digest = ?1 OR previous_digest = ?1");
        let row = sqlx::query(sql).bind(&digest.0[..]).fetch_optional(&mut *self.0).await.map_err(fault)?;
        row.as_ref().map(from_row).transpose()
    }

    async fn list(
        &mut self,
        filter: SessionFilter,
        after: Option<SessionCursor>,
        limit: PageLimit,
    ) -> Result<Page<Session, SessionCursor>, StoreError> {
        let rows = sqlx::query(if filter.user().is_some() { LIST_OF_USER } else { LIST_ALL })
            .bind(filter.user().map(|user| user.as_bytes().to_vec()))
            .bind(filter.active_instant().map(Timestamp::as_microsecond))
            .bind(after.map(|cursor| cursor.created_at.as_microsecond()))
            .bind(after.map(|cursor| cursor.id.as_bytes().to_vec()))
            .bind(limit.get() + 1)
            .fetch_all(&mut *self.0)
            .await
            .map_err(fault)?;
        let items = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        Ok(user::page(items, limit, |session| SessionCursor { created_at: session.created_at, id: session.id }))
    }

    async fn add(&mut self, session: &Session) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO sessions (id, user_id, digest, previous_digest, previous_until, rotated_at, authenticated_at, is_remembered, \
             created_at, last_seen_at, expires_at, user_agent, client_ip, is_two_factor) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&session.id.as_bytes()[..])
        .bind(&session.user_id.as_bytes()[..])
        .bind(&session.digest.0[..])
        .bind(session.previous.map(|previous| previous.digest.0.to_vec()))
        .bind(session.previous.map(|previous| previous.until.as_microsecond()))
        .bind(session.rotated_at.as_microsecond())
        .bind(session.authenticated_at.as_microsecond())
        .bind(session.is_remembered)
        .bind(session.created_at.as_microsecond())
        .bind(session.last_seen_at.as_microsecond())
        .bind(session.expires_at.as_microsecond())
        .bind(&session.user_agent)
        .bind(session.client.to_string())
        .bind(session.is_two_factor)
        .execute(&mut *self.0)
        .await
        .map_err(fault)?;
        Ok(())
    }

    async fn rotate(
        &mut self,
        id: SessionId,
        expected: &TokenDigest,
        replacement: &TokenDigest,
        previous_until: Timestamp,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET previous_digest = digest, previous_until = ?, digest = ?, rotated_at = ? WHERE id = ? AND digest = ?";
        let query = sqlx::query(sql)
            .bind(previous_until.as_microsecond())
            .bind(&replacement.0[..])
            .bind(at.as_microsecond())
            .bind(&id.as_bytes()[..])
            .bind(&expected.0[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn authenticate(&mut self, id: SessionId, at: Timestamp, is_two_factor: bool) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE sessions SET authenticated_at = ?, is_two_factor = is_two_factor OR ? WHERE id = ?");
        let query = query.bind(at.as_microsecond()).bind(is_two_factor).bind(&id.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn touch(&mut self, id: SessionId, seen_at: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE sessions SET last_seen_at = max(last_seen_at, ?) WHERE id = ?");
        query.bind(seen_at.as_microsecond()).bind(&id.as_bytes()[..]).execute(&mut *self.0).await.map_err(fault)?;
        Ok(())
    }

    async fn revoke(&mut self, id: SessionId) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM sessions WHERE id = ?").bind(&id.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn revoke_all(&mut self, user: UserId, spared: Option<SessionId>) -> Result<Vec<TokenDigest>, StoreError> {
        // No id is the empty blob.
        let spared = spared.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let query = sqlx::query("DELETE FROM sessions WHERE user_id = ? AND id <> ? RETURNING digest, previous_digest");
        let rows = query.bind(&user.as_bytes()[..]).bind(spared).fetch_all(&mut *self.0).await.map_err(fault)?;
        let mut digests = Vec::with_capacity(rows.len());
        for row in &rows {
            let columns = Columns::new("sessions", row);
            digests.push(columns.digest("digest")?);
            digests.extend(columns.digest_or_null("previous_digest")?);
        }
        Ok(digests)
    }

    async fn sweep(
        &mut self,
        now: Timestamp,
        idle_before: Timestamp,
        remembered_before: Timestamp,
        limit: PageLimit,
    ) -> Result<Vec<Session>, StoreError> {
        let mut swept = Vec::new();
        for (sql, before) in [(SWEEP_EXPIRED, now), (SWEEP_IDLE, idle_before), (SWEEP_REMEMBERED, remembered_before)] {
            let left = i64::from(limit.get()) - i64::try_from(swept.len()).unwrap_or(i64::MAX);
            if left > 0 {
                let query = sqlx::query(sql).bind(before.as_microsecond()).bind(left);
                swept.extend(query.fetch_all(&mut *self.0).await.map_err(fault)?);
            }
        }
        swept.iter().map(from_row).collect()
    }
}
