//! The ports: what the domain asks of a database.
//!
//! A [`Store`] answers single reads and opens a [`Tx`]; a `Tx` gives one small repository for each aggregate. Comes in: entities, digests,
//! instants. Goes out: entities, or a [`StoreError`] that carries no value. Must never know: SQL.

mod audit;
mod ceremony;
#[cfg(feature = "contract")]
pub mod contract;
mod device;
mod factor;
mod failure;
mod gate_pass;
mod identity;
mod one_time;
mod outbox;
mod page;
mod session;
mod sign_up;
mod user;
mod vault;

use async_trait::async_trait;
use doorward_kit::{SessionId, Timestamp, TokenDigest};

use crate::account::User;
use crate::gate_pass::GatePass;
use crate::session::Session;
use crate::throttle::Failures;

pub use audit::{AuditCursor, AuditFilter, AuditLog};
pub use ceremony::Ceremonies;
pub use device::Devices;
pub use factor::Factors;
pub use failure::SignInFailures;
pub use gate_pass::GatePasses;
pub use identity::Identities;
pub use one_time::OneTimes;
pub use outbox::{Delivery, MailFilter, MailState, Outbox, OutboxRow};
pub use page::{Page, PageLimit};
pub use session::{SessionCursor, SessionFilter, Sessions};
pub use sign_up::SignUps;
pub use user::Users;
pub use vault::Vault;

/// Why a store did not do as asked. Never carries a value of a row (LOG-06).
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer won; the caller may retry the whole flow.
    #[error("conflict with another writer")]
    Conflict,
    /// The database cannot be reached or is full.
    #[error("store is unavailable: {0}")]
    Unavailable(&'static str),
    /// The database did not say how a commit ended: the change may have been made, or may be made yet. Never retried blindly, never told
    /// as "nothing happened".
    #[error("it is not known whether the change was made: the store did not say so in time")]
    OutcomeUnknown,
    /// A row that cannot exist.
    #[error("inconsistent row in {table}: {what}")]
    Inconsistent {
        /// Table.
        table: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A database.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Opens a unit of work.
    async fn begin(&self) -> Result<Box<dyn Tx>, StoreError>;

    /// What nodes share beside the accounts; `None` for a store that one process alone has.
    fn vault(&self) -> Option<&dyn Vault>;

    /// Asks for an answer, any answer.
    async fn ping(&self) -> Result<(), StoreError>;

    /// The session of a digest with its account, whether it has ended or not: ends are the domain's affair. The digest may be the
    /// session's own or its previous one.
    async fn find_session(&self, digest: &TokenDigest) -> Result<Option<(Session, User)>, StoreError>;

    /// The sessions of these ids with their accounts, in any order, whether they have ended or not; one read however many they are.
    async fn find_sessions(&self, ids: &[SessionId]) -> Result<Vec<(Session, User)>, StoreError>;

    /// The pass of a digest with its session and account, whether the session has ended or not.
    async fn find_gate_pass(&self, digest: &TokenDigest) -> Result<Option<(GatePass, Session, User)>, StoreError>;

    /// The account of a canonical address.
    async fn find_user_by_email(&self, canonical: &str) -> Result<Option<User>, StoreError>;

    /// What stands in the way of a password sign-in: consecutive failures of a subject, and the canonical address of the account that a
    /// device belongs to if the device has not ended by `now`. One read; an unknown device is the digest of nothing.
    async fn find_hindrance(
        &self,
        subject: &[u8; 32],
        device: &TokenDigest,
        now: Timestamp,
    ) -> Result<(Option<Failures>, Option<String>), StoreError>;
}

/// One unit of work; dropped without [`commit`](Self::commit) it leaves no trace.
///
/// What it reads by [`Users::lookup`] and [`Users::find_by_email`] nobody else changes before it ends. Every flow reads the account
/// first and what hangs on it afterwards, so that two flows never wait for each other crosswise.
#[async_trait]
pub trait Tx: Send {
    /// Accounts.
    fn users(&mut self) -> &mut dyn Users;

    /// Sessions.
    fn sessions(&mut self) -> &mut dyn Sessions;

    /// Sign-ups that wait for their verification.
    fn sign_ups(&mut self) -> &mut dyn SignUps;

    /// One-time tokens.
    fn one_times(&mut self) -> &mut dyn OneTimes;

    /// Known devices.
    fn devices(&mut self) -> &mut dyn Devices;

    /// Consecutive failures.
    fn failures(&mut self) -> &mut dyn SignInFailures;

    /// Links with providers.
    fn identities(&mut self) -> &mut dyn Identities;

    /// Second factors.
    fn factors(&mut self) -> &mut dyn Factors;

    /// Ceremonies.
    fn ceremonies(&mut self) -> &mut dyn Ceremonies;

    /// Passes for gates.
    fn gate_passes(&mut self) -> &mut dyn GatePasses;

    /// The audit trail.
    fn audit(&mut self) -> &mut dyn AuditLog;

    /// Mail that waits.
    fn outbox(&mut self) -> &mut dyn Outbox;

    /// Makes it all true.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another writer won; the caller may retry the whole flow. [`StoreError::OutcomeUnknown`] when nobody
    /// can tell.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
