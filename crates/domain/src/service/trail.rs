//! The audit trail as operators and jobs read it: lists, heads, pruning.

use doorward_kit::Timestamp;

use super::Accounts;
use crate::audit::{
    Anchor, AuditEntry, AuditEvent, AuditRow, BrokenChain, ChainFault, ChainHead, ChainKeys, ChainVerifier, MetaKey, Outcome,
};
use crate::store::{AuditCursor, AuditFilter, PageLimit, StoreError};

/// Rows that are proven between two looks at the head.
const PAGE: u32 = 1000;

/// Rows that [`Accounts::prune_audit`] takes away in one transaction.
pub const PRUNED_AT_ONCE: u64 = 5000;

/// How a walk along a chain came out.
enum Walk {
    /// It reached the end, or a place where the chain does not hold.
    Ended(Result<u64, BrokenChain>),
    /// The floor rose past it.
    Overtaken,
}

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

    /// Proves the chain of one node against its head and anchors, row by row, while others append to it and old rows are pruned. `walked`
    /// is told how many rows are proven. Says how many there were.
    ///
    /// # Errors
    /// [`StoreError`]; within it, where the chain does not hold.
    pub async fn verify_audit(
        &self,
        node: &str,
        anchors: &[Anchor],
        mut walked: impl FnMut(u64),
    ) -> Result<Result<u64, BrokenChain>, StoreError> {
        loop {
            match self.walk(node, anchors, &mut walked).await? {
                Walk::Ended(outcome) => return Ok(outcome),
                // The rows that it stood on were pruned.
                Walk::Overtaken => {}
            }
        }
    }

    async fn walk(&self, node: &str, anchors: &[Anchor], walked: &mut impl FnMut(u64)) -> Result<Walk, StoreError> {
        let start = self.audit_head(node).await?;
        let mut verifier = match ChainVerifier::new(&start, &self.chain, anchors) {
            Ok(verifier) => verifier,
            Err(broken) => return Ok(Walk::Ended(Err(broken))),
        };
        if let Some(row) = self.readable(node, 0, 1).await?.0.first().filter(|row| row.seq <= start.floor_seq) {
            return Ok(Walk::Ended(Err(BrokenChain { node: node.to_owned(), seq: row.seq, fault: ChainFault::BelowFloor })));
        }
        loop {
            let (rows, all_readable) = self.readable(node, verifier.position(), PAGE).await?;
            // Read after the rows: a row that was there has a head that knows it.
            let head = self.audit_head(node).await?;
            if head.floor_seq > verifier.position() && self.chain.is_sealed(&head) {
                return Ok(Walk::Overtaken);
            }
            for row in &rows {
                if let Err(broken) = verifier.step(row) {
                    return Ok(Walk::Ended(Err(broken)));
                }
            }
            walked(verifier.position() - start.floor_seq);
            if !all_readable {
                let seq = verifier.position() + 1;
                return Ok(Walk::Ended(Err(BrokenChain { node: node.to_owned(), seq, fault: ChainFault::Altered })));
            }
            if rows.len() < PAGE as usize && verifier.position() >= head.seq || rows.is_empty() {
                let outcome = verifier.arrive(&head).map(|()| verifier.position() - start.floor_seq);
                return Ok(Walk::Ended(outcome));
            }
        }
    }

    /// Rows behind a position, up to the first that is none: whoever writes the database can put words into it that no row has. Says
    /// whether there was no such row.
    async fn readable(&self, node: &str, after: u64, limit: u32) -> Result<(Vec<AuditRow>, bool), StoreError> {
        match self.audit_rows(node, after, PageLimit::new(limit)).await {
            Err(StoreError::Inconsistent { .. }) => {}
            rows => return rows.map(|rows| (rows, true)),
        }
        let (mut rows, mut after) = (Vec::new(), after);
        loop {
            match self.audit_rows(node, after, PageLimit::new(1)).await {
                Err(StoreError::Inconsistent { .. }) => return Ok((rows, false)),
                Err(error) => return Err(error),
                Ok(one) => {
                    let Some(row) = one.into_iter().next() else { return Ok((rows, true)) };
                    after = row.seq;
                    rows.push(row);
                }
            }
        }
    }

    async fn audit_head(&self, node: &str) -> Result<ChainHead, StoreError> {
        self.store.begin().await?.audit().lock_head(node).await
    }

    /// Removes rows of this node that are older than `before` and not behind `up_to`; the floor is sealed and an entry tells of it
    /// (AUD-13). Says how many rows went, at most [`PRUNED_AT_ONCE`]: with so many there may be more.
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
        // The head is locked meanwhile, and every flow of this node waits for it.
        let up_to = up_to.min(head.floor_seq.saturating_add(PRUNED_AT_ONCE));
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
