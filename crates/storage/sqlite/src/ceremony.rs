//! Ceremonies.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::ceremony::{Ceremony, CeremonyKind};
use doorward_domain::store::{Ceremonies, PageLimit};
use doorward_kit::{SessionId, Timestamp, TokenDigest, UserId};
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;

macro_rules! ceremony_columns {
    () => {
        "digest, kind, user_id, session_id, body, attempts, created_at, expires_at"
    };
}

fn from_row(row: &SqliteRow) -> Result<Ceremony, StoreError> {
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

pub(crate) const SWEEP: &str =
    "DELETE FROM ceremonies WHERE rowid IN (SELECT rowid FROM ceremonies WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";

#[async_trait]
impl Ceremonies for SqliteTx {
    async fn add(&mut self, ceremony: &Ceremony) -> Result<(), StoreError> {
        sqlx::query(concat!("INSERT INTO ceremonies (", ceremony_columns!(), ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)"))
            .bind(&ceremony.digest.0[..])
            .bind(ceremony.kind.as_str())
            .bind(ceremony.user_id.map(|user| user.as_bytes().to_vec()))
            .bind(ceremony.session_id.map(|session| session.as_bytes().to_vec()))
            .bind(&ceremony.body)
            .bind(ceremony.attempts)
            .bind(ceremony.created_at.as_microsecond())
            .bind(ceremony.expires_at.as_microsecond())
            .execute(&mut *self.0)
            .await
            .map_err(fault)?;
        Ok(())
    }

    async fn consume(
        &mut self,
        kind: CeremonyKind,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        // One statement finds and removes: there is no moment between.
        let sql =
            concat!("DELETE FROM ceremonies WHERE digest = ? AND kind = ? AND expires_at > ? RETURNING ", ceremony_columns!());
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str()).bind(now.as_microsecond());
        query.fetch_optional(&mut *self.0).await.map_err(fault)?.as_ref().map(from_row).transpose()
    }

    async fn attempt(
        &mut self,
        kind: CeremonyKind,
        digest: &TokenDigest,
        most: u32,
        now: Timestamp,
    ) -> Result<Option<Ceremony>, StoreError> {
        // One statement judges and counts, for the same reason.
        let sql = concat!(
            "UPDATE ceremonies SET attempts = attempts + 1 WHERE digest = ? AND kind = ? AND expires_at > ? AND attempts < ? RETURNING ",
            ceremony_columns!()
        );
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str()).bind(now.as_microsecond()).bind(most);
        query.fetch_optional(&mut *self.0).await.map_err(fault)?.as_ref().map(from_row).transpose()
    }

    async fn lookup(&mut self, kind: CeremonyKind, digest: &TokenDigest, now: Timestamp) -> Result<Option<Ceremony>, StoreError> {
        let sql = concat!("SELECT ", ceremony_columns!(), " FROM ceremonies WHERE digest = ? AND kind = ? AND expires_at > ?");
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(kind.as_str()).bind(now.as_microsecond());
        query.fetch_optional(&mut *self.0).await.map_err(fault)?.as_ref().map(from_row).transpose()
    }

    async fn revoke_all(&mut self, user: UserId, kinds: &[CeremonyKind]) -> Result<(), StoreError> {
        for kind in kinds {
            let query = sqlx::query("DELETE FROM ceremonies WHERE user_id = ? AND kind = ?");
            query.bind(&user.as_bytes()[..]).bind(kind.as_str()).execute(&mut *self.0).await.map_err(fault)?;
        }
        Ok(())
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        let query = sqlx::query(SWEEP).bind(now.as_microsecond()).bind(limit.get());
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }
}
