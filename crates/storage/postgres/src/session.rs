//! Sessions.

use async_trait::async_trait;
use doorward_domain::session::PreviousCredential;
use doorward_domain::store::{Page, PageLimit, SessionCursor, SessionFilter, Sessions};
use doorward_domain::{Session, StoreError, User};
use doorward_kit::{ClientAddr, SessionId, Timestamp, TokenDigest, UserId};
use sqlx::postgres::PgRow;

use crate::link::Link;
use crate::row::Columns;
use crate::tx::PostgresTx;
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
            " AND ($2 IS NULL OR expires_at > $2) AND ($3 IS NULL OR (created_at, id) > ($3, $4)) ORDER BY created_at, id LIMIT $5"
        )
    };
}

const LIST_ALL: &str = list_where!("$1 IS NULL");
/// A statement of its own, since one with `OR` in it would read the table of everybody's sessions at every sign-in.
pub(crate) const LIST_OF_USER: &str = list_where!("user_id = $1");

macro_rules! sweep_where {
    ($column:literal, $which:literal) => {
        concat!(
            "DELETE FROM sessions WHERE id = ANY(ARRAY(SELECT id FROM sessions WHERE ",
            $column,
            " <= $1 AND ",
            $which,
            " ORDER BY ",
            $column,
            " LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING ",
            session_columns!()
        )
    };
}

// Each has an index of its own: one statement with all three conditions would read the whole table.
pub(crate) const SWEEP_EXPIRED: &str = sweep_where!("expires_at", "TRUE");
pub(crate) const SWEEP_IDLE: &str = sweep_where!("last_seen_at", "NOT is_remembered");
pub(crate) const SWEEP_REMEMBERED: &str = sweep_where!("last_seen_at", "is_remembered");

pub(crate) fn from_row(row: &PgRow) -> Result<Session, StoreError> {
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

pub(crate) const FIND_WITH_USER: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    " FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.digest = $1 OR sessions.previous_digest = $1"
);

/// The session of a digest, and whose it is, in one read.
pub(crate) async fn find_with_user(at: &mut Link, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError> {
    let row = at.fetch_optional(sqlx::query(FIND_WITH_USER).bind(&digest.0[..])).await?;
    row.map(|row| Ok((from_row(&row)?, user::from_row(&row)?))).transpose()
}

pub(crate) const FIND_ALL_WITH_USER: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    " FROM sessions JOIN users ON users.id = sessions.user_id WHERE sessions.id = ANY($1)"
);

/// The sessions of many ids, and whose they are, in one read.
pub(crate) async fn find_all_with_user(at: &mut Link, ids: &[SessionId]) -> Result<Vec<(Session, User)>, StoreError> {
    let ids: Vec<&[u8]> = ids.iter().map(|id| &id.as_bytes()[..]).collect();
    let rows = at.fetch_all(sqlx::query(FIND_ALL_WITH_USER).bind(ids)).await?;
    rows.iter().map(|row| Ok((from_row(row)?, user::from_row(row)?))).collect()
}

#[async_trait]
impl Sessions for PostgresTx {
    async fn lookup(&mut self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let sql = concat!("SELECT ", session_columns!(), " FROM sessions WHERE id = $1");
        let row = self.0.fetch_optional(sqlx::query(sql).bind(&id.as_bytes()[..])).await?;
        row.as_ref().map(from_row).transpose()
    }

    async fn find_by_digest(&mut self, digest: &TokenDigest) -> Result<Option<Session>, StoreError> {
        let sql = concat!("SELECT ", session_columns!(), " FROM sessions WHERE digest = $1 OR previous_digest = $1");
        let row = self.0.fetch_optional(sqlx::query(sql).bind(&digest.0[..])).await?;
        row.as_ref().map(from_row).transpose()
    }

    async fn list(
        &mut self,
        filter: SessionFilter,
        after: Option<SessionCursor>,
        limit: PageLimit,
    ) -> Result<Page<Session, SessionCursor>, StoreError> {
        let query = sqlx::query(if filter.user().is_some() { LIST_OF_USER } else { LIST_ALL })
            .bind(filter.user().map(|user| user.as_bytes().to_vec()))
            .bind(filter.active_instant().map(Timestamp::as_microsecond))
            .bind(after.map(|cursor| cursor.created_at.as_microsecond()))
            .bind(after.map(|cursor| cursor.id.as_bytes().to_vec()))
            .bind(i64::from(limit.get()) + 1);
        let rows = self.0.fetch_all(query).await?;
        let items = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        Ok(user::page(items, limit, |session| SessionCursor { created_at: session.created_at, id: session.id }))
    }

    async fn add(&mut self, session: &Session) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO sessions (id, user_id, digest, previous_digest, previous_until, rotated_at, authenticated_at, is_remembered, \
             created_at, last_seen_at, expires_at, user_agent, client_ip, is_two_factor) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
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
        .bind(session.is_two_factor);
        self.0.execute(query).await?;
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
        let sql = "UPDATE sessions SET previous_digest = digest, previous_until = $1, digest = $2, rotated_at = $3 WHERE id = $4 AND digest = $5";
        let query = sqlx::query(sql)
            .bind(previous_until.as_microsecond())
            .bind(&replacement.0[..])
            .bind(at.as_microsecond())
            .bind(&id.as_bytes()[..])
            .bind(&expected.0[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn authenticate(&mut self, id: SessionId, at: Timestamp, is_two_factor: bool) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE sessions SET authenticated_at = $1, is_two_factor = is_two_factor OR $2 WHERE id = $3");
        let query = query.bind(at.as_microsecond()).bind(is_two_factor).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn touch(&mut self, id: SessionId, seen_at: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query("UPDATE sessions SET last_seen_at = greatest(last_seen_at, $1) WHERE id = $2");
        self.0.execute(query.bind(seen_at.as_microsecond()).bind(&id.as_bytes()[..])).await?;
        Ok(())
    }

    async fn revoke(&mut self, id: SessionId) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM sessions WHERE id = $1").bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn revoke_all(&mut self, user: UserId, spared: Option<SessionId>) -> Result<Vec<TokenDigest>, StoreError> {
        // No id is empty.
        let spared = spared.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let query = sqlx::query("DELETE FROM sessions WHERE user_id = $1 AND id <> $2 RETURNING digest, previous_digest");
        let rows = self.0.fetch_all(query.bind(&user.as_bytes()[..]).bind(spared)).await?;
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
                swept.extend(self.0.fetch_all(query).await?);
            }
        }
        swept.iter().map(from_row).collect()
    }
}
