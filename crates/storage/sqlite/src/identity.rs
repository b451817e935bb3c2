//! Links with providers.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::federation::Identity;
use doorward_domain::store::Identities;
use doorward_kit::id::IdentityId;
use doorward_kit::{Timestamp, UserId};
use sqlx::sqlite::SqliteRow;

use crate::error::fault;
use crate::row::Columns;
use crate::tx::SqliteTx;

macro_rules! identity_columns {
    () => {
        "id, user_id, provider, issuer, subject, label, provider_grant, created_at, last_used_at"
    };
}

fn from_row(row: &SqliteRow) -> Result<Identity, StoreError> {
    let columns = Columns::new("identities", row);
    Ok(Identity {
        id: IdentityId::from_bytes(columns.id("id")?),
        user_id: UserId::from_bytes(columns.id("user_id")?),
        provider: columns.text("provider")?,
        issuer: columns.text("issuer")?,
        subject: columns.text("subject")?,
        label: columns.text("label")?,
        grant: columns.octets_or_null("provider_grant")?,
        created_at: columns.instant("created_at")?,
        last_used_at: columns.instant("last_used_at")?,
    })
}

pub(crate) const FIND: &str = concat!("SELECT ", identity_columns!(), " FROM identities WHERE issuer = ? AND subject = ?");

pub(crate) const LIST: &str =
    concat!("SELECT ", identity_columns!(), " FROM identities WHERE user_id = ? ORDER BY created_at, id");

#[async_trait]
impl Identities for SqliteTx {
    async fn find(&mut self, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
        let query = sqlx::query(FIND).bind(issuer).bind(subject);
        query.fetch_optional(&mut *self.0).await.map_err(fault)?.as_ref().map(from_row).transpose()
    }

    async fn list(&mut self, user: UserId) -> Result<Vec<Identity>, StoreError> {
        let query = sqlx::query(LIST).bind(&user.as_bytes()[..]);
        query.fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }

    async fn add(&mut self, identity: &Identity) -> Result<(), StoreError> {
        sqlx::query(concat!("INSERT INTO identities (", identity_columns!(), ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"))
            .bind(&identity.id.as_bytes()[..])
            .bind(&identity.user_id.as_bytes()[..])
            .bind(&identity.provider)
            .bind(&identity.issuer)
            .bind(&identity.subject)
            .bind(&identity.label)
            .bind(identity.grant.as_deref())
            .bind(identity.created_at.as_microsecond())
            .bind(identity.last_used_at.as_microsecond())
            .execute(&mut *self.0)
            .await
            .map_err(fault)?;
        Ok(())
    }

    async fn touch(&mut self, id: IdentityId, at: Timestamp, grant: Option<&[u8]>) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE identities SET last_used_at = max(last_used_at, ?), provider_grant = ? WHERE id = ?");
        let query = query.bind(at.as_microsecond()).bind(grant).bind(&id.as_bytes()[..]);
        Ok(query.execute(&mut *self.0).await.map_err(fault)?.rows_affected() > 0)
    }

    async fn remove(&mut self, user: UserId, provider: &str) -> Result<Vec<Identity>, StoreError> {
        let sql = concat!("DELETE FROM identities WHERE user_id = ? AND provider = ? RETURNING ", identity_columns!());
        let query = sqlx::query(sql).bind(&user.as_bytes()[..]).bind(provider);
        query.fetch_all(&mut *self.0).await.map_err(fault)?.iter().map(from_row).collect()
    }
}
