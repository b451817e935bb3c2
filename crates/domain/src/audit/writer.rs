//! One task writes what belongs to no flow's transaction: loose audit entries, last-seen marks, ended sessions.
//!
//! It takes whatever is queued and commits it together; there is no timer in the way of a commit. Whoever queues never waits. What does
//! not fit is counted, and the count becomes an `audit.gap` entry, so that a loss is never silent.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use doorward_kit::{Clock, SessionId, Timestamp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::commit::Committer;
use super::fold::{Folded, Folds};
use super::{AuditRecord, ChainKeys, Reached};
use crate::store::Store;

/// Jobs that may wait.
const QUEUE: usize = 4096;
/// Jobs that share a transaction at most.
const BATCH: usize = 512;
/// How long the same refusals are counted before the count is written.
const FOLD_WINDOW: Duration = Duration::from_secs(5);

/// Something to write.
pub(crate) enum Job {
    Audit(Box<AuditRecord>),
    Touch(SessionId, Timestamp),
    /// Ends a session that has timed out; the entry is written by whoever finds it still there.
    EndSession(SessionId, Box<AuditRecord>),
    /// Answers once everything queued before it is committed.
    Flush(oneshot::Sender<()>),
}

impl Job {
    /// How many events would be lost with it.
    pub(super) fn events(&self) -> u64 {
        match self {
            Self::Audit(record) => record.count.unwrap_or(1),
            Self::EndSession(..) => 1,
            Self::Touch(..) | Self::Flush(_) => 0,
        }
    }
}

/// The queue's end that flows hold.
pub(crate) struct Writer {
    sender: mpsc::Sender<Job>,
    /// Taken by the first caller, who starts the task: a service may be put together outside a runtime.
    task: Mutex<Option<Task>>,
    folds: Arc<Folds>,
    dropped: Arc<AtomicU64>,
    is_ending: Arc<AtomicBool>,
}

impl Writer {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        (chain, reached): (Arc<ChainKeys>, Arc<Reached>),
        node: String,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let folds = Arc::new(Folds::default());
        let dropped = Arc::new(AtomicU64::new(0));
        let is_ending = Arc::new(AtomicBool::new(false));
        let (lost, ending) = (Arc::clone(&dropped), Arc::clone(&is_ending));
        let committer = Committer { store, clock, chain, reached, node, dropped: lost, is_ending: ending };
        let task = Task { committer: Arc::new(committer), receiver, folds: Arc::clone(&folds) };
        Self { sender, task: Mutex::new(Some(task)), folds, dropped, is_ending }
    }

    /// Queues an entry, or counts it with others of its kind, and returns at once.
    pub(crate) fn record(&self, record: AuditRecord) {
        match self.folds.take(Box::new(record)) {
            Folded::Write(record) => self.queue(Job::Audit(record)),
            Folded::Counted => {}
            Folded::WriteAll(records) => records.into_iter().for_each(|record| self.queue(Job::Audit(Box::new(record)))),
        }
    }

    /// Jobs that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.sender.max_capacity() - self.sender.capacity()
    }

    /// Queues a job and returns at once.
    pub(crate) fn queue(&self, job: Job) {
        self.start();
        if let Err(error) = self.sender.try_send(job) {
            self.dropped.fetch_add(error.into_inner().events(), Ordering::Relaxed);
        }
    }

    /// Waits until everything queued so far is committed, counts included.
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
    committer: Arc<Committer>,
    receiver: mpsc::Receiver<Job>,
    folds: Arc<Folds>,
}

impl Task {
    async fn run(mut self) {
        let mut window_ends = Instant::now() + FOLD_WINDOW;
        loop {
            let (mut batch, is_open) = self.next(window_ends).await;
            let mut told = Vec::new();
            batch.retain_mut(|job| match job {
                Job::Flush(done) => {
                    told.push(std::mem::replace(done, oneshot::channel().0));
                    false
                }
                _ => true,
            });
            if !told.is_empty() || !is_open || Instant::now() >= window_ends {
                batch.extend(self.folds.drain().into_iter().map(|record| Job::Audit(Box::new(record))));
                window_ends = Instant::now() + FOLD_WINDOW;
            }
            Committer::commit(&self.committer, batch).await;
            told.into_iter().for_each(|done| {
                let _ = done.send(());
            });
            if !is_open {
                return;
            }
        }
    }

    /// Whatever is queued, or nothing once the window ends; and whether more may come.
    async fn next(&mut self, window_ends: Instant) -> (Vec<Job>, bool) {
        let mut batch = Vec::with_capacity(BATCH);
        let more = self.receiver.recv_many(&mut batch, BATCH);
        let count = if self.folds.is_idle() { Some(more.await) } else { timeout_at(window_ends, more).await.ok() };
        (batch, count != Some(0))
    }
}
