//! Accounts.

use async_trait::async_trait;
use doorward_domain::store::{Page, PageLimit, Users};
use doorward_domain::{EmailAddress, StoreError, User};
use doorward_kit::{Timestamp, UserId};
use sqlx::postgres::PgRow;

use crate::link::Link;
use crate::row::{Columns, names};
use crate::tx::PostgresTx;

/// The columns of an account; the prefix keeps them apart from those of a session in a join.
macro_rules! user_columns {
    () => {
        "users.id AS user_id, users.email, users.email_canonical, users.display_name, users.avatar_url, users.bio, users.password_hash, \
         users.roles, users.disabled_at, users.credential_version, users.created_at AS user_created_at, \
         EXISTS (SELECT 1 FROM factors WHERE factors.user_id = users.id) AS has_second_factor"
    };
}
pub(crate) use user_columns;

pub(crate) fn from_row(row: &PgRow) -> Result<User, StoreError> {
    let columns = Columns::new("users", row);
    let roles = columns.names("roles")?;
    Ok(User {
        id: UserId::from_bytes(columns.id("user_id")?),
        email: EmailAddress { display: columns.text("email")?, canonical: columns.text("email_canonical")? },
        display_name: columns.text("display_name")?,
        avatar_url: columns.text_or_null("avatar_url")?,
        bio: columns.text_or_null("bio")?,
        password_hash: columns.text_or_null("password_hash")?,
        roles,
        disabled_at: columns.instant_or_null("disabled_at")?,
        credential_version: columns.count("credential_version")?,
        has_second_factor: columns.truth("has_second_factor")?,
        created_at: columns.instant("user_created_at")?,
    })
}

pub(crate) const FIND_BY_EMAIL: &str = concat!("SELECT ", user_columns!(), " FROM users WHERE email_canonical = $1");

pub(crate) async fn find_by_email(at: &mut Link, canonical: &str) -> Result<Option<User>, StoreError> {
    let row = at.fetch_optional(sqlx::query(FIND_BY_EMAIL).bind(canonical)).await?;
    row.as_ref().map(from_row).transpose()
}

#[async_trait]
impl Users for PostgresTx {
    async fn lookup(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        // Locked first and read afterwards: whoever had it until now may have added or removed a factor, which a statement that began before
        // that would not see.
        self.0.fetch_optional(sqlx::query("SELECT 1 FROM users WHERE id = $1 FOR UPDATE").bind(&id.as_bytes()[..])).await?;
        let sql = concat!("SELECT ", user_columns!(), " FROM users WHERE id = $1");
        let row = self.0.fetch_optional(sqlx::query(sql).bind(&id.as_bytes()[..])).await?;
        row.as_ref().map(from_row).transpose()
    }

    async fn find_by_email(&mut self, canonical: &str) -> Result<Option<User>, StoreError> {
        self.0.fetch_optional(sqlx::query("SELECT 1 FROM users WHERE email_canonical = $1 FOR UPDATE").bind(canonical)).await?;
        find_by_email(&mut self.0, canonical).await
    }

    async fn list(&mut self, after: Option<UserId>, limit: PageLimit) -> Result<Page<User, UserId>, StoreError> {
        let sql = concat!("SELECT ", user_columns!(), " FROM users WHERE id > $1 ORDER BY id LIMIT $2");
        // Every id is greater than the empty one.
        let after = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let rows = self.0.fetch_all(sqlx::query(sql).bind(after).bind(i64::from(limit.get()) + 1)).await?;
        let items = rows.iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
        Ok(page(items, limit, |user| user.id))
    }

    async fn add(&mut self, user: &User) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO users (id, email, email_canonical, display_name, avatar_url, bio, password_hash, roles, disabled_at, \
             credential_version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(&user.id.as_bytes()[..])
        .bind(&user.email.display)
        .bind(&user.email.canonical)
        .bind(&user.display_name)
        .bind(&user.avatar_url)
        .bind(&user.bio)
        .bind(&user.password_hash)
        .bind(names(&user.roles))
        .bind(user.disabled_at.map(Timestamp::as_microsecond))
        .bind(i64::from(user.credential_version))
        .bind(user.created_at.as_microsecond());
        self.0.execute(query).await?;
        Ok(())
    }

    async fn replace_password_hash(&mut self, id: UserId, expected: &str, replacement: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3";
        let query = sqlx::query(sql).bind(replacement).bind(&id.as_bytes()[..]).bind(expected);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn set_password_hash(&mut self, id: UserId, replacement: Option<&str>) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET password_hash = $1, credential_version = credential_version + 1 WHERE id = $2";
        let query = sqlx::query(sql).bind(replacement).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn set_email(&mut self, id: UserId, email: &EmailAddress) -> Result<bool, StoreError> {
        let sql = "UPDATE users SET email = $1, email_canonical = $2, credential_version = credential_version + 1 WHERE id = $3";
        let query = sqlx::query(sql).bind(&email.display).bind(&email.canonical).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn set_profile(&mut self, user: &User) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE users SET display_name = $1, avatar_url = $2, bio = $3 WHERE id = $4");
        let query = query.bind(&user.display_name).bind(&user.avatar_url).bind(&user.bio).bind(&user.id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn set_roles(&mut self, id: UserId, roles: &[String]) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE users SET roles = $1 WHERE id = $2").bind(names(roles)).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn remove(&mut self, id: UserId) -> Result<bool, StoreError> {
        let query = sqlx::query("DELETE FROM users WHERE id = $1").bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }

    async fn set_disabled(&mut self, id: UserId, at: Option<Timestamp>) -> Result<bool, StoreError> {
        let query = sqlx::query("UPDATE users SET disabled_at = $1 WHERE id = $2");
        let query = query.bind(at.map(Timestamp::as_microsecond)).bind(&id.as_bytes()[..]);
        Ok(self.0.execute(query).await? > 0)
    }
}

/// One row more than asked for was read: whether it came tells whether there is a next page.
pub(crate) fn page<T, C>(mut items: Vec<T>, limit: PageLimit, cursor: impl Fn(&T) -> C) -> Page<T, C> {
    let wanted = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    let has_more = items.len() > wanted;
    items.truncate(wanted);
    let next = if has_more { items.last().map(cursor) } else { None };
    Page { items, next }
}
