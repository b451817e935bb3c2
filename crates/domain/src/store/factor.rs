//! The port to second factors.

use async_trait::async_trait;
use doorward_kit::id::FactorId;
use doorward_kit::{Timestamp, TokenDigest, UserId};

use super::StoreError;
use crate::factor::Factor;

/// Second factors within a unit of work.
#[async_trait]
pub trait Factors: Send {
    /// Those of an account, oldest first. Flows keep them few.
    async fn list(&mut self, user: UserId) -> Result<Vec<Factor>, StoreError>;

    /// The passkey of a credential id, whoever's it is.
    async fn find_passkey(&mut self, credential: &[u8]) -> Result<Option<Factor>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the credential id is known, or when the account has one-time codes already and this is another.
    async fn add(&mut self, factor: &Factor) -> Result<(), StoreError>;

    /// Notes that it proved something: moves the counter on, provided that it still is `expected`, and replaces the sealed secret; says
    /// whether it did. Of two requests with the same code or counter one loses (RFC 6238 §5.2).
    async fn advance(&mut self, id: FactorId, expected: u64, next: u64, secret: &[u8], at: Timestamp)
    -> Result<bool, StoreError>;

    /// Renames one of an account; says whether it was there.
    async fn rename(&mut self, user: UserId, id: FactorId, name: &str) -> Result<bool, StoreError>;

    /// Removes one of an account and returns it.
    async fn remove(&mut self, user: UserId, id: FactorId) -> Result<Option<Factor>, StoreError>;

    /// Puts these recovery codes in the place of all former ones of an account; none removes them all.
    async fn replace_recovery_codes(&mut self, user: UserId, digests: &[TokenDigest]) -> Result<(), StoreError>;

    /// Uses a recovery code up: exactly one caller ever hears `true`.
    async fn consume_recovery_code(&mut self, user: UserId, digest: &TokenDigest) -> Result<bool, StoreError>;

    /// How many recovery codes an account has left.
    async fn count_recovery_codes(&mut self, user: UserId) -> Result<u32, StoreError>;
}
