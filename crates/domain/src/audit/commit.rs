//! A batch of the writer, committed in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use doorward_kit::{Clock, SessionId, Timestamp};

use super::reached::{Moved, Reached};
use super::writer::Job;
use super::{AuditEntry, AuditEvent, AuditRecord, ChainKeys, MetaKey, Outcome};
use crate::store::{Store, StoreError, Tx};

/// First pause after a store that did not answer; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Attempts once the process is about to end, before a batch is given up.
const LAST_ATTEMPTS: u32 = 3;

/// What the writer's task commits with.
pub(super) struct Committer {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) chain: Arc<ChainKeys>,
    pub(super) reached: Arc<Reached>,
    pub(super) node: String,
    /// Events that were lost and that no entry tells of yet.
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) is_ending: Arc<AtomicBool>,
}

impl Committer {
    /// Commits a batch in a task of its own: a panic below costs this batch, which is then counted as lost, and not the writer.
    pub(super) async fn commit(self: &Arc<Self>, batch: Vec<Job>) {
        let lost = batch.iter().map(Job::events).sum();
        if batch.is_empty() && self.dropped.load(Ordering::Relaxed) == 0 {
            return;
        }
        let this = Arc::clone(self);
        if tokio::spawn(async move { this.insist(&batch).await }).await.is_err() {
            self.dropped.fetch_add(lost, Ordering::Relaxed);
        }
    }

    /// Tries until the store takes the batch; meanwhile the queue fills and then counts what it cannot hold.
    async fn insist(&self, batch: &[Job]) {
        let gap = self.dropped.swap(0, Ordering::Relaxed);
        let (mut pause, mut last_attempts) = (FIRST_PAUSE, 0);
        while let Err(error) = self.attempt(batch, gap).await {
            last_attempts += u32::from(self.is_ending.load(Ordering::Relaxed));
            if last_attempts >= LAST_ATTEMPTS {
                self.dropped.fetch_add(gap + batch.iter().map(Job::events).sum::<u64>(), Ordering::Relaxed);
                tracing::error!(%error, entries = batch.len(), "audit entries are lost: the store does not answer");
                return;
            }
            tracing::warn!(%error, entries = batch.len(), "audit entries wait for the store");
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    async fn attempt(&self, batch: &[Job], gap: u64) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        // In the order of ids, so that two nodes that touch the same sessions do not wait crosswise.
        for (id, seen_at) in touches(batch) {
            tx.sessions().touch(id, seen_at).await?;
        }
        let mut records = Vec::with_capacity(batch.len() + 1);
        for job in batch {
            match job {
                Job::Audit(record) => records.push(AuditRecord::clone(record)),
                Job::EndSession(id, record) => {
                    if tx.sessions().revoke(*id).await? {
                        records.push(AuditRecord::clone(record));
                    }
                }
                Job::Touch(..) | Job::Flush(_) => {}
            }
        }
        if gap > 0 {
            records.push(self.gap(gap));
        }
        let moved = append(&mut *tx, (&self.chain, &self.reached), &self.node, records).await?;
        tx.commit().await?;
        self.reached.note(moved);
        Ok(())
    }

    fn gap(&self, count: u64) -> AuditRecord {
        let entry = AuditEntry::of_house(AuditEvent::Gap, Outcome::Error, self.clock.now()).because("lost");
        AuditRecord { count: Some(count), ..AuditRecord::new(entry, &self.node) }
    }
}

fn touches(batch: &[Job]) -> BTreeMap<SessionId, Timestamp> {
    let mut touches = BTreeMap::new();
    for job in batch {
        if let Job::Touch(id, seen_at) = job {
            let latest = touches.entry(*id).or_insert(*seen_at);
            *latest = (*latest).max(*seen_at);
        }
    }
    touches
}

/// Chains records to the node's head and stores them: the last thing a unit of work does before it commits. A chain that is shorter than
/// this process has left it was put back: the first row then says so.
pub(crate) async fn append(
    tx: &mut dyn Tx,
    (chain, reached): (&ChainKeys, &Reached),
    node: &str,
    mut records: Vec<AuditRecord>,
) -> Result<Moved, StoreError> {
    let Some(first) = records.first() else { return Ok(Moved::Nowhere) };
    let mut head = tx.audit().lock_head(node).await?;
    let lost = reached.lost(&head);
    if let Some(lost) = lost {
        tracing::error!(node, has = head.seq, had = lost, "the audit trail was put back to an earlier state");
        let entry = AuditEntry::of_house(AuditEvent::Gap, Outcome::Error, first.at).because("put_back");
        let entry = entry.with(MetaKey::FromSeq, head.seq + 1).with(MetaKey::ToSeq, lost);
        records.insert(0, AuditRecord::new(entry, node));
    }
    let rows = chain.chain(&mut head, records);
    tx.audit().append(&rows, &head).await?;
    Ok(if lost.is_some() { Moved::Anew(head.seq) } else { Moved::On(head.seq) })
}
