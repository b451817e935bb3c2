//! The port to what nodes share beside the accounts: small sealed things under a name, and who may do what only one node does.
//!
//! Only a store that several processes use has it. What one process alone needs lies in files that an operator can see and keep safe.

use async_trait::async_trait;
use doorward_kit::Timestamp;

use super::StoreError;

/// Sealed things and leases. Each method is a unit of work by itself: nothing here belongs together with a change of an account.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Keeps a thing instead of an older one of this name; with `until` it is gone from then on. The content is sealed already.
    async fn keep(&self, name: &str, content: &[u8], until: Option<Timestamp>) -> Result<(), StoreError>;

    /// The thing of this name that is not gone at `now`.
    async fn find(&self, name: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;

    /// Names and contents of all things whose names begin so and that are not gone at `now`, by name; at most 256.
    async fn list(&self, prefix: &str, now: Timestamp) -> Result<Vec<(String, Vec<u8>)>, StoreError>;

    /// Removes a thing, and whatever was gone at `now`.
    async fn remove(&self, name: &str, now: Timestamp) -> Result<(), StoreError>;

    /// Lets a holder have a lease until then; `false` when another has it at `now`. Asking again renews it.
    async fn lease(&self, name: &str, holder: &str, now: Timestamp, until: Timestamp) -> Result<bool, StoreError>;

    /// Ends a lease of this holder.
    async fn release(&self, name: &str, holder: &str) -> Result<(), StoreError>;
}
