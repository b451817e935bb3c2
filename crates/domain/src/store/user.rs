//! The port to accounts.

use async_trait::async_trait;
use doorward_kit::{Timestamp, UserId};

use super::{Page, PageLimit, StoreError};
use crate::account::{EmailAddress, User};

/// Accounts within a unit of work.
#[async_trait]
pub trait Users: Send {
    /// By id.
    async fn lookup(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// By canonical address.
    async fn find_by_email(&mut self, canonical: &str) -> Result<Option<User>, StoreError>;

    /// In the order of ids, which says nothing about age.
    async fn list(&mut self, after: Option<UserId>, limit: PageLimit) -> Result<Page<User, UserId>, StoreError>;

    /// Adds an account.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the canonical address has an account.
    async fn add(&mut self, user: &User) -> Result<(), StoreError>;

    /// Replaces the password hash, provided that it still is `expected`; says whether it was.
    async fn replace_password_hash(&mut self, id: UserId, expected: &str, replacement: &str) -> Result<bool, StoreError>;

    /// Sets the password hash, whatever it was, and moves the credential version on; says whether the account exists.
    async fn set_password_hash(&mut self, id: UserId, replacement: Option<&str>) -> Result<bool, StoreError>;

    /// Sets the verified address and moves the credential version on; says whether the account exists.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another account has the canonical address.
    async fn set_email(&mut self, id: UserId, email: &EmailAddress) -> Result<bool, StoreError>;

    /// Sets what the profile shows, all three fields as they are in `user`; says whether the account exists.
    async fn set_profile(&mut self, user: &User) -> Result<bool, StoreError>;

    /// Sets the roles, sorted; says whether the account exists.
    async fn set_roles(&mut self, id: UserId, roles: &[String]) -> Result<bool, StoreError>;

    /// Removes an account with its sessions, devices and one-time tokens; says whether it was there.
    async fn remove(&mut self, id: UserId) -> Result<bool, StoreError>;

    /// Sets or lifts the disabled mark; says whether the account exists.
    async fn set_disabled(&mut self, id: UserId, at: Option<Timestamp>) -> Result<bool, StoreError>;
}
