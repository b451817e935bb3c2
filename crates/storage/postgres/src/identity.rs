//! Links with providers.

use async_trait::async_trait;
use doorward_domain::StoreError;
use doorward_domain::federation::Identity;
use doorward_domain::store::Identities;
use doorward_kit::id::IdentityId;
use doorward_kit::{Timestamp, UserId};
use sqlx::postgres::PgRow;

use crate::row::Columns;
use crate::tx::PostgresTx;

macro_rules! identity_columns {
    () => {
        "id, user_id, provider, issuer, subject, label, provider_grant, created_at, last_used_at"
    };
}

fn from_row(row: &PgRow) -> Result<Identity, StoreError> {
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

pub(crate) const FIND: &str = concat!("SELECT ", identity_columns!(), " FROM identities WHERE issuer = $1 AND subject = $2");

pub(crate) const LIST: &str =
    concat!("SELECT ", identity_columns!(), " FROM identities WHERE user_id = $1 ORDER BY created_at, id");

#[async_trait]
impl Identities for PostgresTx {
    async fn find(&mut self, issuer: &str, subject: &str) -> Result<Option<Identity>, StoreError> {
        let query = sqlx::query(FIND).bind(issuer).bind(subject);
        self.0.fetch_optional(query).await?.as_ref().map(from_row).transpose()
    }

    async fn list(&mut self, user: UserId) -> Result<Vec<Identity>, StoreError> {
        let query = sqlx::query(LIST).bind(&user.as_bytes()[..]);
        self.0.fetch_all(query).await?.iter().map(from_row).collect()
    }

    async fn add(&mut self, identity: &Identity) -> Result<(), StoreError> {
        let query = sqlx::query(concat!(
            "INSERT INTO identities (",
            identity_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        ))
        .bind(&identity.id.as_bytes()[..])
        .bind(&identity.user_id.as_bytes()[..])
        .bind(&identity.provider)
        .bind(&identity.issuer)
        .bind(&identity.subject)
        .bind(&identity.label)
        .bind(identity.grant.as_deref())
        .bind(identity.created_at.as_microsecond())
        .bind(identity.last_used_at.as_microsecond());
        self.0.execute(query).await?;
        Ok(())
    }

    async fn touch(&mut self, id: IdentityId, at: Timestamp, grant: Option<&[u8]>) -> Result<bool, StoreError> {
        let query =
            sqlx::query("UPDATE identities SET last_used_at = greatest(last_used_at, $1), provider_grant = $2 WHERE id = $3");
        let query = query.bind(at.as_microsecond()).bind(grant).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn remove(&mut self, user: UserId, provider: &str) -> Result<Vec<Identity>, StoreError> {
        let sql = concat!("DELETE FROM identities WHERE user_id = $1 AND provider = $2 RETURNING ", identity_columns!());
        let query = sqlx::query(sql).bind(&user.as_bytes()[..]).bind(provider);
        self.0.fetch_all(query).await?.iter().map(from_row).collect()
    }
}
