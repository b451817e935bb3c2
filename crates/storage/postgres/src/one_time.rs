//! One-time tokens.

use async_trait::async_trait;
use doorward_domain::one_time::{OneTime, Purpose, PurposeKind};
use doorward_domain::store::{OneTimes, PageLimit};
use doorward_domain::{EmailAddress, StoreError};
use doorward_kit::id::OneTimeId;
use doorward_kit::{Timestamp, TokenDigest, UserId};
use sqlx::postgres::PgRow;

use crate::row::{Columns, names};
use crate::tx::PostgresTx;

macro_rules! one_time_columns {
    () => {
        "id, digest, purpose, user_id, bound_canonical, bound_version, email, email_canonical, roles, created_at, expires_at"
    };
}

fn from_row(row: &PgRow) -> Result<OneTime, StoreError> {
    let columns = Columns::new("one_times", row);
    Ok(OneTime {
        id: OneTimeId::from_bytes(columns.id("id")?),
        digest: columns.digest("digest")?,
        purpose: purpose(&columns)?,
        created_at: columns.instant("created_at")?,
        expires_at: columns.instant("expires_at")?,
    })
}

fn purpose(columns: &Columns<'_>) -> Result<Purpose, StoreError> {
    let missing = || columns.impossible("what the token is bound to is missing");
    let user = || columns.id_or_null("user_id")?.map(UserId::from_bytes).ok_or_else(missing);
    let canonical = || columns.text_or_null("bound_canonical")?.ok_or_else(missing);
    let version = || columns.count_or_null("bound_version")?.ok_or_else(missing);
    let to = || email(columns)?.ok_or_else(missing);
    match columns.text("purpose")?.as_str() {
        "recovery" => Ok(Purpose::Recovery { user: user()?, canonical: canonical()?, version: version()? }),
        "email_change" => Ok(Purpose::EmailChange { user: user()?, canonical: canonical()?, version: version()?, to: to()? }),
        "email_undo" => Ok(Purpose::EmailUndo { user: user()?, canonical: canonical()?, to: to()? }),
        "end_sessions" => Ok(Purpose::EndSessions { user: user()?, canonical: canonical()? }),
        "invitation" => Ok(Purpose::Invitation { email: email(columns)?, roles: columns.names("roles")? }),
        _ => Err(columns.impossible("purpose is unknown")),
    }
}

fn email(columns: &Columns<'_>) -> Result<Option<EmailAddress>, StoreError> {
    let Some(display) = columns.text_or_null("email")? else { return Ok(None) };
    Ok(Some(EmailAddress { display, canonical: columns.text("email_canonical")? }))
}

/// What a purpose puts into the columns that not every purpose has.
#[derive(Default)]
struct Bound<'a> {
    canonical: Option<&'a str>,
    version: Option<u32>,
    email: Option<&'a EmailAddress>,
    roles: &'a [String],
}

fn bound(purpose: &Purpose) -> Bound<'_> {
    match purpose {
        Purpose::Recovery { canonical, version, .. } => {
            Bound { canonical: Some(canonical), version: Some(*version), ..Bound::default() }
        }
        Purpose::EmailChange { canonical, version, to, .. } => {
            Bound { canonical: Some(canonical), version: Some(*version), email: Some(to), ..Bound::default() }
        }
        Purpose::EndSessions { canonical, .. } => Bound { canonical: Some(canonical), ..Bound::default() },
        Purpose::EmailUndo { canonical, to, .. } => Bound { canonical: Some(canonical), email: Some(to), ..Bound::default() },
        Purpose::Invitation { email, roles } => Bound { email: email.as_ref(), roles, ..Bound::default() },
    }
}

pub(crate) const LOCK_OWNER: &str = "SELECT 1 FROM users WHERE id = \
     (SELECT user_id FROM one_times WHERE digest = $1 AND purpose = $2) FOR UPDATE";

pub(crate) const SWEEP: &str = "DELETE FROM one_times WHERE id = ANY(ARRAY(SELECT id FROM one_times WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 \
                   FOR UPDATE SKIP LOCKED))";

#[async_trait]
impl OneTimes for PostgresTx {
    async fn add(&mut self, token: &OneTime) -> Result<(), StoreError> {
        let bound = bound(&token.purpose);
        let query = sqlx::query(concat!(
            "INSERT INTO one_times (",
            one_time_columns!(),
            ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        ))
        .bind(&token.id.as_bytes()[..])
        .bind(&token.digest.0[..])
        .bind(token.purpose.kind().as_str())
        .bind(token.purpose.user().map(|user| user.as_bytes().to_vec()))
        .bind(bound.canonical)
        .bind(bound.version.map(i64::from))
        .bind(bound.email.map(|email| &email.display))
        .bind(bound.email.map(|email| &email.canonical))
        .bind(names(bound.roles))
        .bind(token.created_at.as_microsecond())
        .bind(token.expires_at.as_microsecond());
        self.0.execute(query).await?;
        Ok(())
    }

    async fn consume(
        &mut self,
        purpose: PurposeKind,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Option<OneTime>, StoreError> {
        // The account first, as every flow does: whoever holds it may be about to remove this very token.
        self.0.fetch_optional(sqlx::query(LOCK_OWNER).bind(&digest.0[..]).bind(purpose.as_str())).await?;
        // One statement finds and removes: there is no moment between.
        let sql = concat!(
            "DELETE FROM one_times WHERE digest = $1 AND purpose = $2 AND expires_at > $3 RETURNING ",
            one_time_columns!()
        );
        let query = sqlx::query(sql).bind(&digest.0[..]).bind(purpose.as_str()).bind(now.as_microsecond());
        self.0.fetch_optional(query).await?.as_ref().map(from_row).transpose()
    }

    async fn revoke(&mut self, user: UserId, purposes: &[PurposeKind]) -> Result<u64, StoreError> {
        let mut removed = 0;
        for purpose in purposes {
            let query = sqlx::query("DELETE FROM one_times WHERE user_id = $1 AND purpose = $2");
            let query = query.bind(&user.as_bytes()[..]).bind(purpose.as_str());
            removed += self.0.execute(query).await?;
        }
        Ok(removed)
    }

    async fn revoke_since(&mut self, user: UserId, purpose: PurposeKind, since: Timestamp) -> Result<u64, StoreError> {
        let query = sqlx::query("DELETE FROM one_times WHERE user_id = $1 AND purpose = $2 AND created_at >= $3");
        let query = query.bind(&user.as_bytes()[..]).bind(purpose.as_str()).bind(since.as_microsecond());
        self.0.execute(query).await
    }

    async fn remove(&mut self, id: OneTimeId) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM one_times WHERE id = $1").bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn list(&mut self, purpose: PurposeKind, now: Timestamp, limit: PageLimit) -> Result<Vec<OneTime>, StoreError> {
        let sql = concat!(
            "SELECT ",
            one_time_columns!(),
            " FROM one_times WHERE purpose = $1 AND expires_at > $2 ORDER BY created_at, id LIMIT $3"
        );
        let query = sqlx::query(sql).bind(purpose.as_str()).bind(now.as_microsecond()).bind(i64::from(limit.get()));
        self.0.fetch_all(query).await?.iter().map(from_row).collect()
    }

    async fn sweep(&mut self, now: Timestamp, limit: PageLimit) -> Result<u64, StoreError> {
        self.0.execute(sqlx::query(SWEEP).bind(now.as_microsecond()).bind(i64::from(limit.get()))).await
    }
}
