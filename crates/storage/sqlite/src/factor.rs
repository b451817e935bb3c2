//! Second factors.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::factor::{Factor, FactorKind};
use doorward_domain::store::Factors;
use doorward_kit::id::FactorId;
use doorward_kit::{Timestamp, TokenDigest, UserId};
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::{Columns, to_count};
use crate::tx::SqliteTx;

macro_rules! factor_columns {
    () => {
        "id, user_id, kind, name, credential, secret, counter, created_at, last_used_at"
    };
}

fn from_row(row: &SqliteRow) -> Result<Factor, StoreError> {
    let columns = Columns::new("factors", row);
    Ok(Factor {
        id: FactorId::from_bytes(columns.id("id")?),
        user_id: UserId::from_bytes(columns.id("user_id")?),
        kind: FactorKind::parse(&columns.text("kind")?).ok_or_else(|| columns.impossible("kind is unknown"))?,
        name: columns.text("name")?,
        credential: columns.octets_or_null("credential")?,
        secret: columns.octets("secret")?,
        counter: columns.large_count("counter")?,
        created_at: columns.instant("created_at")?,
        last_used_at: columns.instant_or_null("last_used_at")?,
    })
}

pub(crate) const LIST: &str = concat!("SELECT ", factor_columns!(), " FROM factors WHERE user_id = ? ORDER BY created_at, id");

pub(crate) const FIND_PASSKEY: &str = concat!("SELECT ", factor_columns!(), " FROM factors WHERE credential = ?");

#[async_trait]
impl Factors for SqliteTx {
    async fn list(&mut self, user: UserId) -> Result<Vec<Factor>, StoreError> {
        let query = sqlx::query(LIST).bind(&user.as_bytes()[..]);
        query.fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }

    async fn find_passkey(&mut self, credential: &[u8]) -> Result<Option<Factor>, StoreError> {
        let query = sqlx::query(FIND_PASSKEY).bind(credential);
        query.fetch_optional(&mut *self.0).await.map_err(fault)?.as_ref().map(from_row).transpose()
    }

    async fn add(&mut self, factor: &Factor) -> Result<(), StoreError> {
        sqlx::query(concat!("INSERT INTO factors (", factor_columns!(), ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"))
            .bind(&factor.id.as_bytes()[..])
            .bind(&factor.user_id.as_bytes()[..])
            .bind(factor.kind.as_str())
            .bind(&factor.name)
            .bind(factor.credential.as_deref())
            .bind(&factor.secret)
            .bind(to_count(factor.counter)?)
            .bind(factor.created_at.as_microsecond())
            .bind(factor.last_used_at.map(Timestamp::as_microsecond))
            .execute(&mut *self.0)
            .await
            .map_err(fault)?;
        Ok(())
    }

    async fn advance(
        &mut self,
        id: FactorId,
        expected: u64,
        next: u64,
        secret: &[u8],
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE factors SET counter = ?, secret = ?, last_used_at = ? WHERE id = ? AND counter = ?";
        let query = sqlx::query(sql)
            .bind(to_count(next)?)
            .bind(secret)
            .bind(at.as_microsecond())
            .bind(&id.as_bytes()[..])
            .bind(to_count(expected)?);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn rename(&mut self, user: UserId, id: FactorId, name: &str) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE factors SET name = ? WHERE id = ? AND user_id = ?");
        let query = query.bind(name).bind(&id.as_bytes()[..]).bind(&user.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn remove(&mut self, user: UserId, id: FactorId) -> Result<Option<Factor>, StoreError> {
        let sql = concat!("DELETE FROM factors WHERE id = ? AND user_id = ? RETURNING ", factor_columns!());
        let query = sqlx::query(sql).bind(&id.as_bytes()[..]).bind(&user.as_bytes()[..]);
        query.fetch_optional(&mut *self.0).await.map_err(fault)?.as_ref().map(from_row).transpose()
    }

    async fn replace_recovery_codes(&mut self, user: UserId, digests: &[TokenDigest]) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM recovery_codes WHERE user_id = ?").bind(&user.as_bytes()[..]);
        query.execute(&mut *self.0).await.map_err(fault)?;
        for digest in digests {
            let query = sqlx::query("INSERT INTO recovery_codes (user_id, digest) VALUES (?, ?)");
            query.bind(&user.as_bytes()[..]).bind(&digest.0[..]).execute(&mut *self.0).await.map_err(fault)?;
        }
        Ok(())
    }

    async fn consume_recovery_code(&mut self, user: UserId, digest: &TokenDigest) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM recovery_codes WHERE user_id = ? AND digest = ?");
        let query = query.bind(&user.as_bytes()[..]).bind(&digest.0[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn count_recovery_codes(&mut self, user: UserId) -> Result<u32, StoreError> {
        let query = sqlx::query("SELECT count(*) AS count FROM recovery_codes WHERE user_id = ?").bind(&user.as_bytes()[..]);
        let row = query.fetch_one(&mut *self.0).await.map_err(fault)?;
        Columns::new("recovery_codes", &row).count("count")
    }
}
