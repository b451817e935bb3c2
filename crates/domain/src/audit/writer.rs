//! One task writes what belongs to no flow's transaction: loose audit entries, last-seen marks, ended sessions.
//!
//! It takes whatever is queued and commits it together; there is no timer. Whoever queues never waits. What does not fit is counted, and
//! the count becomes an `audit.gap` entry, so that a loss is never silent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_kit::{Clock, SessionId, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::{AuditEntry, AuditEvent, AuditRecord, Outcome};
use crate::store::{Store, StoreError};

/// Jobs that may wait.
const QUEUE: usize = 4096;
/// Jobs that share a transaction at most.
const BATCH: usize = 512;
/// First pause after a store that did not answer; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Attempts once the process is about to end, before a batch is given up.
const LAST_ATTEMPTS: u32 = 3;

/// Something to write.
pub(crate) enum Job {
    Audit(Box<AuditRecord>),
    Touch(SessionId, Timestamp),
    /// Ends a session that has timed out; the entry is written by whoever finds it still there.
    EndSession(SessionId, Box<AuditRecord>),
    /// Answers once everything queued before it is committed.
    Flush(oneshot::Sender<()>),
}

/// The queue's end that flows hold.
pub(crate) struct Writer {
    sender: mpsc::Sender<Job>,
    /// Taken by the first caller, who starts the task: a service may be put together outside a runtime.
    task: Mutex<Option<Task>>,
    dropped: Arc<AtomicU64>,
    is_ending: Arc<AtomicBool>,
}

impl Writer {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, node: String) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let is_ending = Arc::new(AtomicBool::new(false));
        let task = Task { store, clock, node, receiver, dropped: Arc::clone(&dropped), is_ending: Arc::clone(&is_ending) };
        Self { sender, task: Mutex::new(Some(task)), dropped, is_ending }
    }

    /// Queues a job and returns at once.
    pub(crate) fn queue(&self, job: Job) {
        self.start();
        let is_audit = matches!(job, Job::Audit(_));
        if self.sender.try_send(job).is_err() && is_audit {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything queued so far is committed.
    pub(crate) async fn flush(&self) {
        self.start();
        let (done, told) = oneshot::channel();
        if self.sender.send(Job::Flush(done)).await.is_ok() {
            let _ = told.await;
        }
    }

    /// As [`Self::flush`], but a store that does not answer is asked only a few times more: a process that was told to stop must stop.
    pub(crate) async fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
        self.flush().await;
    }

    fn start(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = task {
            tokio::spawn(task.run());
        }
    }
}

struct Task {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    node: String,
    receiver: mpsc::Receiver<Job>,
    dropped: Arc<AtomicU64>,
    is_ending: Arc<AtomicBool>,
}

impl Task {
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.receiver.recv_many(&mut batch, BATCH).await > 0 {
            self.commit(&batch).await;
            for job in batch.drain(..) {
                if let Job::Flush(done) = job {
                    let _ = done.send(());
                }
            }
        }
    }

    /// Tries until the store takes the batch; meanwhile the queue fills and then counts what it cannot hold.
    async fn commit(&self, batch: &[Job]) {
        let gap = self.dropped.swap(0, Ordering::Relaxed);
        let mut pause = FIRST_PAUSE;
        let mut last_attempts = 0;
        while let Err(error) = self.try_commit(batch, gap).await {
            if self.receiver.is_closed() || self.is_ending.load(Ordering::Relaxed) {
                last_attempts += 1;
            }
            if last_attempts >= LAST_ATTEMPTS {
                tracing::error!(%error, entries = batch.len(), "audit entries are lost: the store does not answer");
                return;
            }
            tracing::warn!(%error, entries = batch.len(), "audit entries wait for the store");
            tokio::time::sleep(pause).await;
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }

    async fn try_commit(&self, batch: &[Job], gap: u64) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        for job in batch {
            match job {
                Job::Audit(record) => tx.audit().add(record).await?,
                Job::Touch(id, seen_at) => tx.sessions().touch(*id, *seen_at).await?,
                Job::EndSession(id, record) => {
                    if tx.sessions().revoke(*id).await? {
                        tx.audit().add(record).await?;
                    }
                }
                Job::Flush(_) => {}
            }
        }
        if gap > 0 {
            tx.audit().add(&self.gap(gap)).await?;
        }
        tx.commit().await
    }

    fn gap(&self, count: u64) -> AuditRecord {
        let entry = AuditEntry::of_house(AuditEvent::Gap, Outcome::Error, self.clock.now()).because("queue_full");
        AuditRecord { count: Some(count), ..AuditRecord::new(entry, &self.node) }
    }
}
