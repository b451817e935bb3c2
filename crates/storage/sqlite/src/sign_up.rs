//! Sign-ups that wait for their verification.

use async_trait::async_trait;
use doorward_domain::store::{PageLimit, SignUps};
use doorward_domain::verification::PendingSignUp;
use doorward_domain::{EmailAddress, StoreError};
use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, TokenDigest};
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::{Columns, names};
use crate::tx::SqliteTx;

macro_rules! sign_up_columns {
    () => {
        "id, email, email_canonical, display_name, roles, password_hash, digest, created_at, expires_at"
    };
}

fn from_row(row: &SqliteRow) -> Result<PendingSignUp, StoreError> {
    let columns = Columns::new("sign_ups", row);
    Ok(PendingSignUp {
        id: SignUpId::from_bytes(columns.id("id")?),
        email: EmailAddress { display: columns.text("email")?, canonical: columns.text("email_canonical")? },
        display_name: columns.text("display_name")?,
        roles: columns.names("roles")?,
        password_hash: columns.text("password_hash")?,
        digest: columns.digest("digest")?,
        created_at: columns.instant("created_at")?,
        expires_at: columns.instant("expires_at")?,
    })
}

#[async_trait]
impl SignUps for SqliteTx {
    async fn add(&mut self, pending: &PendingSignUp) -> Result<(), StoreError> {
        sqlx::query(concat!("INSERT INTO sign_ups (", sign_up_columns!(), ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"))
            .bind(&pending.id.as_bytes()[..])
            .bind(&pending.email.display)
            .bind(&pending.email.canonical)
            .bind(&pending.display_name)
            .bind(names(&pending.roles))
            .bind(&pending.password_hash)
            .bind(&pending.digest.0[..])
            .bind(pending.created_at.as_microsecond())
            .bind(pending.expires_at.as_microsecond())
            .execute(&mut *self.0)
            .await
            .map_err(fault)?;
        Ok(())
    }

    async fn consume(&mut self, digest: &TokenDigest, now: Timestamp) -> Result<Option<PendingSignUp>, StoreError> {
        // One statement finds and removes: there is no moment between.
        let sql = concat!("DELETE FROM sign_ups WHERE digest = ? AND expires_at > ? RETURNING ", sign_up_columns!());
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(now.as_microsecond());
        let row = query.fetch_optional(&mut *self.0).await.map_err(fault)?;
        row.as_ref().map(from_row).transpose()
    }

    async fn find_only(&mut self, canonical: &str, now: Timestamp) -> Result<Option<PendingSignUp>, StoreError> {
        let sql = concat!("SELECT ", sign_up_columns!(), " FROM sign_ups WHERE email_canonical = ? AND expires_at > ? LIMIT 2");
        let query = sqlx::query(sql).bind(canonical).bind(now.as_microsecond());
        match query.fetch_all(&mut *self.0).await.map_err(fault)?.as_slice() {
            [row] => from_row(row).map(Some),
            _ => Ok(None),
        }
    }

    async fn rotate(&mut self, id: SignUpId, digest: &TokenDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE sign_ups SET digest = ?, expires_at = ? WHERE id = ?");
        let query = query.bind(&digest.0[..]).bind(expires_at.as_microsecond()).bind(&id.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn remove_all(&mut self, canonical: &str) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM sign_ups WHERE email_canonical = ?").bind(canonical);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        let sql =
            "DELETE FROM sign_ups WHERE rowid IN (SELECT rowid FROM sign_ups WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)";
        let query = sqlx::query(sql).bind(now.as_microsecond()).bind(limit.get());
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }
}
