//! The port to the audit trail: rows are chained to a node's head, read, and pruned below a sealed floor; never changed.

use std::net::IpAddr;

use async_trait::async_trait;
use doorward_kit::{Timestamp, UserId};

use super::{PageLimit, StoreError};
use crate::audit::{AuditEvent, AuditRow, ChainHead, Outcome};

/// The audit trail within a unit of work.
#[async_trait]
pub trait AuditLog: Send {
    /// Where the chain of a node stands, locked until the unit of work ends: nobody else appends to this chain meanwhile. Taken last in
    /// a unit of work, so that nobody waits crosswise. A node without rows has [`ChainHead::genesis`].
    async fn lock_head(&mut self, node: &str) -> Result<ChainHead, StoreError>;

    /// Appends rows that were chained to the locked head, and moves the head behind them.
    async fn append(&mut self, rows: &[AuditRow], head: &ChainHead) -> Result<(), StoreError>;

    /// The heads of all chains; [`ChainHead::genesis`] where there are rows without a head.
    async fn heads(&mut self) -> Result<Vec<ChainHead>, StoreError>;

    /// Rows of one chain behind a position (0 for the first), in the order of the chain.
    async fn list(&mut self, node: &str, after: u64, limit: PageLimit) -> Result<Vec<AuditRow>, StoreError>;

    /// Rows of all chains that fit, newest first; the next page begins before the last row's [`AuditCursor`].
    async fn search(
        &mut self,
        filter: &AuditFilter,
        before: Option<&AuditCursor>,
        limit: PageLimit,
    ) -> Result<Vec<AuditRow>, StoreError>;

    /// The position and hash of the last row of a chain before the first one that is not older than `before`, looking at positions up to
    /// `up_to` only: how far a chain can be pruned without leaving a hole.
    async fn prunable(&mut self, node: &str, before: Timestamp, up_to: u64) -> Result<Option<(u64, [u8; 32])>, StoreError>;

    /// Records the floor of the locked head and removes the rows at and below it; says how many.
    async fn prune(&mut self, head: &ChainHead) -> Result<u64, StoreError>;
}

/// Which rows to list; empty for all of them.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Of one event.
    pub event: Option<AuditEvent>,
    /// With one outcome.
    pub outcome: Option<Outcome>,
    /// By one account.
    pub actor: Option<UserId>,
    /// About one of these digests of an identifier; about anybody when there is none.
    pub subjects: Vec<String>,
    /// From one address.
    pub client_ip: Option<IpAddr>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Not after.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// What one account did.
    #[must_use]
    pub fn of_actor(actor: UserId) -> Self {
        Self { actor: Some(actor), ..Self::default() }
    }
}

/// A row's place among the rows of all chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditCursor {
    /// When.
    pub at: Timestamp,
    /// In whose chain.
    pub node: String,
    /// Where in it.
    pub seq: u64,
}

impl AuditRow {
    /// The row's place among the rows of all chains.
    #[must_use]
    pub fn cursor(&self) -> AuditCursor {
        AuditCursor { at: self.record.at, node: self.record.node.clone(), seq: self.seq }
    }
}
