//! The audit trail as operators and jobs read it: lists, heads, pruning.

use doorward_kit::Timestamp;

use super::Accounts;
use crate::audit::{AuditEntry, AuditEvent, AuditRow, ChainHead, ChainKeys, MetaKey, Outcome};
use crate::store::{AuditCursor, AuditFilter, PageLimit, StoreError};

impl Accounts {
    /// Keys that check the chains.
    #[must_use]
    pub fn chain_keys(&self) -> &ChainKeys {
        &self.chain
    }

    /// The heads of the chains of all nodes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_heads(&self) -> Result<Vec<ChainHead>, StoreError> {
        self.store.begin().await?.audit().heads().await
    }

    /// Rows of one node's chain behind a position (0 for the first), in order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_rows(&self, node: &str, after: u64, limit: PageLimit) -> Result<Vec<AuditRow>, StoreError> {
        self.store.begin().await?.audit().list(node, after, limit).await
    }

    /// Rows of all nodes that fit, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn search_audit(
        &self,
        filter: &AuditFilter,
        before: Option<&AuditCursor>,
        limit: PageLimit,
    ) -> Result<Vec<AuditRow>, StoreError> {
        self.store.begin().await?.audit().search(filter, before, limit).await
    }

    /// Stores an entry about the house before it returns; for commands.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn record_now(&self, entry: AuditEntry) -> Result<(), StoreError> {
        self.commit_entry(entry).await
    }

    /// Removes rows of this node that are older than `before` and not behind `up_to`; the floor is sealed and an entry tells of it
    /// (AUD-13). Says how many rows went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune_audit(&self, before: Timestamp, up_to: u64) -> Result<u64, StoreError> {
        let node = self.rules.node.as_str();
        let mut tx = self.begin().await?;
        let mut head = tx.audit().lock_head(node).await?;
        // A head that somebody else wrote is not sealed anew here: the next row has to say so first.
        if !self.chain.is_sealed(&head) {
            return Ok(0);
        }
        let from = head.floor_seq + 1;
        let Some((seq, hash)) = tx.audit().prunable(node, before, up_to).await? else { return Ok(0) };
        self.chain.raise_floor(&mut head, seq, hash);
        let removed = tx.audit().prune(&head).await?;
        tx.note(
            AuditEntry::of_house(AuditEvent::TrailPruned, Outcome::Success, self.clock.now())
                .with(MetaKey::FromSeq, from)
                .with(MetaKey::ToSeq, seq),
        );
        tx.commit().await?;
        Ok(removed)
    }
}
