//! Ceremonies.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::ceremony::{Ceremony, CeremonyKind};
use doorward_domain::store::{Ceremonies, PageLimit};
use doorward_kit::{SessionId, Timestamp, TokenDigest, UserId};
use sqlx::postgres::PgRow;

use crate::row::Columns;
use crate::tx::PostgresTx;

macro_rules! ceremony_columns {
    () => {
        "digest, kind, user_id, session_id, body, attempts, created_at, expires_at"
    };
}

fn from_row(row: &PgRow) -> Result<Ceremony, StoreError> {
    let columns = Columns::new("ceremonies", row);
    Ok(Ceremony {
        digest: columns.digest("digest")?,
        kind: CeremonyKind::parse(&columns.text("kind")?).ok_or_else(|| columns.impossible("kind is unknown"))?,
        user_id: columns.id_or_null("user_id")?.map(UserId::from_bytes),
        session_id: columns.id_or_null("session_id")?.map(SessionId::from_bytes),
        body: columns.octets("body")?,
        attempts: columns.count("attempts")?,
        created_at: columns.instant("created_at")?,
        expires_at: columns.instant("expires_at")?,
    })
}

/// Whoever it belongs to.
pub(crate) const LOCK_OWNER: &str = "SELECT 1 FROM users WHERE id = (SELECT coalesce(ceremonies.user_id, sessions.user_id) FROM ceremonies \
     LEFT JOIN sessions ON sessions.id = ceremonies.session_id WHERE ceremonies.digest = $1 AND ceremonies.kind = $2) FOR UPDATE";

/// In which session it began.
pub(crate) const LOCK_SESSION: &str = "SELECT 1 FROM sessions WHERE id = \
     (SELECT session_id FROM ceremonies WHERE digest = $1 AND kind = $2) FOR UPDATE";

pub(crate) const SWEEP: &str = "DELETE FROM ceremonies WHERE digest = ANY(ARRAY(SELECT digest FROM ceremonies WHERE expires_at <= $1 \
     ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED))";

impl PostgresTx {
    /// What a ceremony hangs on first, as every flow does: whoever holds that may be about to remove it, and the ceremony with it.
    async fn lock_above(&mut self, kind: CeremonyKind, digest: &TokenDigest) -> Result<(), StoreError> {
        for sql in [LOCK_OWNER, LOCK_SESSION] {
            self.0.fetch_optional(sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str())).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Ceremonies for PostgresTx {
    async fn add(&mut self, ceremony: &Ceremony) -> Result<(), StoreError> {
        let query =
            sqlx::query(concat!("INSERT INTO ceremonies (", ceremony_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"))
                .bind(&ceremony.digest.0[..])
                .bind(ceremony.kind.as_str())
                .bind(ceremony.user_id.map(|user| user.as_bytes().to_vec()))
                .bind(ceremony.session_id.map(|session| session.as_bytes().to_vec()))
                .bind(&ceremony.body)
                .bind(i64::from(ceremony.attempts))
                .bind(ceremony.created_at.as_microsecond())
                .bind(ceremony.expires_at.as_microsecond());
        self.0.execute(query).await?;
        Ok(())
    }

    async fn consume(
        &mut self,
        kind: CeremonyKind,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        self.lock_above(kind, digest).await?;
        // One statement finds and removes: there is no moment between.
        let sql =
            concat!("DELETE FROM ceremonies WHERE digest = $1 AND kind = $2 AND expires_at > $3 RETURNING ", ceremony_columns!());
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str()).bind(now.as_microsecond());
        self.0.fetch_optional(query).await?.as_ref().map(from_row).transpose()
    }

    async fn attempt(
        &mut self,
        kind: CeremonyKind,
        digest: &TokenDigest,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        self.lock_above(kind, digest).await?;
        // One statement judges and counts, for the same reason.
        let sql = concat!(
            "UPDATE ceremonies SET attempts = attempts + 1 WHERE digest = $1 AND kind = $2 AND expires_at > $3 AND attempts < $4 RETURNING ",
            ceremony_columns!()
        );
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str()).bind(now.as_microsecond()).bind(i64::from(most));
        self.0.fetch_optional(query).await?.as_ref().map(from_row).transpose()
    }

    async fn lookup(&mut self, kind: CeremonyKind, digest: &TokenDigest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        let sql = concat!("SELECT ", ceremony_columns!(), " FROM ceremonies WHERE digest = $1 AND kind = $2 AND expires_at > $3");
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str()).bind(now.as_microsecond());
        self.0.fetch_optional(query).await?.as_ref().map(from_row).transpose()
    }

    async fn revoke_all(&mut self, user: UserId, kinds: &[CeremonyKind]) -> Result<(), StoreError> {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let query = sqlx::query("DELETE FROM ceremonies WHERE user_id = $1 AND kind = ANY($2)");
        self.0.execute(query.bind(&user.as_bytes()[..]).bind(kinds)).await?;
        Ok(())
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        let query = sqlx::query(SWEEP).bind(now.as_microsecond()).bind(i64::from(limit.get()));
        self.0.execute(query).await
    }
}
