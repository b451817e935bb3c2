//! The audit trail as operators and jobs read it: lists, heads, pruning.

use doorward_kit::Timestamp;

use super::Accounts;
use crate::audit::{
    Anchor, AuditEntry, AuditEvent, AuditRow, BrokenChain, ChainHead, ChainKeys, ChainVerifier, MetaKey, Outcome,
};
use crate::store::{AuditCursor, AuditFilter, PageLimit, StoreError};

/// Rows that are proven between two looks at the head.
const PAGE: u32 = 1000;

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

    /// Anchors of all chains as they stand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit_anchors(&self) -> Result<Vec<Anchor>, StoreError> {
        let (heads, now) = (self.audit_heads().await?, self.clock.now());
        Ok(heads.iter().filter(|head| head.seq > 0).map(|head| Anchor::of(head, now, &self.chain)).collect())
    }

    /// Proves the chain of one node against its head and anchors, row by row, while others append to it. `walked` is told how many rows
    /// are proven. Says how many there were.
    ///
    /// # Errors
    /// [`StoreError`]; within it, where the chain does not hold.
    pub async fn verify_audit(
        &self,
        node: &str,
        anchors: &[Anchor],
        mut walked: impl FnMut(u64),
    ) -> Result<Result<u64, BrokenChain>, StoreError> {
        let start = self.audit_head(node).await?;
        let mut verifier = match ChainVerifier::new(&start, &self.chain, anchors) {
            Ok(verifier) => verifier,
            Err(broken) => return Ok(Err(broken)),
        };
        loop {
            let rows = self.audit_rows(node, verifier.position(), PageLimit::new(PAGE)).await?;
            // Read after the rows: a row that was there has a head that knows it.
            let head = self.audit_head(node).await?;
            for row in &rows {
                if let Err(broken) = verifier.step(row) {
                    return Ok(Err(broken));
                }
            }
            walked(verifier.position() - start.floor_seq);
            if rows.len() < PAGE as usize && verifier.position() >= head.seq || rows.is_empty() {
                return Ok(verifier.arrive(&head).map(|()| verifier.position() - start.floor_seq));
            }
        }
    }

    async fn audit_head(&self, node: &str) -> Result<ChainHead, StoreError> {
        self.store.begin().await?.audit().lock_head(node).await
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
