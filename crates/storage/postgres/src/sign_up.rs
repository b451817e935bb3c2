//! Sign-ups that wait for their verification.

use async_trait::async_trait;
use doorward_domain::store::{PageLimit, SignUps};
use doorward_domain::verification::PendingSignUp;
use doorward_domain::{EmailAddress, StoreError};
use doorward_kit::id::SignUpId;
use doorward_kit::{Timestamp, TokenDigest};
use sqlx::postgres::PgRow;

use crate::row::{Columns, names};
use crate::tx::PostgresTx;

macro_rules! sign_up_columns {
    () => {
        "id, email, email_canonical, display_name, roles, password_hash, digest, created_at, expires_at"
    };
}

fn from_row(row: &PgRow) -> Result<PendingSignUp, StoreError> {
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

pub(crate) const LOCK_ADDRESS: &str = "SELECT number FROM sign_ups WHERE email_canonical = \
     (SELECT email_canonical FROM sign_ups WHERE digest = $1) ORDER BY number FOR UPDATE";

pub(crate) const SWEEP: &str = "DELETE FROM sign_ups WHERE number = ANY(ARRAY(SELECT number FROM sign_ups WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED))";

#[async_trait]
impl SignUps for PostgresTx {
    async fn add(&mut self, pending: &PendingSignUp) -> Result<(), StoreError> {
        let query =
            sqlx::query(concat!("INSERT INTO sign_ups (", sign_up_columns!(), ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"))
                .bind(&pending.id.as_bytes()[..])
                .bind(&pending.email.display)
                .bind(&pending.email.canonical)
                .bind(&pending.display_name)
                .bind(names(&pending.roles))
                .bind(&pending.password_hash)
                .bind(&pending.digest.0[..])
                .bind(pending.created_at.as_microsecond())
                .bind(pending.expires_at.as_microsecond());
        self.0.execute(query).await?;
        Ok(())
    }

    async fn consume(&mut self, digest: &TokenDigest, now: Timestamp) -> Result<Option<PendingSignUp>, StoreError> {
        // Two links of one address at once: each takes its own row and then, by `remove_all`, the other's. Both ask for the oldest row
        // first, so that one of them waits and neither waits crosswise.
        self.0.fetch_all(sqlx::query(LOCK_ADDRESS).bind(&digest.0[..])).await?;
        // One statement finds and removes: there is no moment between.
        let sql = concat!("DELETE FROM sign_ups WHERE digest = $1 AND expires_at > $2 RETURNING ", sign_up_columns!());
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(now.as_microsecond());
        let row = self.0.fetch_optional(query).await?;
        row.as_ref().map(from_row).transpose()
    }

    async fn find_only(&mut self, canonical: &str, now: Timestamp) -> Result<Option<PendingSignUp>, StoreError> {
        let sql = concat!("SELECT ", sign_up_columns!(), " FROM sign_ups WHERE email_canonical = $1 AND expires_at > $2 LIMIT 2");
        let query = sqlx::query(sql).bind(canonical).bind(now.as_microsecond());
        match self.0.fetch_all(query).await?.as_slice() {
            [row] => from_row(row).map(Some),
            _ => Ok(None),
        }
    }

    async fn rotate(&mut self, id: SignUpId, digest: &TokenDigest, expires_at: Timestamp) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE sign_ups SET digest = $1, expires_at = $2 WHERE id = $3");
        let query = query.bind(&digest.0[..]).bind(expires_at.as_microsecond()).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn remove_all(&mut self, canonical: &str) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM sign_ups WHERE email_canonical = $1").bind(canonical);
        self.0.execute(query).await
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        self.0.execute(sqlx::query(SWEEP).bind(now.as_microsecond()).bind(i64::from(limit.get()))).await
    }
}
