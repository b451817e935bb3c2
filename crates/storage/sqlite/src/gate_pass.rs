//! Passes for gates.

use async_trait::async_trait;
use doorward_domain::gate_pass::GatePass;
use doorward_domain::store::GatePasses;
use doorward_domain::{Session, StoreError, User};
use doorward_kit::{SessionId, TokenDigest};
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Sqlite};

use crate::error::fault;
use crate::row::Columns;
use crate::session::{self, session_columns};
use crate::tx::SqliteTx;
use crate::user::{self, user_columns};

fn from_row(row: &SqliteRow) -> Result<GatePass, StoreError> {
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
     WHERE gate_passes.digest = ?"
);

/// The pass of a digest, of which session it is, and whose that is, in one read.
pub(crate) async fn find_with_session<'c>(
    at: impl Executor<'c, Database = Sqlite>,
    digest: &TokenDigest,
) -> Result<Option<(GatePass, Session, User)>, StoreError> {
    let row = sqlx::query(FIND_WITH_SESSION).bind(&digest.0[..]).fetch_optional(at).await.map_err(fault)?;
    row.map(|row| Ok((from_row(&row)?, session::from_row(&row)?, user::from_row(&row)?))).transpose()
}

#[async_trait]
impl GatePasses for SqliteTx {
    async fn add(&mut self, pass: &GatePass, most: u32) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO gate_passes (digest, gate, session_id, created_at) VALUES (?, ?, ?, ?)")
            .bind(&pass.digest.0[..])
            .bind(&pass.gate)
            .bind(&pass.session_id.as_bytes()[..])
            .bind(pass.created_at.as_microsecond())
            .execute(&mut *self.0)
            .await
            .map_err(fault)?;
        let sql = "DELETE FROM gate_passes WHERE digest IN (SELECT digest FROM gate_passes WHERE session_id = ? AND gate = ? \
                   ORDER BY created_at DESC, digest DESC LIMIT -1 OFFSET ?)";
        let query = sqlx::query(sql).bind(&pass.session_id.as_bytes()[..]).bind(&pass.gate).bind(most);
        query.execute(&mut *self.0).await.map_err(fault)?;
        Ok(())
    }

    async fn revoke(&mut self, session: SessionId) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM gate_passes WHERE session_id = ?").bind(&session.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected())
    }

    async fn remove(&mut self, digest: &TokenDigest) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM gate_passes WHERE digest = ?").bind(&digest.0[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }
}
