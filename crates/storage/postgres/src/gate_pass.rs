//! Passes for gates.

use async_trait::async_trait;
use doorward_domain::gate_pass::GatePass;
use doorward_domain::store::GatePasses;
use doorward_domain::{Session, StoreError, User};
use doorward_kit::{SessionId, TokenDigest};
use sqlx::postgres::PgRow;

use crate::link::Link;
use crate::row::Columns;
use crate::session::{self, session_columns};
use crate::tx::PostgresTx;
use crate::user::{self, user_columns};

fn from_row(row: &PgRow) -> Result<GatePass, StoreError> {
    let columns = Columns::new("gate_passes", row);
    Ok(GatePass {
        digest: columns.digest("pass_digest")?,
        gate: columns.text("gate")?,
        session_id: SessionId::from_bytes(columns.id("pass_session_id")?),
        created_at: columns.instant("pass_created_at")?,
    })
}

pub(crate) const FIND_WITH_SESSION: &str = concat!(
    "SELECT gate_passes.digest AS pass_digest, gate_passes.gate, gate_passes.session_id AS pass_session_id, \
     gate_passes.created_at AS pass_created_at, ",
    session_columns!(),
    ", ",
    user_columns!(),
    " FROM gate_passes JOIN sessions ON sessions.id = gate_passes.session_id JOIN users ON users.id = sessions.user_id \
     WHERE gate_passes.digest = $1"
);

/// The pass of a digest, of which session it is, and whose that is, in one read.
pub(crate) async fn find_with_session(
    at: &mut Link,
    digest: &TokenDigest,
) -> Result<Option<(GatePass, Session, User)>, StoreError> {
    let row = at.fetch_optional(sqlx::query(FIND_WITH_SESSION).bind(&digest.0[..])).await?;
    row.map(|row| Ok((from_row(&row)?, session::from_row(&row)?, user::from_row(&row)?))).transpose()
}

#[async_trait]
impl GatePasses for PostgresTx {
    async fn add(&mut self, pass: &GatePass, most: u32) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO gate_passes (digest, gate, session_id, created_at) VALUES ($1, $2, $3, $4)")
            .bind(&pass.digest.0[..])
            .bind(&pass.gate)
            .bind(&pass.session_id.as_bytes()[..])
            .bind(pass.created_at.as_microsecond());
        self.0.execute(query).await?;
        let sql = "DELETE FROM gate_passes WHERE digest IN (SELECT digest FROM gate_passes WHERE session_id = $1 AND gate = $2 \
                   ORDER BY created_at DESC, digest DESC OFFSET $3)";
        let query = sqlx::query(sql).bind(&pass.session_id.as_bytes()[..]).bind(&pass.gate).bind(i64::from(most));
        self.0.execute(query).await?;
        Ok(())
    }

    async fn revoke(&mut self, session: SessionId) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM gate_passes WHERE session_id = $1").bind(&session.as_bytes()[..]);
        self.0.execute(query).await
    }

    async fn remove(&mut self, digest: &TokenDigest) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM gate_passes WHERE digest = $1").bind(&digest.0[..]);
        Ok(self.0.execute(query).await? > 0)
    }
}
